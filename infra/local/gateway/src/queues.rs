//! The queues of the stack: what was sent to them stays there.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

/// What landed in each queue, by ARN, oldest first.
#[derive(Default)]
pub(crate) struct Queues(Mutex<BTreeMap<String, Vec<Value>>>);

impl Queues {
    pub(crate) fn send(&self, arn: &str, message: Value) {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(arn.to_owned()).or_default().push(message);
    }

    pub(crate) fn messages(&self, arn: &str) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned().unwrap_or_default()
    }
}
