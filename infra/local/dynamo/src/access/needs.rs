//! What a request needs to be allowed, as IAM maps operations to actions and resources
//! ("Actions, resources, and condition keys for Amazon DynamoDB",
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>).

use serde_json::Value;

use super::leading;
use crate::engine::names::Names;
use crate::record::Permission;

/// One permission that a request needs, and what a condition may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) permission: Permission,
    /// The partition keys it touches; `None` when they cannot be told, as for a scan.
    pub(crate) leading_keys: Option<Vec<String>>,
}

/// Everything that an operation of DynamoDB needs. Never empty.
pub(crate) fn of(operation: &str, request: &Value, names: &Names) -> Vec<Need> {
    let table = names.table_name(request.get("TableName"));
    let partition_key = names.partition_key(table);
    let mut needs = match operation {
        "DeleteItem" | "GetItem" | "UpdateItem" => {
            vec![need(operation, names.table_arn(table), leading::of_item(request.get("Key"), partition_key))]
        }
        "PutItem" => {
            vec![need(
                operation,
                names.table_arn(table),
                leading::of_item(request.get("Item"), partition_key),
            )]
        }
        "Query" | "Scan" => {
            let index = request.get("IndexName").and_then(Value::as_str);
            let key = index.map_or(partition_key, |index| names.index_partition_key(table, index));
            let resource =
                index.map_or_else(|| names.table_arn(table), |index| names.index_arn(table, index));
            let keys = if operation == "Query" { leading::of_query(request, key) } else { None };
            vec![need(operation, resource, keys)]
        }
        "BatchGetItem" | "BatchWriteItem" => batch(operation, request, names),
        "TransactGetItems" | "TransactWriteItems" => transaction(request, names),
        "DescribeStream" | "GetRecords" | "GetShardIterator" | "ListStreams" => {
            vec![need(operation, names.stream_of(request), None)]
        }
        // Administration, and PartiQL, which no statement can allow.
        _ => vec![need(
            operation,
            if table.is_empty() { "*".to_owned() } else { names.table_arn(table) },
            None,
        )],
    };
    if needs.is_empty() {
        // A malformed request still has to be somebody's who may do such a thing.
        needs.push(need(operation, "*".to_owned(), None));
    }
    needs
}

fn batch(operation: &str, request: &Value, names: &Names) -> Vec<Need> {
    let Some(tables) = request.get("RequestItems").and_then(Value::as_object) else { return Vec::new() };
    tables
        .iter()
        .map(|(table, work)| {
            let table = names.plain(table);
            let key = names.partition_key(table);
            let items: Vec<Option<&Value>> = match work {
                Value::Array(writes) => writes
                    .iter()
                    .map(|write| {
                        write.pointer("/PutRequest/Item").or_else(|| write.pointer("/DeleteRequest/Key"))
                    })
                    .collect(),
                reads => {
                    reads.get("Keys").and_then(Value::as_array).into_iter().flatten().map(Some).collect()
                }
            };
            let keys = items.into_iter().map(|item| leading::of_item(item, key)).collect::<Option<Vec<_>>>();
            need(operation, names.table_arn(table), keys.map(|keys| keys.concat()))
        })
        .collect()
}

fn transaction(request: &Value, names: &Names) -> Vec<Need> {
    let items = request.get("TransactItems").and_then(Value::as_array).into_iter().flatten();
    items
        .flat_map(|item| item.as_object().into_iter().flatten())
        .map(|(kind, action)| {
            let operation = match kind.as_str() {
                "ConditionCheck" => "ConditionCheckItem",
                "Delete" => "DeleteItem",
                "Get" => "GetItem",
                "Put" => "PutItem",
                "Update" => "UpdateItem",
                unknown => unknown,
            };
            let table = names.table_name(action.get("TableName"));
            let item = action.get("Item").or_else(|| action.get("Key"));
            need(operation, names.table_arn(table), leading::of_item(item, names.partition_key(table)))
        })
        .collect()
}

/// What reading a secret needs.
pub(crate) fn of_secret(operation: &str, resource: String) -> Vec<Need> {
    let permission = Permission { action: format!("secretsmanager:{operation}"), resource };
    vec![Need { permission, leading_keys: None }]
}

/// What putting events on these buses needs. Never empty.
pub(crate) fn of_events(operation: &str, mut buses: Vec<String>) -> Vec<Need> {
    if buses.is_empty() {
        buses.push("*".to_owned());
    }
    buses
        .into_iter()
        .map(|resource| Need {
            permission: Permission { action: format!("events:{operation}"), resource },
            leading_keys: None,
        })
        .collect()
}

fn need(operation: &str, resource: String, leading_keys: Option<Vec<String>>) -> Need {
    Need { permission: Permission { action: format!("dynamodb:{operation}"), resource }, leading_keys }
}
