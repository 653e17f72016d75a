//! `FilterCriteria` of a stream, which choose the records that a function gets.
//!
//! A pattern is parsed together with the template. A part of a pattern that this reader does not support is an error, because an
//! ignored filter delivers too much and one that never matches delivers nothing.
//!
//! It follows "Using event filtering with a DynamoDB event source"
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html>).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::TemplateError;

/// A pattern. A record matches when every field of the pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    fields: BTreeMap<String, FilterNode>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FilterNode {
    /// Every field must match.
    Fields(BTreeMap<String, Self>),
    /// One of the rules must hold.
    Leaf(Vec<FilterRule>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FilterRule {
    /// The value is none of these.
    AnythingBut(Vec<Value>),
    /// The value is exactly this.
    Equals(Value),
    /// The field exists (`true`) or does not exist (`false`).
    Exists(bool),
    /// The value is a text with this prefix.
    Prefix(String),
}

/// The level of a field in a record, which decides the fields that are allowed below it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FilterLevel {
    /// The record itself.
    Record,
    /// `userIdentity`.
    Identity,
    /// `dynamodb`.
    Change,
    /// `Keys`, `NewImage` or `OldImage`, whose fields are attributes.
    Item,
    /// An attribute, whose one field is the type.
    Attribute,
    /// A value.
    Scalar,
}

impl Filter {
    /// Parses a pattern, which the template has at `place` as text.
    pub(crate) fn read(place: &str, pattern: &str) -> Result<Self, TemplateError> {
        let Ok(value) = serde_json::from_str::<Value>(pattern) else {
            return Err(TemplateError::unexpected(place, "JSON as text", &pattern.into()));
        };
        match FilterNode::read(place, &value, FilterLevel::Record)? {
            FilterNode::Fields(fields) => Ok(Self { fields }),
            FilterNode::Leaf(_) => Err(TemplateError::unexpected(place, "a JSON object as text", &value)),
        }
    }

    /// Whether a record in Lambda's form matches.
    #[must_use]
    pub fn matches(&self, record: &Value) -> bool {
        fields_match(&self.fields, Some(record))
    }
}

impl FilterNode {
    fn read(place: &str, value: &Value, level: FilterLevel) -> Result<Self, TemplateError> {
        match value {
            Value::Object(map) if level != FilterLevel::Scalar => {
                let fields = map.iter().map(|(name, value)| {
                    let place = format!("{place}.{name}");
                    let below = level.below(name).ok_or_else(|| {
                        TemplateError::unsupported(&place, "a pattern for this field", level.known())
                    })?;
                    Ok((name.clone(), Self::read(&place, value, below)?))
                });
                Ok(Self::Fields(fields.collect::<Result<_, TemplateError>>()?))
            }
            Value::Array(rules) if level == FilterLevel::Scalar && !rules.is_empty() => Ok(Self::Leaf(
                rules.iter().map(|rule| FilterRule::read(place, rule)).collect::<Result<_, _>>()?,
            )),
            // Lambda compares leaves only, so `exists` of a whole attribute would never be true.
            other => {
                let expected =
                    if level == FilterLevel::Scalar { "a list of rules" } else { level.expected() };
                Err(TemplateError::unexpected(place, expected, other))
            }
        }
    }

    fn matches(&self, found: Option<&Value>) -> bool {
        match self {
            Self::Fields(fields) => fields_match(fields, found),
            Self::Leaf(rules) => match found {
                Some(Value::Array(values)) => {
                    values.iter().any(|value| rules.iter().any(|rule| rule.holds(Some(value))))
                }
                found => rules.iter().any(|rule| rule.holds(found.filter(|value| !value.is_object()))),
            },
        }
    }
}

impl FilterRule {
    fn read(place: &str, rule: &Value) -> Result<Self, TemplateError> {
        let unsupported = || {
            let what = format!("the rule {rule}");
            TemplateError::unsupported(place, what, &RULES)
        };
        let Value::Object(operator) = rule else {
            return if is_comparable(rule) { Ok(Self::Equals(rule.clone())) } else { Err(unsupported()) };
        };
        let mut operators = operator.iter();
        match (operators.next().map(|(name, argument)| (name.as_str(), argument)), operators.next()) {
            (Some(("anything-but", Value::Array(values))), None) if values.iter().all(is_comparable) => {
                Ok(Self::AnythingBut(values.clone()))
            }
            (Some(("anything-but", value)), None) if is_comparable(value) => {
                Ok(Self::AnythingBut(vec![value.clone()]))
            }
            (Some(("exists", Value::Bool(exists))), None) => Ok(Self::Exists(*exists)),
            (Some(("prefix", Value::String(prefix))), None) => Ok(Self::Prefix(prefix.clone())),
            _ => Err(unsupported()),
        }
    }

    fn holds(&self, found: Option<&Value>) -> bool {
        match self {
            Self::AnythingBut(values) => found.is_some_and(|found| !values.contains(found)),
            Self::Equals(value) => found == Some(value),
            Self::Exists(exists) => found.is_some() == *exists,
            Self::Prefix(prefix) => {
                found.and_then(Value::as_str).is_some_and(|text| text.starts_with(prefix.as_str()))
            }
        }
    }
}

