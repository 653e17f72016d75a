//! Reading the values of a push, which are texts in XML and numbers or texts in JSON.
//!
//! What is optional comes as absent, as an empty element or as an empty text; all three are `None` here.

use std::borrow::Cow;

use serde_json::Value;

/// The text at `name` of an object, or the number there as a text; `None` if it is absent or empty.
#[must_use]
pub fn text<'v>(value: &'v Value, name: &str) -> Option<Cow<'v, str>> {
    match value.get(name)? {
        Value::String(text) => Some(Cow::Borrowed(text.as_str())).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// The whole number at `name` of an object, or the one that a text there spells.
#[must_use]
pub fn number(value: &Value, name: &str) -> Option<u64> {
    integer(value, name)?.try_into().ok()
}

/// The same, also below zero, as error numbers are.
#[must_use]
pub fn integer(value: &Value, name: &str) -> Option<i64> {
    match value.get(name)? {
        Value::Number(number) => number.as_i64(),
        // Without a plus sign, which WeChat does not write.
        Value::String(text) if !text.starts_with('+') => text.parse().ok(),
        _ => None,
    }
}

/// The entries of a list: an array's, or the one entry that stands there without an array.
#[must_use]
pub fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    match value.get(name) {
        Some(Value::Array(entries)) => entries,
        Some(entry @ Value::Object(_)) => std::slice::from_ref(entry),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_may_be_a_text_and_a_text_a_number() {
        let value = json!({ "n": -1008, "t": "-1008", "id": 24_355_496_525_099_163_u64, "label": "100" });
        assert_eq!(integer(&value, "n"), Some(-1008));
        assert_eq!(integer(&value, "t"), Some(-1008));
        assert_eq!(number(&value, "n"), None);
        assert_eq!(number(&value, "label"), Some(100));
        assert_eq!(text(&value, "id").as_deref(), Some("24355496525099163"));
        for wrong in [json!("+1"), json!(" 1"), json!("1.5"), json!(1.5), json!(""), json!(null), json!([1])]
        {
            assert_eq!(integer(&json!({ "a": wrong }), "a"), None);
        }
    }

    #[test]
    fn an_absent_value_is_the_same_as_an_empty_one() {
        for value in [json!({}), json!({ "a": "" }), json!({ "a": null }), json!({ "a": {} }), json!([])] {
            assert_eq!(text(&value, "a"), None, "{value}");
        }
    }

    #[test]
    fn a_list_of_one_entry_may_stand_without_an_array() {
        assert_eq!(list(&json!({ "List": { "a": 1 } }), "List").len(), 1);
        assert_eq!(list(&json!({ "List": [{ "a": 1 }, { "a": 2 }] }), "List").len(), 2);
        assert!(list(&json!({ "List": "" }), "List").is_empty());
        assert!(list(&json!({}), "List").is_empty());
    }
}
