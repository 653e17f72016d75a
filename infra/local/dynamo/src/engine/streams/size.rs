//! The size of an item, by the rules of "DynamoDB item sizes and formats"
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).

use serde_json::{Map, Value};

/// The size of an item in bytes.
pub(super) fn item_size(item: &Value) -> usize {
    item.as_object().map_or(0, |item| attributes_size(item, 0))
}

fn attributes_size(attributes: &Map<String, Value>, overhead: usize) -> usize {
    attributes
        .iter()
        .map(|(name, value)| overhead.saturating_add(name.len()).saturating_add(value_size(value)))
        .sum()
}

/// The size of an attribute's value, which is a mapping from its type.
fn value_size(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("BOOL" | "NULL", _) => 1,
        ("L", Value::Array(items)) => items
            .iter()
            .map(|item| value_size(item).saturating_add(1))
            .fold(CONTAINER_OVERHEAD, usize::saturating_add),
        ("M", Value::Object(map)) => attributes_size(map, 1).saturating_add(CONTAINER_OVERHEAD),
        ("BS" | "NS" | "SS", Value::Array(members)) => {
            members.iter().filter_map(Value::as_str).map(|member| scalar_size(kind, member)).sum()
        }
        (kind, Value::String(text)) => scalar_size(kind, text),
        _ => 0,
    }
}

fn scalar_size(kind: &str, text: &str) -> usize {
    match kind {
        "B" | "BS" => text.trim_end_matches('=').len().saturating_mul(3) / 4,
        "N" | "NS" => {
            let digits = text.split(['e', 'E']).next().unwrap_or_default().trim_start_matches(['-', '+']);
            let digits = digits.replace('.', "");
            digits.trim_matches('0').len().div_ceil(2).saturating_add(1)
        }
        _ => text.len(),
    }
}

/// The bytes that a list or a map takes beside its members.
const CONTAINER_OVERHEAD: usize = 3;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_match_the_examples_in_aws_documentation() {
        let keys = json!({"Id": {"N": "101"}});
        let new = json!({"Message": {"S": "New item!"}, "Id": {"N": "101"}});
        let changed = json!({"Message": {"S": "This item has changed"}, "Id": {"N": "101"}});
        assert_eq!(item_size(&keys) + item_size(&new), 26);
        assert_eq!(item_size(&keys) + item_size(&new) + item_size(&changed), 59);
    }

    #[test]
    fn every_type_has_a_size() {
        let size = |value: Value| item_size(&json!({"a": value})) - 1;
        assert_eq!(size(json!({"BOOL": true})), 1);
        assert_eq!(size(json!({"B": "AQID"})), 3);
        assert_eq!(size(json!({"N": "-1200"})), 2);
        assert_eq!(size(json!({"SS": ["ab", "c"]})), 3);
        assert_eq!(size(json!({"L": [{"S": "ab"}]})), 6);
        assert_eq!(size(json!({"M": {"k": {"S": "ab"}}})), 7);
    }
}
