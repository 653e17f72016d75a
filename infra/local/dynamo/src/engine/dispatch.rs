//! One operation of the embedded database, called in this process: no socket stands between, so that nobody else on this machine
//! can reach the tables.
//!
//! The database's own HTTP server would read requests and word refusals; this file does that in its place.

use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};

use crate::answer::Answer;

/// Does the operation that the JSON text `body` asks for.
pub(super) fn dispatch(database: &Database, operation: &str, body: &str) -> Answer {
    match run(database, operation, body) {
        Ok(answer) => Answer { status: 200, body: answer.into() },
        Err(error) => {
            let error = worded(operation, error);
            Answer { status: error.status_code(), body: error.to_json().into() }
        }
    }
}

fn run(database: &Database, operation: &str, body: &str) -> Result<String, DynoxideError> {
    /// The operation's name chooses the method; the method's types say what is read and written.
    macro_rules! operations {
        ($($name:literal => $method:ident),* $(,)?) => {
            match operation {
                $($name => write(&database.$method(read(body)?)?),)*
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

/// A request that can't be read is refused in DynamoDB's class: the database's readers mark their messages with it.
fn read<T: DeserializeOwned>(body: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(body).map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = message.strip_suffix(&place).unwrap_or(&message);
        let (class, text) = message
            .split_once(':')
            .filter(|(class, _)| class.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
            .unwrap_or(("", message));
        match class {
            "VALIDATION_REQUEST" => DynoxideError::EnvelopedValidation(text.to_owned()),
            "VALIDATION" | "VALIDATION_AS_READ" => DynoxideError::ValidationException(text.to_owned()),
            "SERIALIZATION" | "SERIALIZATION_AS_READ" => {
                DynoxideError::SerializationException(text.to_owned())
            }
            _ if IS_VALIDATION.iter().any(|part| message.contains(part)) => {
                DynoxideError::ValidationException(message.to_owned())
            }
            _ => DynoxideError::SerializationException(message.to_owned()),
        }
    })
}

fn write(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// `PutItem`, `UpdateItem` and `DeleteItem` count the faults that they find in a request; the other operations only name them.
fn worded(operation: &str, error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(message) => {
            let counts = ["PutItem", "UpdateItem", "DeleteItem"].contains(&operation);
            let prefix = if counts { "1 validation error detected: " } else { "" };
            DynoxideError::ValidationException(format!("{prefix}{message}"))
        }
        error => error,
    }
}

/// What an unmarked message has that is about a value and not about its JSON.
const IS_VALIDATION: [&str; 5] = [
    "missing field",
    "unknown variant",
    "invalid type: null",
    "empty AttributeValue",
    "Supplied AttributeValue",
];
