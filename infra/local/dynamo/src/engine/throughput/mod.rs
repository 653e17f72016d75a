//! The throughput that partitions have, so that a hot key throttles here as it does on AWS. Off unless asked for.
//!
//! What AWS documents ("Best practices for designing and using partition keys", "DynamoDB burst and adaptive capacity", "Understanding
//! DynamoDB warm throughput", "DynamoDB throttling resolution guide"):
//!
//! - A partition of a table or of a global index serves 1,000 write units and 3,000 read units a second. A local index lies in its
//!   table's partitions.
//! - A new on-demand table serves 4,000 writes and 12,000 reads a second: four partitions, between which the hash of the partition key
//!   decides.
//! - A partition that stays hot is split; a single item may end up alone, and still has one partition's units. Items with one partition
//!   key may lie in several partitions, by their sort key, unless the table has a local index. Splitting does not help where sort keys
//!   only grow, because what is new belongs to the last partition each time.
//! - A write that a partition of an index can't take is throttled at the table.
//! - Transactions cost twice. A write whose condition fails costs what the write of the existing item would.
//! - Up to 300 seconds of what is unused may be kept for bursts. AWS promises none and says that they do not lift a partition above its
//!   limit, so the default is 0.
//!
//! What is assumed here:
//!
//! - A request is admitted while its partitions have anything left, and what it takes beyond that is owed.
//! - Units of several items of one table in one request are shared between them evenly; a failed condition costs one unit, two in a
//!   transaction.
//! - An index that holds more than keys is asked for at each write of an item that it holds, and charged if it was written.
//! - A query or a scan is charged to the partition where it begins.
//! - When a partition counts as hot, and when and where it is split: the constants of `key_space.rs`.
//! - Accounts have no quotas, partitions no size. The operator, streams and expired items are not counted.

mod answers;
mod bucket;
mod key_schema;
mod key_space;
mod request_part;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use local_template::Stack;
use serde_json::{Value, json};

use self::bucket::{Rate, millionths};
use self::key_schema::{KeyPlace, KeySchemas, Keys, TableKeys};
use self::key_space::{KeyPosition, KeySpace, PartitionLimits};
use self::request_part::{Action, Change, RequestPart, batch_items, change, parts};
use super::capacity::{OperationResult, TableUnits};
use super::resource_names::ResourceNames;
use crate::capacity_units::CapacityUnits;
use crate::error::DynamoError;
use crate::leading_keys;
use crate::response::AwsResponse;

/// How much throughput partitions have.
#[derive(Clone)]
pub struct ThroughputOptions {
    /// What the units of a partition are divided by, so that few requests show what many would: 1 is AWS's own throughput.
    pub scale: u32,
    /// The seconds of unused units that are kept for bursts, beside the current second. AWS keeps up to 300 and promises none.
    pub burst_seconds: u32,
    /// The partitions at the start.
    pub layout: PartitionLayout,
    /// The time in milliseconds.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// The partitions of a table or an index at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionLayout {
    /// Four, as a new on-demand table has.
    NewTable,
    /// One for each partition key: the end of all splitting for heat, which takes AWS hours of traffic or a warm throughput that was asked
    /// for. What throttles then is a hot key and nothing else.
    KeyPerPartition,
}

/// Whether units are for reading or for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read units.
    Read,
    /// Write units.
    Write,
}

/// A key that has throttled requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HotKey {
    /// The table.
    pub table: String,
    /// The index; `None` for the table itself.
    pub index: Option<String>,
    /// The partition key's value.
    pub partition_key: String,
    /// What its partition had too little of.
    pub access: Access,
}

/// The throughput of all partitions.
pub(super) struct Throughput {
    options: ThroughputOptions,
    limits: PartitionLimits,
    schemas: KeySchemas,
    names: Arc<ResourceNames>,
    state: Mutex<ThroughputState>,
}

#[derive(Default)]
struct ThroughputState {
    /// By table and index.
    spaces: BTreeMap<(String, Option<String>), KeySpace>,
    hot_keys: BTreeMap<HotKey, usize>,
}

/// A key of a table or an index that a part of a request reads or writes.
#[derive(Debug)]
struct KeyUse {
    part: usize,
    table: String,
    index: Option<String>,
    access: Access,
    place: KeyPlace,
}

impl Throughput {
    pub(super) fn new(stack: &Stack, names: Arc<ResourceNames>, options: ThroughputOptions) -> Self {
        let rate = |units| Rate::new(units, options.scale, options.burst_seconds);
        let limits = PartitionLimits { read: rate(READ_UNITS), write: rate(WRITE_UNITS) };
        let state = Mutex::default();
        Self { options, limits, schemas: KeySchemas::new(stack), names, state }
    }

    /// How many requests each key has throttled since the last call.
    pub(super) fn take_hot_keys(&self) -> BTreeMap<HotKey, usize> {
        std::mem::take(&mut self.lock().hot_keys)
    }

