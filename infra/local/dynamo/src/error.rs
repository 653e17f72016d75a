//! The error of the local DynamoDB.

use std::{io, path::PathBuf};

/// Why the local DynamoDB could not start, or could not run an operation for a test.
#[derive(Debug, thiserror::Error)]
pub enum DynamoError {
    /// The address is in use, or does not belong to this machine.
    #[error("cannot listen")]
    Bind(#[source] io::Error),
    /// The folder for the database can't be created.
    #[error("cannot use the folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The embedded database failed.
    #[error("the embedded database failed")]
    Engine(#[from] dynoxide::DynoxideError),
    /// A request to the embedded database, or its response, is not JSON of the expected shape.
    #[error("unexpected JSON")]
    Json(#[from] serde_json::Error),
    /// A table in the database file differs from the template's.
    #[error(
        "the table {table} in the file has another {part} than the template; move the folder away to start anew"
    )]
    TableMismatch {
        /// The table.
        table: String,
        /// The part that differs.
        part: &'static str,
    },
    /// The operation was answered with an error.
    #[error("{operation}: {code}: {message}")]
    Refused {
        /// The operation.
        operation: String,
        /// The error's code, such as `ConditionalCheckFailedException`.
        code: String,
        /// The error's text.
        message: String,
        /// The whole body of the response.
        body: Box<serde_json::Value>,
    },
    /// A function has the logical id `operator`, which is the operator's access key id.
    #[error("the function {0} has the operator's name")]
    ReservedName(String),
    /// No secret of the template has this logical id.
    #[error("the template declares no secret {0}")]
    UnknownSecret(String),
    /// A statement has a condition that the local DynamoDB does not enforce.
    #[error(
        "function {function}: the condition {key} is not enforced locally; supported: dynamodb:LeadingKeys"
    )]
    UnsupportedCondition {
        /// The function.
        function: String,
        /// The condition's key.
        key: &'static str,
    },
}
