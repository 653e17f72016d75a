//! What a call costs: every request asks the engine for its capacity units, and an answer shows them only to a caller that
//! asked as well.

use serde_json::{Value, json};

use crate::record::Units;

/// What a call cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) read: Units,
    pub(crate) write: Units,
}

/// Makes the request ask for its cost. Returns whether the caller had asked.
pub(super) fn ask(operation: &str, request: &mut Value) -> bool {
    if !READS.contains(&operation) && !WRITES.contains(&operation) {
        return true;
    }
    let Some(request) = request.as_object_mut() else { return true };
    match request.get("ReturnConsumedCapacity").and_then(Value::as_str) {
        None | Some("NONE") => {
            request.insert("ReturnConsumedCapacity".to_owned(), json!("TOTAL"));
            false
        }
        Some(_) => true,
    }
}

/// Reads the cost from the answer, and takes it out when the caller had not asked.
pub(super) fn take(operation: &str, answer: &mut Value, asked: bool) -> Cost {
    let consumed = match answer.get("ConsumedCapacity") {
        None => return Cost::default(),
        Some(Value::Array(tables)) => tables.iter().map(units).sum(),
        Some(table) => units(table),
    };
    if let (false, Some(answer)) = (asked, answer.as_object_mut()) {
        answer.remove("ConsumedCapacity");
    }
    if WRITES.contains(&operation) {
        Cost { write: consumed, ..Cost::default() }
    } else {
        Cost { read: consumed, ..Cost::default() }
    }
}

/// Whether the operation changes items.
pub(super) fn is_write(operation: &str) -> bool {
    WRITES.contains(&operation) || PARTIQL.contains(&operation)
}

fn units(table: &Value) -> Units {
    match table.get("CapacityUnits") {
        Some(Value::Number(units)) => Units::parse(&units.to_string()).unwrap_or_default(),
        _ => Units::default(),
    }
}

const READS: [&str; 5] = ["BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"];
/// They may write, and may not.
const PARTIQL: [&str; 3] = ["BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction"];
const WRITES: [&str; 5] = ["BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"];
