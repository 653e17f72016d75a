//! The cost of a call. Every request asks the engine for its capacity units; the caller sees them only if its own request asked
//! for them.

use serde_json::{Value, json};

use crate::capacity_units::CapacityUnits;

/// The capacity units that a call consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CallCost {
    pub(crate) read: CapacityUnits,
    pub(crate) write: CapacityUnits,
}

/// Makes the request ask for its capacity units. Returns whether the caller had asked for them.
pub(super) fn request_capacity(operation: &str, request: &mut Value) -> bool {
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

/// Reads the cost from the response, and removes it there when the caller had not asked for it.
pub(super) fn take_cost(operation: &str, response: &mut Value, caller_asked: bool) -> CallCost {
    let consumed = match response.get("ConsumedCapacity") {
        None => return CallCost::default(),
        Some(Value::Array(tables)) => tables.iter().map(capacity_units).sum(),
        Some(table) => capacity_units(table),
    };
    if let (false, Some(response)) = (caller_asked, response.as_object_mut()) {
        response.remove("ConsumedCapacity");
    }
    if WRITES.contains(&operation) {
        CallCost { write: consumed, ..CallCost::default() }
    } else {
        CallCost { read: consumed, ..CallCost::default() }
    }
}

/// Whether the operation changes items.
pub(super) fn is_write(operation: &str) -> bool {
    WRITES.contains(&operation) || PARTIQL.contains(&operation)
}

fn capacity_units(table: &Value) -> CapacityUnits {
    match table.get("CapacityUnits") {
        Some(Value::Number(units)) => CapacityUnits::parse(&units.to_string()).unwrap_or_default(),
        _ => CapacityUnits::default(),
    }
}

const READS: [&str; 5] = ["BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"];
/// `PartiQL` operations, which read or write according to their statement.
const PARTIQL: [&str; 3] = ["BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction"];
const WRITES: [&str; 5] = ["BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"];
