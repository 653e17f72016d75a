//! Between a table's stream and a task: what Lambda does for an event source mapping.
//!
//! ```text
//! stream ─ read ─▶ filters ─▶ batches ─ event ─▶ task ─▶ done
//!            ▲                   ▲                 └ failed ─▶ again, smaller or from the record that failed
//!            └─ position         └──────────────────────────────┘ └─▶ given up: told to the queue
//! ```
//!
//! Invariants:
//!
//! - Records are delivered in their order and one batch at a time; what is not done holds up what comes after it.
//! - Every record that passes the filters is delivered at least once. A record is given up only when the template says how
//!   often to try.
//! - The stream is read by Lambda, not by the function: SAM grants that by itself (`AWSLambdaDynamoDBExecutionRole`), and it is
//!   no part of what the function's statements are held against.
//!
//! It follows "Using AWS Lambda with Amazon DynamoDB" (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>).

mod batch;
mod event;
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
    functions::Functions,
    queues::Queues,
};
use mapping::{Mapping, Surroundings};

/// Every enabled subscription of a task to a stream, each with its folder.
pub(crate) struct Streams(Vec<(String, Arc<Mapping>)>);

impl Streams {
    pub(crate) async fn new(
        stack: &Stack,
        functions: &Functions,
        dynamo: &Dynamo,
        clock: &Arc<dyn Clock>,
        queues: &Arc<Queues>,
        data: Option<&Path>,
    ) -> Result<Self, StartError> {
        let mut mappings = Vec::new();
        for function in &stack.functions {
            let Some(task) = functions.of(&function.folder) else { continue };
            for stream in function.streams.iter().filter(|stream| stream.enabled) {
                let surroundings = Surroundings {
                    task: Arc::clone(task),
                    dynamo: dynamo.clone(),
                    clock: Arc::clone(clock),
                    queues: Arc::clone(queues),
                };
                let mapping = Mapping::open(function, stream, surroundings, data).await?;
                mappings.push((function.folder.clone(), Arc::new(mapping)));
            }
        }
        Ok(Self(mappings))
    }

    /// Delivers soon after every write, until `stopped`.
    pub(crate) fn run_all(&self, stopped: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        self.0
            .iter()
            .map(|(_, mapping)| tokio::spawn(runner::run(Arc::clone(mapping), stopped.clone())))
            .collect()
    }

    /// Delivers everything that is outstanding, now.
    pub(crate) async fn drain(&self, folder: &str) -> Result<Vec<Value>, CallError> {
        let mut mappings = self.0.iter().filter(|(of, _)| of == folder).peekable();
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
