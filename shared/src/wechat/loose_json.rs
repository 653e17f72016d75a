//! The JSON of the open platform and of decrypted open data, which is not always strict JSON.
//!
//! WeChat copies texts of users into its JSON unchanged: with raw control characters, with half an emoji, with bytes that are no
//! UTF-8. Some answers begin with a byte-order mark or end with NUL bytes. Only these forms are accepted beside strict JSON.
//! Signatures are verified over the bytes as they were received, never over a value that is read here. Messages of WeChat Pay are
//! signed and strict JSON, so they are not read here.

use std::fmt::Write;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// Reads a JSON object; `None` if the bytes are none, even with the forms of WeChat's JSON.
///
/// A control character within a text is kept. A surrogate without its other half and bytes that are no UTF-8 become U+FFFD. A
/// byte-order mark at the beginning and NUL bytes at the end are dropped.
#[must_use]
pub fn read_object(bytes: &[u8]) -> Option<Map<String, Value>> {
    read(bytes)
}

/// What the bytes are as a `T`; `None` if they are none, even with the forms of WeChat's JSON.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    // Nearly every answer is strict JSON, so the copy is made only if reading it fails.
    serde_json::from_slice(bytes).or_else(|_| serde_json::from_str(&as_strict_json(bytes))).ok()
}

/// The value as a whole number. A text that spells one is read too, because WeChat sends both.
#[must_use]
pub fn whole_number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

/// The same JSON in strict form. Only the forms that the module describes are changed, so other faults remain and are refused. The
/// copy can hold a `session_key` or a phone number, so it is wiped on drop.
fn as_strict_json(bytes: &[u8]) -> Zeroizing<String> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let end = bytes.iter().rposition(|byte| !b"\0 \t\r\n".contains(byte)).map_or(0, |last| last + 1);
    let text = Zeroizing::new(String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned());
    let mut strict = Zeroizing::new(String::with_capacity(text.len() + SPARE));
    let mut rest = text.chars();
    let mut is_within_text = false;
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                is_within_text = !is_within_text;
                strict.push(c);
            }
            '\\' if is_within_text => rest = push_escape(&mut strict, rest.as_str()).chars(),
            c if is_within_text && c < ' ' => push_code_unit(&mut strict, u32::from(c)),
            c => strict.push(c),
        }
    }
    strict
}

/// Adds the escape whose backslash stands before `text`, and returns the text after the escape.
fn push_escape<'t>(strict: &mut String, text: &'t str) -> &'t str {
    let Some((unit, after)) = code_unit(text) else {
        // `\"`, `\\` and the like. An escape that JSON does not have is copied, so that it is refused later.
        strict.push('\\');
        let mut rest = text.chars();
        strict.extend(rest.next());
        return rest.as_str();
    };
    match (unit, after.strip_prefix('\\').and_then(code_unit)) {
        (0xd800..=0xdbff, Some((low @ 0xdc00..=0xdfff, rest))) => {
            push_code_unit(strict, unit);
            push_code_unit(strict, low);
            rest
        }
        (0xd800..=0xdfff, _) => {
            strict.push(char::REPLACEMENT_CHARACTER);
            after
        }
        _ => {
            push_code_unit(strict, unit);
            after
        }
    }
}

fn push_code_unit(strict: &mut String, unit: u32) {
    // Writing to a `String` can't fail.
    let _ = write!(strict, "\\u{unit:04x}");
}