impl FilterLevel {
    /// The level of a field below this one; `None` when records have no such field, or none that can be filtered by.
    fn below(self, name: &str) -> Option<Self> {
        match (self, name) {
            (Self::Item, _) => Some(Self::Attribute),
            (Self::Record, "dynamodb") => Some(Self::Change),
            (Self::Record, "userIdentity") => Some(Self::Identity),
            (Self::Change, _) if self.known().contains(&name) => Some(Self::Item),
            (Self::Attribute, "M") => Some(Self::Item),
            (Self::Record | Self::Identity | Self::Attribute, _) if self.known().contains(&name) => {
                Some(Self::Scalar)
            }
            _ => None,
        }
    }

    fn known(self) -> &'static [&'static str] {
        match self {
            Self::Record => &["dynamodb", "eventName", "userIdentity"],
            Self::Identity => &["principalId", "type"],
            Self::Change => &["Keys", "NewImage", "OldImage"],
            Self::Attribute => &["B", "BOOL", "BS", "M", "N", "NS", "NULL", "S", "SS"],
            Self::Item | Self::Scalar => &[],
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Attribute => "a mapping from the attribute's type (S, N, BOOL, …) to a list of rules",
            _ => "a mapping",
        }
    }
}

fn fields_match(fields: &BTreeMap<String, FilterNode>, found: Option<&Value>) -> bool {
    fields.iter().all(|(name, node)| node.matches(found.and_then(|found| found.get(name))))
}

/// Numbers are text in a stream, so a number in a pattern would never match.
fn is_comparable(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Null | Value::String(_))
}

const RULES: [&str; 5] = [
    "a text (numbers too are text in a stream), true, false or null",
    "{\"exists\": true or false}",
    "{\"prefix\": text}",
    "{\"anything-but\": text}",
    "{\"anything-but\": [texts]}",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(pattern: &Value) -> Filter {
        Filter::read("P", &pattern.to_string()).unwrap()
    }

    fn refusal(pattern: &Value) -> String {
        Filter::read("P", &pattern.to_string()).unwrap_err().to_string()
    }

    fn record() -> Value {
        json!({
            "eventName": "MODIFY",
            "dynamodb": {
                "Keys": {"id": {"S": "o#1"}},
                "NewImage": {
                    "id": {"S": "o#1"},
                    "total": {"N": "7"},
                    "tags": {"SS": ["a", "b"]},
                    "paid": {"BOOL": true},
                    "address": {"M": {"city": {"S": "X"}}},
                },
            },
        })
    }

    #[test]
    fn every_field_must_match_and_one_rule_of_each() {
        let of = |pattern: Value| filter(&pattern).matches(&record());
        assert!(of(json!({"eventName": ["INSERT", "MODIFY"]})));
        assert!(!of(json!({"eventName": ["INSERT"]})));
        assert!(of(json!({"dynamodb": {"NewImage": {"total": {"N": ["7"]}, "tags": {"SS": ["b"]}}}})));
        assert!(!of(json!({"dynamodb": {"NewImage": {"total": {"N": ["7"]}, "tags": {"SS": ["c"]}}}})));
        assert!(of(json!({"dynamodb": {"NewImage": {"paid": {"BOOL": [true]}}}})));
        assert!(of(json!({"dynamodb": {"NewImage": {"address": {"M": {"city": {"S": ["X"]}}}}}})));
        assert!(of(json!({"dynamodb": {"Keys": {"id": {"S": [{"prefix": "o#"}]}}}})));
        assert!(!of(json!({"dynamodb": {"Keys": {"id": {"S": [{"prefix": "p#"}]}}}})));
    }

    #[test]
    fn absence_is_matched_by_exists_alone() {
        let of = |rule: Value| {
            filter(&json!({"dynamodb": {"OldImage": {"id": {"S": [rule]}}}})).matches(&record())
        };
        assert!(of(json!({"exists": false})));
        assert!(!of(json!({"exists": true})));
        assert!(!of(json!({"anything-but": "x"})));
        let id = |rule: Value| {
            filter(&json!({"dynamodb": {"NewImage": {"id": {"S": [rule]}}}})).matches(&record())
        };
        assert!(id(json!({"exists": true})));
        assert!(id(json!({"anything-but": ["o#2", "o#3"]})));
        assert!(!id(json!({"anything-but": ["o#1"]})));
    }

    #[test]
    fn a_pattern_that_can_never_match_or_is_unsupported_is_refused() {
        let image = |attribute: Value| json!({"dynamodb": {"NewImage": {"id": attribute}}});
        let refused = refusal(&image(json!([{"exists": true}])));
        assert!(refused.starts_with("P.dynamodb.NewImage.id: expected a mapping from the attribute's type"));
        assert!(refusal(&image(json!({"X": ["a"]}))).contains("P.dynamodb.NewImage.id.X"));
        assert!(refusal(&image(json!({"N": [7]}))).contains("the rule 7 is not supported"));
        assert!(refusal(&image(json!({"N": [{"numeric": [">", 1]}]}))).contains("numeric"));
        assert!(refusal(&image(json!({"S": []}))).contains("a list of rules"));
        assert!(refusal(&image(json!({"S": "a"}))).contains("a list of rules"));
        assert!(refusal(&json!({"$or": [{}]})).contains("supported: dynamodb, eventName, userIdentity"));
        assert!(refusal(&json!(["INSERT"])).contains("a mapping"));
    }
}
