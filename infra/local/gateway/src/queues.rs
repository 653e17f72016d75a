//! The queues of the stack. Their messages stay until the end, so that tests can read them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

/// The messages of each queue, by ARN, oldest first.
#[derive(Default)]
pub(crate) struct QueueStore(Mutex<BTreeMap<String, Vec<Value>>>);

impl QueueStore {
    pub(crate) fn send_message(&self, arn: &str, message: Value) {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(arn.to_owned()).or_default().push(message);
    }

    pub(crate) fn messages(&self, arn: &str) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned().unwrap_or_default()
    }
}