/// The number of an escape, `u` and four hexadecimal digits, and the text after the escape.
fn code_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.strip_prefix('u')?.split_at_checked(4)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u32::from_str_radix(digits, 16).ok().map(|unit| (unit, rest)))?
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Room for a few escapes in bytes, so that the copy is seldom reallocated.
const SPARE: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(bytes: &[u8]) -> Option<Value> {
        read_object(bytes).map(Value::Object)
    }

    #[test]
    fn each_form_that_wechat_sends_is_read() {
        for (bytes, value) in [
            (&b"{\"a\":\"x\n\r\t\x00\x14\x1f\x7fy\"}"[..], json!({ "a": "x\n\r\t\0\u{14}\u{1f}\u{7f}y" })),
            (b"{\"a\nb\":1}", json!({ "a\nb": 1 })),
            (b"\xef\xbb\xbf{\"a\":1}", json!({ "a": 1 })),
            (b"{\"a\":1}\0", json!({ "a": 1 })),
            (b"{\"a\":1}\r\n\0\0\0\n", json!({ "a": 1 })),
            (br#"{"a":"x\ud83d"}"#, json!({ "a": "x\u{fffd}" })),
            (br#"{"a":"\uD83Dx"}"#, json!({ "a": "\u{fffd}x" })),
            (br#"{"a":"\ude00\ud83d"}"#, json!({ "a": "\u{fffd}\u{fffd}" })),
            (br#"{"a":"\ud83d\ud83d\ude00"}"#, json!({ "a": "\u{fffd}😀" })),
            (br#"{"a":"\ud83d\n\u0041"}"#, json!({ "a": "\u{fffd}\nA" })),
            (b"{\"a\":\"x\xf0\x9f\x98\",\"b\":1}", json!({ "a": "x\u{fffd}", "b": 1 })),
            (b"{\"a\":\"\xed\xa0\xbd\"}", json!({ "a": "\u{fffd}\u{fffd}\u{fffd}" })),
            (b"{\"a\":\"\xff\\\"\n\\\\\"}", json!({ "a": "\u{fffd}\"\n\\" })),
        ] {
            assert_eq!(read(bytes), Some(value), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn every_other_fault_is_refused() {
        for bytes in [
            &b""[..],
            b"\0",
            b"\xef\xbb\xbf",
            b"<html>",
            b"[]",
            b"null",
            b"\"{}\"",
            b"{\"a\":1",
            b"{\"a\":\"x",
            b"{\"a\":1}{}",
            b"{\"a\":1} x",
            b"{\"a\":1,}",
            b"{'a':1}",
            b"{a:1}",
            b"{\"a\":01}",
            b"{\"a\":NaN}",
            b"{\"a\":\x01 1}",
            b"{\0\"a\":1}",
            b"\0{\"a\":1}",
            b"{\"a\":1\xff}",
            b"\xff{\"a\":1}",
            b"\xef\xbb\xbf\xef\xbb\xbf{\"a\":1}",
            b"{\"a\":\"\\x\"}",
            b"{\"a\":\"\\\n\"}",
            b"{\"a\":\"\\u12\"}",
            b"{\"a\":\"\\ud83d\\u12\"}",
            b"{\"a\":\"\\u+123\"}",
            b"{\"a\":\"\\\"}",
        ] {
            assert_eq!(read(bytes), None, "{}", String::from_utf8_lossy(bytes));
        }
        let deep = format!("{}\n{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        assert_eq!(read(deep.as_bytes()), None);
    }

    #[test]
    fn a_whole_number_may_stand_in_a_text() {
        assert_eq!(whole_number(&json!(86)), Some(86));
        assert_eq!(whole_number(&json!("86")), Some(86));
        for value in [json!(-1), json!(1.5), json!("+1"), json!(""), json!(" 1"), json!(null), json!([1])] {
            assert_eq!(whole_number(&value), None, "{value}");
        }
    }

    /// Objects of texts and of what stands between them.
    fn objects() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<String>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ];
        let value = leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| json!(map)),
            ]
        });
        prop::collection::btree_map(any::<String>(), value, 1..4).prop_map(|map| json!(map))
    }

    proptest! {
        #[test]
        fn reading_any_bytes_never_panics(bytes: Vec<u8>) {
            let _ = read_object(&bytes);
        }

        #[test]
        fn reading_any_text_in_an_object_never_panics(text in "[\\\\u\"dD8c0-9\n]{0,12}") {
            let _ = read_object(format!("{{\"a\":\"{text}\"}}").as_bytes());
        }

        #[test]
        fn strict_json_is_read_as_it_is(object in objects()) {
            let text = object.to_string();
            prop_assert_eq!(read(text.as_bytes()), Some(object.clone()));
            // The second way as well, which is only gone if the first fails.
            let again: Value = serde_json::from_str(&as_strict_json(text.as_bytes())).unwrap();
            prop_assert_eq!(again, object);
        }

        #[test]
        fn texts_with_raw_control_characters_marks_and_nuls_are_read(object in objects(), nuls in 0..9_usize) {
            // What the writer escaped stands raw, as WeChat writes it.
            let mut text = object.to_string();
            for code in (0..0x20_u8).chain([0x7f]) {
                text = text.replace(&format!("\\u{code:04x}"), &char::from(code).to_string());
            }
            for (escape, raw) in [("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r")] {
                text = text.split("\\\\").map(|part| part.replace(escape, raw)).collect::<Vec<_>>().join("\\\\");
            }
            prop_assume!(!object.to_string().contains("\\\\u"));
            let bytes = [BYTE_ORDER_MARK, text.as_bytes(), &vec![0; nuls]].concat();
            prop_assert_eq!(read(&bytes), Some(object));
        }

        #[test]
        fn any_bytes_in_a_text_are_what_utf8_makes_of_them(bytes: Vec<u8>) {
            let bytes: Vec<u8> = bytes.into_iter().filter(|byte| !b"\"\\".contains(byte)).collect();
            let whole = [&b"{\"a\":\""[..], &bytes, b"\",\"b\":1}"].concat();
            let text = String::from_utf8_lossy(&bytes);
            prop_assert_eq!(read(&whole), Some(json!({ "a": text, "b": 1 })));
        }

        #[test]
        fn a_control_character_between_texts_is_refused(object in objects(), byte in 0..0x20_u8) {
            prop_assume!(!b"\t\r\n".contains(&byte));
            let mut bytes = object.to_string().into_bytes();
            bytes.insert(1, byte);
            prop_assert_eq!(read(&bytes), None);
        }
    }
}
