//! The embedded database: tables from the template, called in this process.

mod capacity;
mod dispatch;
mod open;
pub(crate) mod resource_names;
mod streams;
mod tables;
mod throughput;

use std::collections::BTreeMap;
use std::sync::Arc;

use dynoxide::Database;
use dynoxide::actions::scan::ScanRequest;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

pub(crate) use capacity::CallCost;
use capacity::OperationResult;
pub(crate) use open::open_engine;
use resource_names::ResourceNames;
use streams::StreamViews;
use throughput::Throughput;
pub use throughput::{Access, HotKey, PartitionLayout, ThroughputOptions};

use crate::error::DynamoError;
use crate::response::AwsResponse;

/// The embedded database.
pub(crate) struct Engine {
    database: Database,
    names: Arc<ResourceNames>,
    views: StreamViews,
    /// The throughput of partitions, if it is limited.
    throughput: Option<Throughput>,
    /// The number of writes so far.
    write_count: watch::Sender<u64>,
}

impl Engine {
    /// Runs an operation without checking permissions and throughput. Returns the response and the capacity units that it consumed.
    pub(crate) async fn run_operation(
        &self,
        operation: &str,
        request: Value,
    ) -> Result<(AwsResponse, CallCost), DynamoError> {
        // The database never waits. Without this a caller in a loop would keep other tasks from running.
        tokio::task::yield_now().await;
        let result = self.execute(operation, request)?;
        Ok((result.response, result.cost))
    }

    /// Runs an operation within the throughput of the partitions, if that is limited.
    pub(crate) async fn run_within_throughput(
        &self,
        operation: &str,
        request: Value,
    ) -> Result<(AwsResponse, CallCost), DynamoError> {
        let Some(throughput) = &self.throughput else { return self.run_operation(operation, request).await };
        tokio::task::yield_now().await;
        let result =
            throughput.run(operation, request, |operation, request| self.execute(operation, request))?;
        Ok((result.response, result.cost))
    }

    /// How many requests each key has throttled since the last call.
    pub(crate) fn take_hot_keys(&self) -> BTreeMap<HotKey, usize> {
        self.throughput.as_ref().map(Throughput::take_hot_keys).unwrap_or_default()
    }

    fn execute(&self, operation: &str, mut request: Value) -> Result<OperationResult, DynamoError> {
        let requested = capacity::request_capacity(operation, &mut request);
        let request = self.names.with_engine_arns(operation, request)?;
        let mut value = match dispatch::dispatch(&self.database, operation, &request) {
            Ok(value) => value,
            Err(response) => return Ok(OperationResult::refused(response)),
        };
        let (cost, consumed) = capacity::take_cost(operation, &mut value, requested);
        self.views.adapt_response(operation, &request, &mut value);
        if capacity::is_write(operation) {
            self.count_write();
        }
        let body = self.names.with_template_arns(operation, value.to_string());
        let response = AwsResponse { status: 200, body: body.into() };
        Ok(OperationResult { response, cost, consumed })
    }

    pub(crate) fn names(&self) -> Arc<ResourceNames> {
        Arc::clone(&self.names)
    }

    /// Deletes the expired items. Returns how many there were.
    pub(crate) fn sweep_expired(&self) -> Result<usize, DynamoError> {
        let swept = self.database.sweep_ttl()?;
        if swept > 0 {
            self.count_write();
        }
        Ok(swept)
    }

    /// Changes with every write.
    pub(crate) fn subscribe_writes(&self) -> watch::Receiver<u64> {
        self.write_count.subscribe()
    }

    fn count_write(&self) {
        self.write_count.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Every item of every table, as JSON text.
    pub(crate) fn dump_tables(&self) -> Result<String, DynamoError> {
        let mut tables = Map::new();
        for table in self.names.table_names() {
            let mut items = Vec::new();
            let mut start = None;
            loop {
                let mut request = json!({"TableName": table});
                if let (Some(start), Some(request)) = (start, request.as_object_mut()) {
                    request.insert("ExclusiveStartKey".to_owned(), start);
                }
                let request: ScanRequest = serde_json::from_value(request)?;
                let page = serde_json::to_value(self.database.scan(request)?)?;
                items.extend(page.get("Items").and_then(Value::as_array).into_iter().flatten().cloned());
                start = page.get("LastEvaluatedKey").filter(|key| !key.is_null()).cloned();
                if start.is_none() {
                    break;
                }
            }
            tables.insert(table.to_owned(), items.into());
        }
        Ok(Value::Object(tables).to_string())
    }
}
