//! What a request reads and writes, item by item.

use serde_json::{Map, Value, json};

/// One item, or one range of items, that a request reads or writes.
#[derive(Debug)]
pub(super) struct RequestPart<'a> {
    pub(super) table: &'a str,
    pub(super) action: Action,
    /// What names the item: `Key` or `Item`; for a range the request itself.
    pub(super) item: &'a Value,
    /// What holds the expressions.
    pub(super) body: &'a Value,
}

/// What is done with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Read,
    ReadRange,
    Put,
    Update,
    Delete,
    /// A condition of a transaction, which costs as a write does.
    Check,
}

/// What an update does to an attribute.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change<'a> {
    None,
    Set(&'a Value),
    Remove,
}

/// The parts of a request, in its order. None for an operation that neither reads nor writes items.
pub(super) fn parts<'a>(operation: &str, request: &'a Value) -> Vec<RequestPart<'a>> {
    let single = |action, name: &str| part(action, request, name).into_iter().collect();
    match operation {
        "GetItem" => single(Action::Read, "Key"),
        "PutItem" => single(Action::Put, "Item"),
        "UpdateItem" => single(Action::Update, "Key"),
        "DeleteItem" => single(Action::Delete, "Key"),
        "Query" | "Scan" => {
            let table = request.get("TableName").and_then(Value::as_str).unwrap_or_default();
            vec![RequestPart { table, action: Action::ReadRange, item: request, body: request }]
        }
        "TransactGetItems" | "TransactWriteItems" => array(request.get("TransactItems"))
            .filter_map(|item| {
                let (kind, body) = item.as_object()?.iter().next()?;
                let (action, name) = match kind.as_str() {
                    "Get" => (Action::Read, "Key"),
                    "Put" => (Action::Put, "Item"),
                    "Update" => (Action::Update, "Key"),
                    "Delete" => (Action::Delete, "Key"),
                    _ => (Action::Check, "Key"),
                };
                part(action, body, name)
            })
            .collect(),
        "BatchGetItem" => tables(request)
            .flat_map(|(table, body)| {
                let keys = array(body.get("Keys"));
                keys.map(move |item| RequestPart { table, action: Action::Read, item, body })
            })
            .collect(),
        "BatchWriteItem" => tables(request)
            .flat_map(|(table, writes)| {
                array(Some(writes)).filter_map(move |body| {
                    let put = body.pointer("/PutRequest/Item").map(|item| (Action::Put, item));
                    let delete = || body.pointer("/DeleteRequest/Key").map(|key| (Action::Delete, key));
                    let (action, item) = put.or_else(delete)?;
                    Some(RequestPart { table, action, item, body })
                })
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The `RequestItems` of a batch for which `keep` holds, by the part's number. `None` if there are none.
pub(super) fn batch_items(
    operation: &str,
    request: &Value,
    mut keep: impl FnMut(usize) -> bool,
) -> Option<Value> {
    let mut number = 0;
    let mut kept = Map::new();
    for (table, body) in tables(request) {
        let items = if operation == "BatchGetItem" { body.get("Keys") } else { Some(body) };
        let items: Vec<Value> = array(items)
            .filter(|_| {
                number += 1;
                keep(number - 1)
            })
            .cloned()
            .collect();
        if items.is_empty() {
            continue;
        }
        let body = if operation == "BatchGetItem" {
            let mut body = body.clone();
            if let Some(body) = body.as_object_mut() {
                body.insert("Keys".to_owned(), items.into());
            }
            body
        } else {
            items.into()
        };
        kept.insert(table.to_owned(), body);
    }
    if kept.is_empty() { None } else { Some(json!(kept)) }
}

/// What the update expression does to the attribute. What it computes, as `if_not_exists` does, counts as no change.
pub(super) fn change<'a>(update: &'a Value, attribute: &str) -> Change<'a> {
    let expression = update.get("UpdateExpression").and_then(Value::as_str).unwrap_or_default();
    let expression = expression.replace('=', " = ").replace(',', " , ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    let is_attribute = |word: &str| {
        let alias = update.get("ExpressionAttributeNames").and_then(|names| names.get(word));
        alias.and_then(Value::as_str).unwrap_or(word) == attribute
    };
    let mut removes = false;
    for (at, word) in words.iter().enumerate() {
        match word.to_ascii_uppercase().as_str() {
            "REMOVE" => removes = true,
            "SET" | "ADD" | "DELETE" => removes = false,
            _ if !is_attribute(word) => {}
            _ if removes => return Change::Remove,
            _ => {
                let [Some("="), Some(value)] = [1, 2].map(|next| words.get(at + next).copied()) else {
                    continue;
                };
                let value = update.get("ExpressionAttributeValues").and_then(|values| values.get(value));
                if let Some(value) = value {
                    return Change::Set(value);
                }
            }
        }
    }
    Change::None
}

fn part<'a>(action: Action, body: &'a Value, name: &str) -> Option<RequestPart<'a>> {
    let table = body.get("TableName")?.as_str()?;
    Some(RequestPart { table, action, item: body.get(name)?, body })
}

fn tables(request: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let tables = request.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
    tables.map(|(table, body)| (table.as_str(), body))
}

fn array(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_sets_removes_or_leaves_an_attribute() {
        let update = json!({
            "UpdateExpression": "SET #d = :shard, at=:at, n = n + :one REMOVE old, #g ADD hits :one",
            "ExpressionAttributeNames": {"#d": "due_shard", "#g": "gone"},
            "ExpressionAttributeValues": {":shard": {"S": "7"}, ":at": {"N": "5"}, ":one": {"N": "1"}},
        });
        assert_eq!(change(&update, "due_shard"), Change::Set(&json!({"S": "7"})));
        assert_eq!(change(&update, "at"), Change::Set(&json!({"N": "5"})));
        assert_eq!(change(&update, "gone"), Change::Remove);
        for kept in ["n", "hits", "other"] {
            assert_eq!(change(&update, kept), Change::None, "{kept}");
        }
    }

    #[test]
    fn a_batch_keeps_the_parts_that_are_asked_for() {
        let request =
            json!({"RequestItems": {"a": {"Keys": [1, 2], "ConsistentRead": true}, "b": {"Keys": [3]}}});
        assert_eq!(parts("BatchGetItem", &request).len(), 3);
        let second = batch_items("BatchGetItem", &request, |number| number == 1);
        assert_eq!(second, Some(json!({"a": {"Keys": [2], "ConsistentRead": true}})));
        assert_eq!(batch_items("BatchGetItem", &request, |_| false), None);
        let writes =
            json!({"RequestItems": {"a": [{"PutRequest": {"Item": {}}}, {"DeleteRequest": {"Key": {}}}]}});
        let kept = batch_items("BatchWriteItem", &writes, |number| number == 0);
        assert_eq!(kept, Some(json!({"a": [{"PutRequest": {"Item": {}}}]})));
    }
}
