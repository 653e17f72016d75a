//! Event source mappings: deliver a table's stream to a task, as Lambda does.
//!
//! ```text
//! stream ─ read ─▶ filters ─▶ batches ─ event ─▶ task ─▶ done
//!            ▲                   ▲                 └ failed ─▶ retry, smaller or from the record that failed
//!            └─ position         └──────────────────────────────┘ └─▶ discard, and a message to the queue
//! ```
//!
//! Invariants:
//!
//! - Records are delivered in their order and one batch at a time. A batch that is not done blocks the records after it.
//! - Every record that passes the filters is delivered at least once. Records are discarded only when the template limits the
//!   retries.
//! - Lambda reads the stream, not the function. SAM grants that permission by itself (`AWSLambdaDynamoDBExecutionRole`), so it is
//!   not checked against the function's statements.
//!
//! It follows "Using AWS Lambda with Amazon DynamoDB" (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>).

mod batch;
mod lambda_event;
mod mapping;
mod position;
mod runner;

use std::{path::Path, sync::Arc};

use local_dynamo::Dynamo;
use local_template::Stack;
use serde_json::Value;
use shared::host::Clock;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    error::{CallError, StartError},
    functions::DeployedFunctions,
    queues::QueueStore,
};
use mapping::{EventSourceMapping, MappingDeps};

/// The enabled event source mappings of the stack, each with the folder of its task.
pub(crate) struct EventSourceMappings(Vec<(String, Arc<EventSourceMapping>)>);

impl EventSourceMappings {
    pub(crate) async fn new(
        stack: &Stack,
        functions: &DeployedFunctions,
        dynamo: &Dynamo,
        clock: &Arc<dyn Clock>,
        queues: &Arc<QueueStore>,
        data: Option<&Path>,
    ) -> Result<Self, StartError> {
        let mut mappings = Vec::new();
        for function in &stack.functions {
            let Some(task) = functions.by_folder(&function.folder) else { continue };
            for stream in function.streams.iter().filter(|stream| stream.enabled) {
                let deps = MappingDeps {
                    task: Arc::clone(task),
                    dynamo: dynamo.clone(),
                    clock: Arc::clone(clock),
                    queues: Arc::clone(queues),
                };
                let mapping = EventSourceMapping::open(function, stream, deps, data).await?;
                mappings.push((function.folder.clone(), Arc::new(mapping)));
            }
        }
        Ok(Self(mappings))
    }

    /// Starts to deliver the records of every write, until `stopped`.
    pub(crate) fn spawn_all(&self, stopped: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        self.0
            .iter()
            .map(|(_, mapping)| tokio::spawn(runner::run_until_stopped(Arc::clone(mapping), stopped.clone())))
            .collect()
    }

    /// Delivers all outstanding records to the task in `folder`. Returns the task's responses.
    ///
    /// # Errors
    /// [`CallError`]: the folder has no task behind a stream, the stream can't be read, or it does not come to an end.
    pub(crate) async fn drain(&self, folder: &str) -> Result<Vec<Value>, CallError> {
        let mut mappings = self.0.iter().filter(|(mapped, _)| mapped == folder).peekable();
        if mappings.peek().is_none() {
            return Err(CallError::Unknown { folder: folder.to_owned(), expected: "task behind a stream" });
        }
        let mut responses = Vec::new();
        for (_, mapping) in mappings {
            runner::drain(mapping, &mut responses).await?;
        }
        Ok(responses)
    }
}