    /// Runs an operation with `execute` if its partitions have units, and takes from them what it consumed.
    pub(super) fn run(
        &self,
        operation: &str,
        mut request: Value,
        execute: impl Fn(&str, Value) -> Result<OperationResult, DynamoError>,
    ) -> Result<OperationResult, DynamoError> {
        // Held until the end, so that no other request is admitted by units that this one takes.
        let mut state = self.lock();
        let now = (self.options.clock)();
        let all = parts(operation, &request);
        let mut uses = Vec::new();
        for (number, part) in all.iter().enumerate() {
            uses.extend(self.uses(number, part, &execute)?);
        }
        let part_count = all.len();
        drop(all);
        let throttled = state.throttled(self, &uses, now);
        let by_part: Vec<Option<&KeyUse>> = (0..part_count)
            .map(|part| throttled.iter().copied().find(|throttled| throttled.part == part))
            .collect();
        let is_batch = BATCHES.contains(&operation);
        let mut unprocessed = None;
        if !throttled.is_empty() {
            if operation.starts_with("Transact") {
                return Ok(OperationResult::refused(answers::cancelled(&by_part)));
            }
            let admitted = if is_batch {
                batch_items(operation, &request, |part| is_none(&by_part, part))
            } else {
                None
            };
            let Some(admitted) = admitted else {
                let answer = answers::throttled(&throttled, |throttled| self.arn(throttled));
                return Ok(OperationResult::refused(answer));
            };
            unprocessed = batch_items(operation, &request, |part| !is_none(&by_part, part));
            if let Some(request) = request.as_object_mut() {
                request.insert("RequestItems".to_owned(), admitted);
            }
        }
        let mut result = execute(operation, request)?;
        let ran: Vec<&KeyUse> = uses.iter().filter(|key_use| is_none(&by_part, key_use.part)).collect();
        for (key_use, units) in consumed(operation, &ran, &result) {
            state.space(self, key_use, now).take(
                &key_use.place.position,
                key_use.access,
                units,
                self.limits,
                now,
            );
        }
        if let Some(unprocessed) = unprocessed {
            result.response = with_unprocessed(operation, result.response, unprocessed)?;
        }
        Ok(result)
    }

    /// The keys that a part reads or writes in its table and in the global indexes.
    fn uses(
        &self,
        number: usize,
        part: &RequestPart<'_>,
        execute: &impl Fn(&str, Value) -> Result<OperationResult, DynamoError>,
    ) -> Result<Vec<KeyUse>, DynamoError> {
        let name = self.names.strip_arn(part.table);
        let Some(table) = self.schemas.table(name) else { return Ok(Vec::new()) };
        let key_use = |index: Option<&str>, access, place| KeyUse {
            part: number,
            table: name.to_owned(),
            index: index.map(ToOwned::to_owned),
            access,
            place,
        };
        if part.action == Action::ReadRange {
            let index = part.body.get("IndexName").and_then(Value::as_str);
            let index = index.filter(|index| table.indexes.contains_key(*index));
            let keys =
                index.and_then(|index| table.indexes.get(index)).map_or(&table.keys, |index| &index.keys);
            return Ok(vec![key_use(index, Access::Read, range_start(part.body, keys))]);
        }
        let access = if part.action == Action::Read { Access::Read } else { Access::Write };
        let Some(place) = table.keys.place(part.item) else { return Ok(Vec::new()) };
        let mut uses = vec![key_use(None, access, place)];
        if matches!(part.action, Action::Read | Action::Check) || table.indexes.is_empty() {
            return Ok(uses);
        }
        let get = json!({"TableName": name, "Key": table.keys.key_of(part.item), "ConsistentRead": true});
        let old: Value = serde_json::from_slice(&execute("GetItem", get)?.response.body)?;
        let old = old.get("Item").unwrap_or(&Value::Null);
        let new = new_item(part, old, table);
        for (index, schema) in &table.indexes {
            let (before, after) = (schema.keys.place(old), schema.keys.place(&new));
            if before == after && schema.keys_only {
                continue;
            }
            let moved = before != after;
            let places = [before.filter(|_| moved), after];
            uses.extend(places.into_iter().flatten().map(|place| key_use(Some(index), Access::Write, place)));
        }
        Ok(uses)
    }

    fn arn(&self, key_use: &KeyUse) -> String {
        match &key_use.index {
            None => self.names.table_arn(&key_use.table),
            Some(index) => self.names.index_arn(&key_use.table, index),
        }
    }

    fn lock(&self) -> MutexGuard<'_, ThroughputState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ThroughputState {
    /// The uses whose partitions have no units. Their keys are counted.
    fn throttled<'a>(&mut self, throughput: &Throughput, uses: &'a [KeyUse], now: u64) -> Vec<&'a KeyUse> {
        let limits = throughput.limits;
        let throttled: Vec<&KeyUse> = uses
            .iter()
            .filter(|key_use| {
                let space = self.space(throughput, key_use, now);
                !space.admits(&key_use.place.position, key_use.access, limits, now)
            })
            .collect();
        for key_use in &throttled {
            *self.hot_keys.entry(HotKey::from(*key_use)).or_default() += 1;
        }
        throttled
    }

    fn space(&mut self, throughput: &Throughput, key_use: &KeyUse, now: u64) -> &mut KeySpace {
        let Throughput { options, limits, schemas, .. } = throughput;
        let splits = key_use.index.is_some()
            || schemas.table(&key_use.table).is_none_or(|table| !table.has_local_index);
        self.spaces
            .entry((key_use.table.clone(), key_use.index.clone()))
            .or_insert_with(|| KeySpace::new(options.layout, splits, *limits, now))
    }
}

