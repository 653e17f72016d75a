//! The embedded database: tables from the template, called in this process.

mod capacity;
mod dispatch;
mod open;
pub(crate) mod resource_names;
mod streams;
mod tables;

use std::sync::Arc;

use dynoxide::Database;
use dynoxide::actions::scan::ScanRequest;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

pub(crate) use capacity::CallCost;
pub(crate) use open::open_engine;
use resource_names::ResourceNames;
use streams::StreamViews;

use crate::error::DynamoError;
use crate::response::AwsResponse;

/// The embedded database.
pub(crate) struct Engine {
    database: Database,
    names: Arc<ResourceNames>,
    views: StreamViews,
    /// The number of writes so far.
    write_count: watch::Sender<u64>,
}

impl Engine {
    /// Runs an operation without checking permissions. Returns the response and the capacity units that it consumed.
    pub(crate) async fn run_operation(
        &self,
        operation: &str,
        mut request: Value,
    ) -> Result<(AwsResponse, CallCost), DynamoError> {
        // The database never waits. Without this a caller in a loop would keep other tasks from running.
        tokio::task::yield_now().await;
        let caller_asked = capacity::request_capacity(operation, &mut request);
        let body = self.names.with_engine_arns(operation, request.to_string());
        let response = dispatch::dispatch(&self.database, operation, &body);
        if response.status != 200 {
            return Ok((response, CallCost::default()));
        }
        let mut value: Value = serde_json::from_slice(&response.body)?;
        let cost = capacity::take_cost(operation, &mut value, caller_asked);
        self.views.adapt_response(operation, &request, &mut value);
        if capacity::is_write(operation) {
            self.count_write();
        }
        let body = self.names.with_template_arns(operation, value.to_string());
        Ok((AwsResponse { status: 200, body: body.into() }, cost))
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
