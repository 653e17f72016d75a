//! The permissions that a request requires, as IAM maps operations to actions and resources
//! ("Actions, resources, and condition keys for Amazon DynamoDB",
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>).

use serde_json::Value;

use crate::engine::resource_names::ResourceNames;
use crate::leading_keys;
use crate::permission::Permission;

/// One permission that a request requires, with the values that a condition compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequiredPermission {
    pub(crate) permission: Permission,
    /// The partition keys that the request touches; `None` when they are not known, as for a scan.
    pub(crate) leading_keys: Option<Vec<String>>,
}

/// The permissions that an operation of DynamoDB requires. Never empty.
pub(crate) fn for_dynamodb(
    operation: &str,
    request: &Value,
    names: &ResourceNames,
) -> Vec<RequiredPermission> {
    let table = names.table_name(request.get("TableName"));
    let partition_key = names.partition_key(table);
    let mut required = match operation {
        "DeleteItem" | "GetItem" | "UpdateItem" => {
            vec![require(
                operation,
                names.table_arn(table),
                leading_keys::from_item(request.get("Key"), partition_key),
            )]
        }
        "PutItem" => {
            vec![require(
                operation,
                names.table_arn(table),
                leading_keys::from_item(request.get("Item"), partition_key),
            )]
        }
        "Query" | "Scan" => {
            let index = request.get("IndexName").and_then(Value::as_str);
            let key = index.map_or(partition_key, |index| names.index_partition_key(table, index));
            let resource =
                index.map_or_else(|| names.table_arn(table), |index| names.index_arn(table, index));
            let keys = if operation == "Query" { leading_keys::from_query(request, key) } else { None };
            vec![require(operation, resource, keys)]
        }
        "BatchGetItem" | "BatchWriteItem" => for_batch(operation, request, names),
        "TransactGetItems" | "TransactWriteItems" => for_transaction(request, names),
        "DescribeStream" | "GetRecords" | "GetShardIterator" | "ListStreams" => {
            vec![require(operation, names.requested_stream_arn(request), None)]
        }
        // Administration and PartiQL. No statement of the template can allow them.
        _ => vec![require(
            operation,
            if table.is_empty() { "*".to_owned() } else { names.table_arn(table) },
            None,
        )],
    };
    if required.is_empty() {
        // A malformed request names no resource; only the operator may send one.
        required.push(require(operation, "*".to_owned(), None));
    }
    required
}

fn for_batch(operation: &str, request: &Value, names: &ResourceNames) -> Vec<RequiredPermission> {
    let Some(tables) = request.get("RequestItems").and_then(Value::as_object) else { return Vec::new() };
    tables
        .iter()
        .map(|(table, operations)| {
            let table = names.strip_arn(table);
            let key = names.partition_key(table);
            let items: Vec<Option<&Value>> = match operations {
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
            let keys =
                items.into_iter().map(|item| leading_keys::from_item(item, key)).collect::<Option<Vec<_>>>();
            require(operation, names.table_arn(table), keys.map(|keys| keys.concat()))
        })
        .collect()
}

fn for_transaction(request: &Value, names: &ResourceNames) -> Vec<RequiredPermission> {
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
            require(
                operation,
                names.table_arn(table),
                leading_keys::from_item(item, names.partition_key(table)),
            )
        })
        .collect()
}

/// The permission that reading a secret requires.
pub(crate) fn for_secret(operation: &str, resource: String) -> Vec<RequiredPermission> {
    let permission = Permission { action: format!("secretsmanager:{operation}"), resource };
    vec![RequiredPermission { permission, leading_keys: None }]
}

/// The permissions that putting events on these buses requires. Never empty.
pub(crate) fn for_events(operation: &str, mut buses: Vec<String>) -> Vec<RequiredPermission> {
    if buses.is_empty() {
        buses.push("*".to_owned());
    }
    buses
        .into_iter()
        .map(|resource| RequiredPermission {
            permission: Permission { action: format!("events:{operation}"), resource },
            leading_keys: None,
        })
        .collect()
}

fn require(operation: &str, resource: String, leading_keys: Option<Vec<String>>) -> RequiredPermission {
    RequiredPermission {
        permission: Permission { action: format!("dynamodb:{operation}"), resource },
        leading_keys,
    }
}