impl From<&KeyUse> for HotKey {
    fn from(key_use: &KeyUse) -> Self {
        let KeyUse { table, index, access, place, .. } = key_use;
        let partition_key = place.partition_key.clone();
        Self { table: table.clone(), index: index.clone(), partition_key, access: *access }
    }
}

impl fmt::Display for HotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table)?;
        if let Some(index) = &self.index {
            write!(f, "/{index}")?;
        }
        let access = if self.access == Access::Read { "reads" } else { "writes" };
        write!(f, ", {access} of {}", self.partition_key)
    }
}

/// The item after the part, as far as the keys of the indexes are concerned.
fn new_item(part: &RequestPart<'_>, old: &Value, table: &TableKeys) -> Value {
    match part.action {
        Action::Put => part.item.clone(),
        Action::Update => {
            let mut new = if old.is_object() { old.clone() } else { part.item.clone() };
            let Some(attributes) = new.as_object_mut() else { return new };
            for name in table.indexes.values().flat_map(|index| index.keys.names()) {
                match change(part.body, name) {
                    Change::None => {}
                    Change::Set(value) => drop(attributes.insert(name.to_owned(), value.clone())),
                    Change::Remove => drop(attributes.remove(name)),
                }
            }
            new
        }
        Action::Delete | Action::Check | Action::Read | Action::ReadRange => Value::Null,
    }
}

/// Where a query or a scan begins.
fn range_start(request: &Value, keys: &Keys) -> KeyPlace {
    let key =
        leading_keys::from_query(request, Some(&keys.partition)).and_then(|keys| keys.into_iter().next());
    match (request.get("ExclusiveStartKey").and_then(|start| keys.place(start)), key) {
        (Some(place), _) => place,
        (None, Some(partition_key)) => {
            let backwards = request.get("ScanIndexForward") == Some(&Value::Bool(false));
            let sort = if backwards { vec![u8::MAX; LONGEST_SORT_KEY] } else { Vec::new() };
            let position = KeyPosition::new(&partition_key, sort);
            KeyPlace { partition_key, position }
        }
        (None, None) => KeyPlace { partition_key: "all".to_owned(), position: KeyPosition::first() },
    }
}

/// What each use has consumed, in millionths of a unit.
fn consumed<'a>(operation: &str, uses: &[&'a KeyUse], result: &OperationResult) -> Vec<(&'a KeyUse, u64)> {
    let of_same = |one: &KeyUse| {
        let same = uses.iter().filter(|other| other.table == one.table && other.index == one.index);
        u64::try_from(same.count()).unwrap_or(1).max(1)
    };
    if result.response.status != 200 {
        let code = result.response.error_code();
        let failed = code.is_some_and(|code| CONDITION_FAILED.contains(&code.as_str()));
        let units = if operation.starts_with("Transact") { 2 } else { 1 };
        let writes = uses
            .iter()
            .filter(|key_use| failed && key_use.access == Access::Write && key_use.index.is_none());
        return writes.map(|key_use| (*key_use, units * 1_000_000)).collect();
    }
    uses.iter()
        .filter_map(|key_use| {
            let table = result.consumed.iter().find(|table| table.table == key_use.table)?;
            let units = units_of(table, key_use.index.as_deref())?;
            Some((*key_use, millionths(units) / of_same(key_use)))
        })
        .collect()
}

fn units_of(table: &TableUnits, index: Option<&str>) -> Option<CapacityUnits> {
    match index {
        None => Some(table.units),
        Some(index) => table.indexes.get(index).copied(),
    }
}

fn is_none(by_part: &[Option<&KeyUse>], part: usize) -> bool {
    by_part.get(part).is_none_or(Option::is_none)
}

/// The answer of a batch, with the parts that were not admitted.
fn with_unprocessed(
    operation: &str,
    response: AwsResponse,
    unprocessed: Value,
) -> Result<AwsResponse, DynamoError> {
    let field = if operation == "BatchGetItem" { "UnprocessedKeys" } else { "UnprocessedItems" };
    let mut body: Value = serde_json::from_slice(&response.body)?;
    if let (200, Some(body)) = (response.status, body.as_object_mut()) {
        body.insert(field.to_owned(), unprocessed);
    }
    Ok(AwsResponse { status: response.status, body: body.to_string().into() })
}

/// The units a second of a partition.
const READ_UNITS: i64 = 3_000;
const WRITE_UNITS: i64 = 1_000;
/// In bytes.
const LONGEST_SORT_KEY: usize = 1_024;
const BATCHES: [&str; 2] = ["BatchGetItem", "BatchWriteItem"];
const CONDITION_FAILED: [&str; 2] = ["ConditionalCheckFailedException", "TransactionCanceledException"];

#[cfg(test)]
mod tests;
