//! The embedded database: tables from the template, called in this process.

mod capacity;
mod dispatch;
pub(crate) mod names;
mod open;
mod streams;
mod tables;

use std::sync::Arc;

use dynoxide::Database;
use dynoxide::actions::scan::ScanRequest;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

pub(crate) use capacity::Cost;
use names::Names;
pub(crate) use open::open;
use streams::Views;

use crate::answer::Answer;
use crate::error::DynamoError;

/// The embedded database.
pub(crate) struct Engine {
    database: Database,
    names: Arc<Names>,
    views: Views,
    /// Counts writes.
    written: watch::Sender<u64>,
}

impl Engine {
    /// Does what the request says, for whoever asks, and tells what it cost.
    pub(crate) async fn call(
        &self,
        operation: &str,
        mut request: Value,
    ) -> Result<(Answer, Cost), DynamoError> {
        // The database answers without waiting; a caller in a loop must leave other tasks their turn all the same.
        tokio::task::yield_now().await;
        let asked = capacity::ask(operation, &mut request);
        let body = self.names.to_engine(operation, request.to_string());
        let answer = dispatch::dispatch(&self.database, operation, &body);
        if answer.status != 200 {
            return Ok((answer, Cost::default()));
        }
        let mut value: Value = serde_json::from_slice(&answer.body)?;
        let cost = capacity::take(operation, &mut value, asked);
        self.views.show(operation, &request, &mut value);
        if capacity::is_write(operation) {
            self.count_write();
        }
        let body = self.names.to_caller(operation, value.to_string());
        Ok((Answer { status: 200, body: body.into() }, cost))
    }

    pub(crate) fn names(&self) -> Arc<Names> {
        Arc::clone(&self.names)
    }

    /// Deletes what has expired, as DynamoDB does in its own time. Returns how many items that were.
    pub(crate) fn sweep(&self) -> Result<usize, DynamoError> {
        let swept = self.database.sweep_ttl()?;
        if swept > 0 {
            self.count_write();
        }
        Ok(swept)
    }

    /// Changes with every write.
    pub(crate) fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    fn count_write(&self) {
        self.written.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Every item of every table, as JSON text.
    pub(crate) fn dump(&self) -> Result<String, DynamoError> {
        let mut tables = Map::new();
        for table in self.names.tables() {
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
