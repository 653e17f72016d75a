//! The condition key `dynamodb:LeadingKeys`: the partition keys that a request touches.

use serde_json::Value;

/// The partition key of an item or of a key; `None` when it is missing.
pub(crate) fn from_item(item: Option<&Value>, partition_key: Option<&str>) -> Option<Vec<String>> {
    key_text(item?.get(partition_key?)?).map(|key| vec![key])
}

/// The partition key that a query reads. `None` unless the key condition contains `partition = :value`, alone or with `AND`.
pub(crate) fn from_query(request: &Value, partition_key: Option<&str>) -> Option<Vec<String>> {
    let partition_key = partition_key?;
    let condition = request.get("KeyConditionExpression")?.as_str()?;
    let words: Vec<&str> = condition.split_whitespace().collect();
    words.windows(3).find_map(|words| {
        let [name, "=", value] = words else { return None };
        let alias = request.get("ExpressionAttributeNames").and_then(|names| names.get(name));
        let name = alias.and_then(Value::as_str).unwrap_or(name);
        let value = request.get("ExpressionAttributeValues")?.get(value)?;
        if name == partition_key { key_text(value).map(|key| vec![key]) } else { None }
    })
}

/// The text of a key's value, because IAM compares strings, numbers and Base64 as text.
fn key_text(value: &Value) -> Option<String> {
    ["S", "N", "B"].iter().find_map(|kind| value.get(kind)).and_then(Value::as_str).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_names_its_partition() {
        let request = json!({
            "KeyConditionExpression": "#p = :p AND begins_with(sk, :s)",
            "ExpressionAttributeNames": {"#p": "pk"},
            "ExpressionAttributeValues": {":p": {"S": "user#1"}, ":s": {"S": "o"}},
        });
        assert_eq!(from_query(&request, Some("pk")), Some(vec!["user#1".to_owned()]));
        assert_eq!(from_query(&request, Some("other")), None);
    }
}
