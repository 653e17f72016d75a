//! How large an item is, by the rules of "DynamoDB item sizes and formats"
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).

use serde_json::{Map, Value};

/// The size of an item in bytes.
pub(super) fn of_item(item: &Value) -> usize {
    item.as_object().map_or(0, |item| of_attributes(item, 0))
}

fn of_attributes(attributes: &Map<String, Value>, overhead: usize) -> usize {
    attributes
        .iter()
        .map(|(name, value)| overhead.saturating_add(name.len()).saturating_add(of_value(value)))
        .sum()
}

/// The size of an attribute's value, which is a mapping from its type.
fn of_value(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("BOOL" | "NULL", _) => 1,
        ("L", Value::Array(items)) => {
            items.iter().map(|item| of_value(item).saturating_add(1)).fold(OVERHEAD, usize::saturating_add)
        }
        ("M", Value::Object(map)) => of_attributes(map, 1).saturating_add(OVERHEAD),
        ("BS" | "NS" | "SS", Value::Array(members)) => {
            members.iter().filter_map(Value::as_str).map(|member| of_scalar(kind, member)).sum()
        }
        (kind, Value::String(text)) => of_scalar(kind, text),
        _ => 0,
    }
}

fn of_scalar(kind: &str, text: &str) -> usize {
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

/// What a list or a map costs beside its members.
const OVERHEAD: usize = 3;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_those_of_the_vendors_examples() {
        let keys = json!({"Id": {"N": "101"}});
        let new = json!({"Message": {"S": "New item!"}, "Id": {"N": "101"}});
        let changed = json!({"Message": {"S": "This item has changed"}, "Id": {"N": "101"}});
        assert_eq!(of_item(&keys) + of_item(&new), 26);
        assert_eq!(of_item(&keys) + of_item(&new) + of_item(&changed), 59);
    }

    #[test]
    fn every_type_has_a_size() {
        let size = |value: Value| of_item(&json!({"a": value})) - 1;
        assert_eq!(size(json!({"BOOL": true})), 1);
        assert_eq!(size(json!({"B": "AQID"})), 3);
        assert_eq!(size(json!({"N": "-1200"})), 2);
        assert_eq!(size(json!({"SS": ["ab", "c"]})), 3);
        assert_eq!(size(json!({"L": [{"S": "ab"}]})), 6);
        assert_eq!(size(json!({"M": {"k": {"S": "ab"}}})), 7);
    }
}
