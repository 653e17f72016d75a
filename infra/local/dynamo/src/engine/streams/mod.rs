//! Streams as DynamoDB keeps them. The engine keeps both images of every write; what a reader sees is cut to what the
//! template asks for, and a write that changed nothing is left out.

mod size;

use std::collections::BTreeMap;

use dynoxide::actions::get_shard_iterator::decode_shard_iterator;
use local_template::Stack;
use serde_json::{Value, json};

/// What the engine keeps of every write, whatever the template asks for: without both images it could not be told whether
/// an item has changed.
pub(super) const KEPT: &str = "NEW_AND_OLD_IMAGES";

/// The view that the template asks for, by table.
pub(super) struct Views {
    region: String,
    views: BTreeMap<String, String>,
}

impl Views {
    pub(super) fn new(stack: &Stack, region: &str) -> Self {
        let views = stack
            .tables
            .iter()
            .filter_map(|table| Some((table.name.clone(), view(&table.create)?.to_owned())))
            .collect();
        Self { region: region.to_owned(), views }
    }

    /// Makes the engine's answer the template's.
    pub(super) fn show(&self, operation: &str, request: &Value, answer: &mut Value) {
        match operation {
            "CreateTable" | "DescribeTable" | "UpdateTable" => {
                for part in ["/Table", "/TableDescription"] {
                    self.name_view(
                        answer.pointer_mut(part),
                        "TableName",
                        "/StreamSpecification/StreamViewType",
                    );
                }
            }
            "DescribeStream" => {
                self.name_view(answer.pointer_mut("/StreamDescription"), "TableName", "/StreamViewType");
            }
            "GetRecords" => {
                let iterator = request.get("ShardIterator").and_then(Value::as_str).unwrap_or_default();
                let table = decode_shard_iterator(iterator).map(|(table, ..)| table).unwrap_or_default();
                let view = self.views.get(&table).map_or(KEPT, String::as_str);
                if let Some(records) = answer.get_mut("Records").and_then(Value::as_array_mut) {
                    records.retain(has_changed);
                    records.iter_mut().for_each(|record| self.cut(record, view));
                }
            }
            _ => {}
        }
    }

    fn name_view(&self, described: Option<&mut Value>, name: &str, at: &str) {
        let Some(described) = described else { return };
        let table = described.get(name).and_then(Value::as_str).unwrap_or_default();
        let view = self.views.get(table).cloned();
        if let (Some(view), Some(shown)) = (view, described.pointer_mut(at)) {
            *shown = view.into();
        }
    }

    /// Leaves the record the images of the view.
    fn cut(&self, record: &mut Value, view: &str) {
        if let Some(region) = record.get_mut("awsRegion") {
            *region = self.region.as_str().into();
        }
        name_identity(record);
        let Some(change) = record.get_mut("dynamodb").and_then(Value::as_object_mut) else { return };
        if !["NEW_IMAGE", KEPT].contains(&view) {
            change.remove("NewImage");
        }
        if !["OLD_IMAGE", KEPT].contains(&view) {
            change.remove("OldImage");
        }
        let images = ["Keys", "NewImage", "OldImage"].into_iter().filter_map(|part| change.get(part));
        let bytes: usize = images.map(size::of_item).sum();
        change.insert("SizeBytes".to_owned(), json!(bytes));
        change.insert("StreamViewType".to_owned(), view.into());
    }
}

/// Who deleted an expired item is written `Type` and `PrincipalId` by the API (`Identity`,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Identity.html>). The engine writes what Lambda shows
/// to a function, which begins with small letters.
fn name_identity(record: &mut Value) {
    let Some(identity) = record.get_mut("userIdentity").and_then(Value::as_object_mut) else { return };
    for (lambda_name, name) in [("type", "Type"), ("principalId", "PrincipalId")] {
        if let Some(value) = identity.remove(lambda_name) {
            identity.insert(name.to_owned(), value);
        }
    }
}

/// The view that the body of a `CreateTable` request asks for.
pub(super) fn view(create: &Value) -> Option<&str> {
    create.pointer("/StreamSpecification/StreamViewType")?.as_str()
}

/// DynamoDB writes no record when a write leaves an item as it was.
fn has_changed(record: &Value) -> bool {
    match (record.pointer("/dynamodb/OldImage"), record.pointer("/dynamodb/NewImage")) {
        (Some(old), Some(new)) => !is_same(old, new),
        _ => true,
    }
}

/// Equal, if sets have no order.
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

/// The types that are sets. An attribute of such a name holds a mapping, never a list.
const SETS: [&str; 3] = ["BS", "NS", "SS"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_no_order_and_lists_have_one() {
        let of = |kind: &str, members: [&str; 2]| json!({"a": {kind: members}});
        assert!(is_same(&of("SS", ["x", "y"]), &of("SS", ["y", "x"])));
        assert!(!is_same(&of("SS", ["x", "y"]), &of("SS", ["z", "x"])));
        assert!(!is_same(&of("SS", ["x", "y"]), &of("NS", ["x", "y"])));
        let list = |first: &str, second: &str| json!({"a": {"L": [{"S": first}, {"S": second}]}});
        assert!(is_same(&list("x", "y"), &list("x", "y")));
        assert!(!is_same(&list("x", "y"), &list("y", "x")));
        assert!(!is_same(&json!({"a": {"S": "x"}}), &json!({"a": {"S": "x"}, "b": {"S": "x"}})));
    }
}
