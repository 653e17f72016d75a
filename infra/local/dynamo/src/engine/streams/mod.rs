//! The streams of tables as DynamoDB shows them. The engine stores both images of every write. A reader gets the images of the
//! view that the template asks for, and no record of a write that changed nothing.

mod size;

use std::collections::BTreeMap;

use dynoxide::actions::get_shard_iterator::decode_shard_iterator;
use local_template::Stack;
use serde_json::{Value, json};

/// The view that every stream has in the engine: both images, because only they show whether a write changed the item.
pub(super) const ENGINE_VIEW: &str = "NEW_AND_OLD_IMAGES";

/// The `StreamViewType` that the template asks for, by table name.
pub(super) struct StreamViews {
    region: String,
    views: BTreeMap<String, String>,
}

impl StreamViews {
    pub(super) fn new(stack: &Stack, region: &str) -> Self {
        let views = stack
            .tables
            .iter()
            .filter_map(|table| Some((table.name.clone(), requested_view(&table.create)?.to_owned())))
            .collect();
        Self { region: region.to_owned(), views }
    }

    /// Changes the engine's response to what DynamoDB would answer for the template's view.
    pub(super) fn adapt_response(&self, operation: &str, request: &Value, response: &mut Value) {
        match operation {
            "CreateTable" | "DescribeTable" | "UpdateTable" => {
                for part in ["/Table", "/TableDescription"] {
                    self.set_view(
                        response.pointer_mut(part),
                        "TableName",
                        "/StreamSpecification/StreamViewType",
                    );
                }
            }
            "DescribeStream" => {
                self.set_view(response.pointer_mut("/StreamDescription"), "TableName", "/StreamViewType");
            }
            "GetRecords" => {
                let iterator = request.get("ShardIterator").and_then(Value::as_str).unwrap_or_default();
                let table = decode_shard_iterator(iterator).map(|(table, ..)| table).unwrap_or_default();
                let view = self.views.get(&table).map_or(ENGINE_VIEW, String::as_str);
                if let Some(records) = response.get_mut("Records").and_then(Value::as_array_mut) {
                    records.retain(has_changed);
                    records.iter_mut().for_each(|record| self.adapt_record(record, view));
                }
            }
            _ => {}
        }
    }

    fn set_view(&self, described: Option<&mut Value>, name: &str, at: &str) {
        let Some(described) = described else { return };
        let table = described.get(name).and_then(Value::as_str).unwrap_or_default();
        let view = self.views.get(table).cloned();
        if let (Some(view), Some(shown)) = (view, described.pointer_mut(at)) {
            *shown = view.into();
        }
    }

    /// Removes the images that are not in the view.
    fn adapt_record(&self, record: &mut Value, view: &str) {
        if let Some(region) = record.get_mut("awsRegion") {
            *region = self.region.as_str().into();
        }
        rename_identity_fields(record);
        let Some(change) = record.get_mut("dynamodb").and_then(Value::as_object_mut) else { return };
        if !["NEW_IMAGE", ENGINE_VIEW].contains(&view) {
            change.remove("NewImage");
        }
        if !["OLD_IMAGE", ENGINE_VIEW].contains(&view) {
            change.remove("OldImage");
        }
        let images = ["Keys", "NewImage", "OldImage"].into_iter().filter_map(|part| change.get(part));
        let bytes: usize = images.map(size::item_size).sum();
        change.insert("SizeBytes".to_owned(), json!(bytes));
        change.insert("StreamViewType".to_owned(), view.into());
    }
}

/// The API names the fields of `userIdentity`, which marks the deletion of an expired item, `Type` and `PrincipalId` (`Identity`,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Identity.html>). The engine
/// writes `type` and `principalId`, as Lambda does in a function's event.
fn rename_identity_fields(record: &mut Value) {
    let Some(identity) = record.get_mut("userIdentity").and_then(Value::as_object_mut) else { return };
    for (lambda_name, name) in [("type", "Type"), ("principalId", "PrincipalId")] {
        if let Some(value) = identity.remove(lambda_name) {
            identity.insert(name.to_owned(), value);
        }
    }
}

/// The view that the body of a `CreateTable` request asks for.
pub(super) fn requested_view(create: &Value) -> Option<&str> {
    create.pointer("/StreamSpecification/StreamViewType")?.as_str()
}

/// DynamoDB writes no record when a write leaves an item as it was.
fn has_changed(record: &Value) -> bool {
    match (record.pointer("/dynamodb/OldImage"), record.pointer("/dynamodb/NewImage")) {
        (Some(old), Some(new)) => !is_same(old, new),
        _ => true,
    }
}

/// Whether two items are equal. The order of a set's members does not matter.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    other.get(name).is_some_and(|other| match (value, other) {
                        (Value::Array(one), Value::Array(other)) if SETS.contains(&name.as_str()) => {
                            one.len() == other.len() && one.iter().all(|member| other.contains(member))
                        }
                        (value, other) => is_same(value, other),
                    })
                })
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (one, other) => one == other,
    }
}

/// The types of sets. An attribute with such a name can't be taken for one, because its value is an object and not an array.
const SETS: [&str; 3] = ["BS", "NS", "SS"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_no_order_and_lists_have_one() {
        let set = |kind: &str, members: [&str; 2]| json!({"a": {kind: members}});
        assert!(is_same(&set("SS", ["x", "y"]), &set("SS", ["y", "x"])));
        assert!(!is_same(&set("SS", ["x", "y"]), &set("SS", ["z", "x"])));
        assert!(!is_same(&set("SS", ["x", "y"]), &set("NS", ["x", "y"])));
        let list = |first: &str, second: &str| json!({"a": {"L": [{"S": first}, {"S": second}]}});
        assert!(is_same(&list("x", "y"), &list("x", "y")));
        assert!(!is_same(&list("x", "y"), &list("y", "x")));
        assert!(!is_same(&json!({"a": {"S": "x"}}), &json!({"a": {"S": "x"}, "b": {"S": "x"}})));
    }
}
