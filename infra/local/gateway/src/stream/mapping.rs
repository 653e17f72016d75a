//! One subscription of a task to a stream: where it is, and the next step.

use std::{collections::VecDeque, path::Path, sync::Arc};

use local_dynamo::{Dynamo, DynamoError};
use local_template::{Function, Pseudo, StartingPosition, Stream};
use serde_json::{Value, json};
use shared::{host::Clock, types::error_chain};
use tokio::sync::Mutex;

use super::{
    batch::{self, Batch, Fate},
    event::{self, GivenUp},
    position::Position,
};
use crate::{error::StartError, function::Deployed, invoke, queues::Queues};

/// One subscription of a task to a stream.
pub(super) struct Mapping {
    name: String,
    function_arn: String,
    stream: Stream,
    shard_id: String,
    surroundings: Surroundings,
    reader: Mutex<Reader>,
}

/// What a mapping needs of the world.
pub(super) struct Surroundings {
    pub(super) task: Arc<Deployed>,
    pub(super) dynamo: Dynamo,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) queues: Arc<Queues>,
}

struct Reader {
    /// Where in the stream to read on.
    position: Position,
    /// Read and not yet done.
    pending: VecDeque<Batch>,
    calls: u64,
}

/// What came of one step.
pub(super) enum Step {
    /// The batch is done, with this response.
    Done(Value),
    /// It is not, and will be tried again unless it was given up.
    Failed {
        /// What the task answered.
        response: Value,
        /// How often the batch has failed in its present size.
        failures: u32,
    },
    /// There is nothing to deliver.
    Idle,
}

impl Mapping {
    /// Finds the place to begin: where the last run of the data folder ended, or where the template says.
    pub(super) async fn open(
        function: &Function,
        stream: &Stream,
        surroundings: Surroundings,
        data: Option<&Path>,
    ) -> Result<Self, StartError> {
        let unreadable = |source| StartError::Stream { folder: function.folder.clone(), source };
        let name = format!("{}{}", function.logical_id, stream.name);
        let arn = stream.stream_arn.as_str();
        let dynamo = &surroundings.dynamo;
        let described =
            dynamo.call_as_service("DescribeStream", json!({"StreamArn": arn})).await.map_err(unreadable)?;
        let shard_id = text(&described, "/StreamDescription/Shards/0/ShardId");
        let position = match Position::kept(data, &name)? {
            Some(position) => position,
            None => {
                let kind = match stream.starting_position {
                    StartingPosition::Latest => "LATEST",
                    StartingPosition::TrimHorizon => "TRIM_HORIZON",
                };
                let request = json!({"StreamArn": arn, "ShardId": shard_id, "ShardIteratorType": kind});
                let found = dynamo.call_as_service("GetShardIterator", request).await.map_err(unreadable)?;
                Position::new(data, &name, text(&found, "/ShardIterator"))?
            }
        };
        let Pseudo { region, account, partition, .. } = Pseudo::default();
        Ok(Self {
            function_arn: format!("arn:{partition}:lambda:{region}:{account}:function:{}", function.name),
            name,
            stream: stream.clone(),
            shard_id,
            surroundings,
            reader: Mutex::new(Reader { position, pending: VecDeque::new(), calls: 0 }),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn dynamo(&self) -> &Dynamo {
        &self.surroundings.dynamo
    }

    /// Whether a batch that fails is tried for ever.
    pub(super) fn never_gives_up(&self) -> bool {
        self.stream.retry_attempts.is_none()
    }

    /// Delivers one batch, once.
    pub(super) async fn step(&self) -> Result<Step, DynamoError> {
        let mut reader = self.reader.lock().await;
        if reader.pending.is_empty() {
            self.read(&mut reader).await?;
        }
        // It stays in its place until the call has ended: a step that is dropped is a step that was not taken.
        let Some(batch) = reader.pending.front().cloned() else { return Ok(Step::Idle) };
        reader.calls = reader.calls.saturating_add(1);
        let now = self.surroundings.clock.now_millis();
        let request_id = format!("{}-{now:x}-{}", self.name, reader.calls);
        let event = event::of_batch(&batch.records);
        let result = self.surroundings.task.run(event, request_id.clone()).await;

        reader.pending.pop_front();
        let failed_from = batch::failed_from(&result, &batch, self.stream.reports_item_failures);
        let is_error = result.is_err();
        let response = result.unwrap_or_else(|failure| invoke::function_error(&failure));
        let Some(from) = failed_from else {
            self.keep_position(&mut reader);
            return Ok(Step::Done(response));
        };
        let mut failures = batch.failures.saturating_add(1);
        match batch.after_failure(from, self.stream.bisect_on_error, self.stream.retry_attempts) {
            Fate::Again(batches) => {
                failures = batches.first().map_or(failures, |batch| batch.failures);
                for batch in batches.into_iter().rev() {
                    reader.pending.push_front(batch);
                }
            }
            Fate::GivenUp(records) => {
                self.give_up(&records, failures, &request_id, is_error);
                self.keep_position(&mut reader);
            }
        }
        Ok(Step::Failed { response, failures })
    }

    /// Reads on until there is something to deliver, or nothing to read.
    async fn read(&self, reader: &mut Reader) -> Result<(), DynamoError> {
        loop {
            let iterator = reader.position.iterator();
            let request = json!({"ShardIterator": iterator, "Limit": self.stream.batch_size});
            let page = self.surroundings.dynamo.call_as_service("GetRecords", request).await?;
            let next = text(&page, "/NextShardIterator");
            if next.is_empty() || next == iterator {
                return Ok(());
            }
            reader.position.move_to(next);
            let records = page.get("Records").and_then(Value::as_array).into_iter().flatten();
            // Filters look at records as Lambda shows them.
            let records = records.map(|record| event::of_record(record.clone(), &self.stream.stream_arn));
            let wanted = records.filter(|record| self.wants(record)).collect();
            reader.pending.extend(batch::cut(wanted));
            if !reader.pending.is_empty() {
                return Ok(());
            }
            self.keep_position(reader);
        }
    }

    fn wants(&self, record: &Value) -> bool {
        let filters = &self.stream.filters;
        filters.is_empty() || filters.iter().any(|filter| filter.matches(record))
    }

    /// Nothing behind the position is outstanding: the next run of the data folder may begin here.
    fn keep_position(&self, reader: &mut Reader) {
        if !reader.pending.is_empty() {
            return;
        }
        if let Err(failure) = reader.position.keep() {
            tracing::error!(stream = self.name, error.chain = error_chain(&failure), "position");
        }
    }

    fn give_up(&self, records: &[Value], invocations: u32, request_id: &str, is_error: bool) {
        let count = records.len();
        tracing::error!(stream = self.name, request_id, count, "records given up");
        let Some(queue) = &self.stream.on_failure else { return };
        let given_up = GivenUp {
            request_id,
            function_arn: &self.function_arn,
            stream_arn: &self.stream.stream_arn,
            shard_id: &self.shard_id,
            invocations,
            is_error,
            now_millis: self.surroundings.clock.now_millis(),
        };
        self.surroundings.queues.send(queue, given_up.message(records));
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
