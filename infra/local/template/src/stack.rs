//! A template with every parameter and intrinsic replaced by its value.

use std::collections::BTreeMap;

use crate::resource::api::HttpApi;
use crate::resource::bucket::Bucket;
use crate::resource::event_bus::EventBus;
use crate::resource::function::Function;
use crate::resource::log_group::LogGroup;
use crate::resource::queue::Queue;
use crate::resource::secret::Secret;
use crate::resource::table::Table;

/// A template with every parameter and intrinsic replaced by its value.
///
/// The lists are sorted by logical id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stack {
    /// The functions.
    pub functions: Vec<Function>,
    /// The tables.
    pub tables: Vec<Table>,
    /// The secrets.
    pub secrets: Vec<Secret>,
    /// The event buses.
    pub event_buses: Vec<EventBus>,
    /// The buckets.
    pub buckets: Vec<Bucket>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// The API; `None` when no function has a route and the template declares none.
    pub api: Option<HttpApi>,
    /// The outputs.
    pub outputs: BTreeMap<String, String>,
    /// The log groups.
    pub log_groups: Vec<LogGroup>,
}

impl Stack {
    /// The function with this logical id.
    pub fn function(&self, logical_id: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.logical_id == logical_id)
    }

    /// The bucket with this logical id.
    pub fn bucket(&self, logical_id: &str) -> Option<&Bucket> {
        self.buckets.iter().find(|bucket| bucket.logical_id == logical_id)
    }

    /// The table with this logical id.
    pub fn table(&self, logical_id: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.logical_id == logical_id)
    }
}
