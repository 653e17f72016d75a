//! A body as an event keeps it.

use bytes::Bytes;
use serde_json::{Value, json};

/// A body as an event keeps it: as it was, or cut.
pub(crate) enum Content {
    /// The body as it was.
    Whole(Bytes),
    /// What is kept of a larger body.
    Cut(Value),
}

impl Content {
    pub(crate) fn new(bytes: Bytes) -> Self {
        if bytes.len() <= MAX_BODY_BYTES { Self::Whole(bytes) } else { Self::Cut(cut(&bytes)) }
    }

    /// JSON as JSON, other text as text, and of other bytes their number.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Whole(bytes) => {
                serde_json::from_slice(bytes).unwrap_or_else(|_| match str::from_utf8(bytes) {
                    Ok(text) => text.into(),
                    Err(_) => number_of_bytes(bytes),
                })
            }
            Self::Cut(value) => value.clone(),
        }
    }
}

/// What is kept of a large body. JSON keeps its form, because a file inside it is one long text.
fn cut(bytes: &[u8]) -> Value {
    if let Ok(mut json) = serde_json::from_slice::<Value>(bytes) {
        shorten(&mut json);
        if json.to_string().len() <= MAX_BODY_BYTES {
            return json;
        }
    }
    let Ok(text) = str::from_utf8(bytes) else { return number_of_bytes(bytes) };
    let end = (0..=MAX_BODY_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (kept, _) = text.split_at(end);
    format!("{kept}… ({} bytes in all)", bytes.len()).into()
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.chars().nth(MAX_TEXT_CHARS).is_some() => {
            let kept: String = text.chars().take(MAX_TEXT_CHARS).collect();
            *text = format!("{kept}… ({} bytes in all)", text.len());
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

fn number_of_bytes(bytes: &[u8]) -> Value {
    json!({ "bytes": bytes.len() })
}

/// How much of a body is kept.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
/// How much is kept of each text in the JSON of a larger body.
const MAX_TEXT_CHARS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: impl Into<Bytes>) -> Value {
        Content::new(bytes.into()).to_value()
    }

    #[test]
    fn a_body_is_shown_as_what_it_is() {
        assert_eq!(shown(r#"{"a":[1]}"#), json!({"a": [1]}));
        assert_eq!(shown("<xml>好</xml>"), "<xml>好</xml>");
        assert_eq!(shown(vec![0xff, 0xd8, 0xff]), json!({"bytes": 3}));
    }

    #[test]
    fn a_large_body_is_cut_with_a_mark() {
        let file = json!({"name": "file", "fileContent": "A".repeat(100_000)});
        let shown_file = shown(file.to_string());
        assert_eq!(shown_file["name"], "file");
        assert!(shown_file["fileContent"].as_str().unwrap().ends_with("AAA… (100000 bytes in all)"));
        let text = shown("好".repeat(10_000));
        assert!(text.as_str().unwrap().len() <= MAX_BODY_BYTES + 40, "{}", text.as_str().unwrap().len());
        assert!(text.as_str().unwrap().ends_with("好… (30000 bytes in all)"));
        let numbers = serde_json::to_string(&vec![1_234_567; 10_000]).unwrap();
        assert!(shown(numbers).as_str().unwrap().ends_with("(80001 bytes in all)"));
        assert_eq!(shown(vec![0xff; 20_000]), json!({"bytes": 20_000}));
    }
}
