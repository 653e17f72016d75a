//! Runs one operation of the embedded database in this process. There is no socket between, so that no other process
//! can reach the tables.
//!
//! The database's own HTTP server would parse requests and phrase errors; this file does that instead.

use dynoxide::{Database, DynoxideError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::response::AwsResponse;

/// Runs an operation. Returns its result, or the response to an error.
pub(super) fn dispatch(database: &Database, operation: &str, request: &Value) -> Result<Value, AwsResponse> {
    run_method(database, operation, request).map_err(|error| {
        let error = with_error_count(operation, error);
        AwsResponse { status: error.status_code(), body: error.to_json().into() }
    })
}

fn run_method(database: &Database, operation: &str, request: &Value) -> Result<Value, DynoxideError> {
    /// Maps an operation to the database's method, whose types give the request and the response.
    macro_rules! operations {
        ($($name:literal => $method:ident),* $(,)?) => {
            match operation {
                $($name => write_json(&database.$method(read_json(request)?)?),)*
                unknown => Err(DynoxideError::ValidationException(format!("{unknown} is no operation of tables"))),
            }
        };
    }
    operations! {
        "BatchExecuteStatement" => batch_execute_statement,
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "CreateTable" => create_table,
        "DeleteItem" => delete_item,
        "DeleteTable" => delete_table,
        "DescribeStream" => describe_stream,
        "DescribeTable" => describe_table,
        "DescribeTimeToLive" => describe_time_to_live,
        "ExecuteStatement" => execute_statement,
        "ExecuteTransaction" => execute_transaction,
        "GetItem" => get_item,
        "GetRecords" => get_records,
        "GetShardIterator" => get_shard_iterator,
        "ListStreams" => list_streams,
        "ListTables" => list_tables,
        "ListTagsOfResource" => list_tags_of_resource,
        "PutItem" => put_item,
        "Query" => query,
        "Scan" => scan,
        "TagResource" => tag_resource,
        "TransactGetItems" => transact_get_items,
        "TransactWriteItems" => transact_write_items,
        "UntagResource" => untag_resource,
        "UpdateItem" => update_item,
        "UpdateTable" => update_table,
        "UpdateTimeToLive" => update_time_to_live,
    }
}

/// Parses a request. The database's parsers begin their messages with DynamoDB's class of error, which decides the code.
fn read_json<'a, T: Deserialize<'a>>(request: &'a Value) -> Result<T, DynoxideError> {
    T::deserialize(request).map_err(|error| {
        let message = error.to_string();
        let (class, text) = message
            .split_once(':')
            .filter(|(class, _)| class.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
            .unwrap_or(("", &message));
        match class {
            "VALIDATION_REQUEST" => DynoxideError::EnvelopedValidation(text.to_owned()),
            "VALIDATION" | "VALIDATION_AS_READ" => DynoxideError::ValidationException(text.to_owned()),
            "SERIALIZATION" | "SERIALIZATION_AS_READ" => {
                DynoxideError::SerializationException(text.to_owned())
            }
            _ if VALIDATION_PHRASES.iter().any(|part| message.contains(part)) => {
                DynoxideError::ValidationException(message.clone())
            }
            _ => DynoxideError::SerializationException(message.clone()),
        }
    })
}

fn write_json(response: &impl Serialize) -> Result<Value, DynoxideError> {
    serde_json::to_value(response).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// `PutItem`, `UpdateItem` and `DeleteItem` say how many validation errors they found; the other operations don't.
fn with_error_count(operation: &str, error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(message) => {
            let counts = ["PutItem", "UpdateItem", "DeleteItem"].contains(&operation);
            let prefix = if counts { "1 validation error detected: " } else { "" };
            DynoxideError::ValidationException(format!("{prefix}{message}"))
        }
        error => error,
    }
}

/// Messages without a class that contain one of these are about a value, not about the form of the JSON.
const VALIDATION_PHRASES: [&str; 5] = [
    "missing field",
    "unknown variant",
    "invalid type: null",
    "empty AttributeValue",
    "Supplied AttributeValue",
];
