//! Why the local DynamoDB could not start or do what the operator asked for.

use std::{io, path::PathBuf};

/// Why the local DynamoDB could not start or do what the operator asked for.
#[derive(Debug, thiserror::Error)]
pub enum DynamoError {
    /// The address is taken or not ours.
    #[error("cannot listen")]
    Bind(#[source] io::Error),
    /// The folder for the database cannot be made.
    #[error("cannot use the folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The embedded database failed.
    #[error("the embedded database failed")]
    Engine(#[from] dynoxide::DynoxideError),
    /// What the embedded database sent or was sent is not JSON of the expected shape.
    #[error("unexpected JSON")]
    Json(#[from] serde_json::Error),
    /// A table in the file is not the table of the template.
    #[error(
        "the table {table} in the file has another {part} than the template; move the folder away to start anew"
    )]
    OtherTable {
        /// The table.
        table: String,
        /// What differs.
        part: &'static str,
    },
    /// The operator's request was refused.
    #[error("{operation}: {code}: {message}")]
    Refused {
        /// The operation.
        operation: String,
        /// The error's code, such as `ConditionalCheckFailedException`.
        code: String,
        /// The error's text.
        message: String,
        /// The whole answer.
        body: Box<serde_json::Value>,
    },
    /// A function may not be called like the operator.
    #[error("the function {0} has the operator's name")]
    ReservedName(String),
    /// No secret of the template has this logical id.
    #[error("the template declares no secret {0}")]
    UnknownSecret(String),
    /// A statement has a condition that is not enforced here.
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
