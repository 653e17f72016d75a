//! The cost of a call. Every request asks the engine for its capacity units; the caller sees them only if its own request asked
//! for them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::capacity_units::CapacityUnits;
use crate::response::AwsResponse;

/// The capacity units that a call consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CallCost {
    pub(crate) read: CapacityUnits,
    pub(crate) write: CapacityUnits,
}

/// What came of an operation.
pub(super) struct OperationResult {
    pub(super) response: AwsResponse,
    pub(super) cost: CallCost,
    /// The units by table.
    pub(super) consumed: Vec<TableUnits>,
}

/// The units that a call consumed in a table.
pub(super) struct TableUnits {
    pub(super) table: String,
    /// In the table itself, with its local indexes.
    pub(super) units: CapacityUnits,
    /// By global index.
    pub(super) indexes: BTreeMap<String, CapacityUnits>,
}

/// The capacity that the caller's own request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestedCapacity {
    None,
    Total,
    Indexes,
}

impl OperationResult {
    /// The result of an operation that changed and consumed nothing.
    pub(super) fn refused(response: AwsResponse) -> Self {
        Self { response, cost: CallCost::default(), consumed: Vec::new() }
    }
}

/// Makes the request ask for its capacity units by index. Returns what the caller had asked for.
pub(super) fn request_capacity(operation: &str, request: &mut Value) -> RequestedCapacity {
    if !READS.contains(&operation) && !WRITES.contains(&operation) {
        return RequestedCapacity::Indexes;
    }
    let Some(request) = request.as_object_mut() else { return RequestedCapacity::Indexes };
    let requested = match request.get("ReturnConsumedCapacity").and_then(Value::as_str) {
        None | Some("NONE") => RequestedCapacity::None,
        Some("TOTAL") => RequestedCapacity::Total,
        Some(_) => return RequestedCapacity::Indexes,
    };
    request.insert("ReturnConsumedCapacity".to_owned(), json!("INDEXES"));
    requested
}

/// Reads the cost from the response, and removes there what the caller had not asked for.
pub(super) fn take_cost(
    operation: &str,
    response: &mut Value,
    requested: RequestedCapacity,
) -> (CallCost, Vec<TableUnits>) {
    let tables: Vec<&mut Value> = match response.get_mut("ConsumedCapacity") {
        None => return (CallCost::default(), Vec::new()),
        Some(Value::Array(tables)) => tables.iter_mut().collect(),
        Some(table) => vec![table],
    };
    let consumed = tables.iter().map(|table| capacity_units(table)).sum();
    let by_table = tables.iter().map(|table| table_units(table)).collect();
    if requested == RequestedCapacity::Total {
        for table in tables.into_iter().filter_map(Value::as_object_mut) {
            table.retain(|name, _| !["Table", GLOBAL, LOCAL].contains(&name.as_str()));
        }
    }
    if let (RequestedCapacity::None, Some(response)) = (requested, response.as_object_mut()) {
        response.remove("ConsumedCapacity");
    }
    let cost = if WRITES.contains(&operation) {
        CallCost { write: consumed, ..CallCost::default() }
    } else {
        CallCost { read: consumed, ..CallCost::default() }
    };
    (cost, by_table)
}

/// Whether the operation changes items.
pub(super) fn is_write(operation: &str) -> bool {
    WRITES.contains(&operation) || PARTIQL.contains(&operation)
}

fn table_units(table: &Value) -> TableUnits {
    let indexes = |kind: &str| table.get(kind).and_then(Value::as_object).into_iter().flatten();
    let local = indexes(LOCAL).map(|(_, units)| capacity_units(units));
    let own = table.get("Table").map(capacity_units);
    TableUnits {
        table: table.get("TableName").and_then(Value::as_str).unwrap_or_default().to_owned(),
        units: own.into_iter().chain(local).sum(),
        indexes: indexes(GLOBAL).map(|(name, units)| (name.clone(), capacity_units(units))).collect(),
    }
}

fn capacity_units(table: &Value) -> CapacityUnits {
    match table.get("CapacityUnits") {
        Some(Value::Number(units)) => CapacityUnits::parse(&units.to_string()).unwrap_or_default(),
        _ => CapacityUnits::default(),
    }
}

const GLOBAL: &str = "GlobalSecondaryIndexes";
const LOCAL: &str = "LocalSecondaryIndexes";
const READS: [&str; 5] = ["BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"];
/// `PartiQL` operations, which read or write according to their statement.
const PARTIQL: [&str; 3] = ["BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction"];
const WRITES: [&str; 5] = ["BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"];
