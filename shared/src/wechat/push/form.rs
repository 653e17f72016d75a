//! The two forms of a push, XML and JSON, of which the console sends one. Both are read to the same members.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{FormError, xml};
use crate::wechat::loose_json;

/// The form of a push, which its answer has as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushForm {
    /// `<xml>…</xml>`
    Xml,
    /// `{…}`
    Json,
}

impl PushForm {
    /// The `Content-Type` of an answer in this form.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Xml => "text/xml; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    /// The form of the bytes, by their first character that is no blank, because the header is not always right.
    ///
    /// # Errors
    /// [`FormError::Malformed`]: they have neither.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, FormError> {
        match strip_mark(bytes).trim_ascii_start().first() {
            Some(b'<') => Ok(Self::Xml),
            Some(b'{') => Ok(Self::Json),
            _ => Err(FormError::Malformed),
        }
    }

    /// The members of the message.
    ///
    /// # Errors
    /// [`FormError`]; another try does not help.
    pub(super) fn read(self, bytes: &[u8]) -> Result<Map<String, Value>, FormError> {
        if bytes.len() > MAX_BYTES {
            return Err(FormError::TooLarge);
        }
        match self {
            Self::Xml => {
                let text = std::str::from_utf8(strip_mark(bytes)).map_err(|_| FormError::Encoding)?;
                xml::read(text.trim_ascii_start(), MAX_DEPTH)
            }
            // Texts of users stand in it as users wrote them.
            Self::Json => match loose_json::read::<Members>(bytes) {
                Some(Members(members)) => Ok(members),
                None => Err(FormError::Malformed),
            },
        }
    }
}

fn strip_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// The members of a JSON object, in which no name stands twice and nothing is nested deeper than [`MAX_DEPTH`].
struct Members(Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Node(MAX_DEPTH).deserialize(deserializer)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(D::Error::custom("not an object")),
        }
    }
}

/// A value below which so many levels may follow.
#[derive(Clone, Copy)]
struct Node(usize);

impl Node {
    fn child<E: serde::de::Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom("nested too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let child = self.child()?;
        let mut array = Vec::new();
        while let Some(entry) = entries.next_element_seed(child)? {
            array.push(entry);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let child = self.child()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.insert(name, members.next_value_seed(child)?).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The largest push read, in bytes. A user's text has a few thousand at most, and encryption adds a third.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// How many levels a message has at most, the top level among them. Real ones have four.
const MAX_DEPTH: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Value, FormError> {
        PushForm::of(bytes)?.read(bytes).map(Value::Object)
    }

    #[test]
    fn the_first_character_that_is_no_blank_decides_the_form() {
        for (bytes, form) in [
            (&b" \r\n<xml/>"[..], Ok(PushForm::Xml)),
            (b"\xef\xbb\xbf<xml/>", Ok(PushForm::Xml)),
            (b"\n{}", Ok(PushForm::Json)),
            (b"\xef\xbb\xbf{}", Ok(PushForm::Json)),
            (b"", Err(FormError::Malformed)),
            (b"[]", Err(FormError::Malformed)),
            (b"\x1f\x8b\x08\x00", Err(FormError::Malformed)),
        ] {
            assert_eq!(PushForm::of(bytes), form);
        }
        assert_eq!(read(b"\xef\xbb\xbf<xml><a>1</a></xml>").unwrap(), json!({ "a": "1" }));
        assert_eq!(read(b"\xef\xbb\xbf{\"a\":1}").unwrap(), json!({ "a": 1 }));
    }

    #[test]
    fn a_name_that_stands_twice_in_json_is_refused_at_every_level() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"b":{"a":1,"a":2}}"#, r#"{"b":[{"a":1,"\u0061":2}]}"#] {
            assert_eq!(read(text.as_bytes()), Err(FormError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_body_that_is_too_deep_or_too_large_is_refused() {
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(read(nested(8).as_bytes()).is_ok());
        assert_eq!(read(nested(9).as_bytes()), Err(FormError::Malformed));
        assert_eq!(read(nested(100_000 / 6).as_bytes()), Err(FormError::TooLarge));
        let arrays = format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(read(arrays.as_bytes()), Err(FormError::Malformed));
        assert_eq!(read(&[b'<'; MAX_BYTES + 1]), Err(FormError::TooLarge));
    }

    #[test]
    fn texts_of_users_are_read_from_json_as_they_wrote_them() {
        assert_eq!(read(b"{\"Content\":\"a\nb\"}").unwrap(), json!({ "Content": "a\nb" }));
    }

    proptest! {
        #[test]
        fn reading_any_bytes_never_panics(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }

        #[test]
        fn reading_any_near_xml_never_panics(text in "(<xml>|</xml>|<a>|</a>|<a/>|<!\\[CDATA\\[|\\]\\]>|&amp;|&#|;|x|<|>|<!DOCTYPE|<\\?){0,20}") {
            let _ = read(format!("<xml>{text}").as_bytes());
            let _ = read(text.as_bytes());
        }

        #[test]
        fn reading_any_near_json_never_panics(text in "(\\{|\\}|\\[|\\]|\"a\"|:|,|1|null|\\\\u|\"){0,20}") {
            let _ = read(format!("{{{text}").as_bytes());
        }
    }
}
