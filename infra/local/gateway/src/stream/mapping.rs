//! An event source mapping: delivers a stream to a task, batch by batch.

use std::{collections::VecDeque, path::Path, sync::Arc};

use local_dynamo::{Dynamo, DynamoError};
use local_template::{Function, PseudoParameters, StartingPosition, Stream};
use serde_json::{Value, json};
use shared::{host::Clock, types::error_chain};
use tokio::sync::Mutex;

use super::{
    batch::{self, Batch, BatchDecision},
    lambda_event::{self, DiscardedRecords},
    position::StreamPosition,
};
use crate::{
    error::StartError,
    function::{DeployedFunction, Trigger},
    invoke,
    queues::QueueStore,
};

/// Delivers a stream to a task, as Lambda's event source mapping does.
pub(super) struct EventSourceMapping {
    name: String,
    function_arn: String,
    stream: Stream,
    shard_id: String,
    deps: MappingDeps,
    progress: Mutex<Progress>,
}

/// The collaborators of a mapping.
pub(super) struct MappingDeps {
    pub(super) task: Arc<DeployedFunction>,
    pub(super) dynamo: Dynamo,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) queues: Arc<QueueStore>,
}

/// How far a mapping has read and delivered.
struct Progress {
    /// The position from which to read next.
    position: StreamPosition,
    /// The batches that were read and are not done yet.
    pending: VecDeque<Batch>,
    /// The number of calls so far, for request ids.
    calls: u64,
}

/// The outcome of one delivery.
pub(super) enum DeliveryOutcome {
    /// All records of the batch are done; the task's response.
    Done(Value),
    /// Records of the batch failed. They will be retried, unless they were discarded.
    Failed {
        /// The task's response.
        response: Value,
        /// How often the batch has failed since it was last split.
        failures: u32,
    },
    /// There is nothing to deliver.
    Idle,
}

impl EventSourceMapping {
    /// Opens the stream at the position in the data folder, or at the template's starting position.
    ///
    /// # Errors
    /// [`StartError::Stream`] and [`StartError::Position`]: the stream or the position can't be read.
    pub(super) async fn open(
        function: &Function,
        stream: &Stream,
        deps: MappingDeps,
        data: Option<&Path>,
    ) -> Result<Self, StartError> {
        let unreadable = |source| StartError::Stream { folder: function.folder.clone(), source };
        let name = format!("{}{}", function.logical_id, stream.name);
        let arn = stream.stream_arn.as_str();
        let dynamo = &deps.dynamo;
        let described =
            dynamo.call_as_service("DescribeStream", json!({"StreamArn": arn})).await.map_err(unreadable)?;
        let shard_id = text(&described, "/StreamDescription/Shards/0/ShardId");
        let position = match StreamPosition::load(data, &name)? {
            Some(position) => position,
            None => {
                let kind = match stream.starting_position {
                    StartingPosition::Latest => "LATEST",
                    StartingPosition::TrimHorizon => "TRIM_HORIZON",
                };
                let request = json!({"StreamArn": arn, "ShardId": shard_id, "ShardIteratorType": kind});
                let found = dynamo.call_as_service("GetShardIterator", request).await.map_err(unreadable)?;
                StreamPosition::create(data, &name, text(&found, "/ShardIterator"))?
            }
        };
        let PseudoParameters { region, account, partition, .. } = PseudoParameters::default();
        Ok(Self {
            function_arn: format!("arn:{partition}:lambda:{region}:{account}:function:{}", function.name),
            name,
            stream: stream.clone(),
            shard_id,
            deps,
            progress: Mutex::new(Progress { position, pending: VecDeque::new(), calls: 0 }),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn dynamo(&self) -> &Dynamo {
        &self.deps.dynamo
    }

    /// Whether the template sets no limit to retries.
    pub(super) fn retries_forever(&self) -> bool {
        self.stream.retry_attempts.is_none()
    }

    /// Delivers the next batch, once.
    ///
    /// # Errors
    /// [`DynamoError`]: the stream can't be read. No record is lost.
    pub(super) async fn deliver_next(&self) -> Result<DeliveryOutcome, DynamoError> {
        let mut progress = self.progress.lock().await;
        if progress.pending.is_empty() {
            self.read_records(&mut progress).await?;
        }
        // The batch stays in `pending` during the call, so that dropping this future loses no record.
        let Some(batch) = progress.pending.front().cloned() else { return Ok(DeliveryOutcome::Idle) };
        progress.calls = progress.calls.saturating_add(1);
        let now = self.deps.clock.now_millis();
        let request_id = format!("{}-{now:x}-{}", self.name, progress.calls);
        let event = lambda_event::batch_event(&batch.records);
        let trigger = Trigger::Stream { records: batch.records.len() };
        let result = self.deps.task.run_task(event, request_id.clone(), trigger).await;

        progress.pending.pop_front();
        let failed_from = batch::first_failed_index(&result, &batch, self.stream.reports_item_failures);
        let is_error = result.is_err();
        let response = result.unwrap_or_else(|failure| invoke::failure_payload(&failure));
        let Some(from) = failed_from else {
            self.save_position(&mut progress);
            return Ok(DeliveryOutcome::Done(response));
        };
        let mut failures = batch.failures.saturating_add(1);
        match batch.decide_after_failure(from, self.stream.bisect_on_error, self.stream.retry_attempts) {
            BatchDecision::Retry(batches) => {
                failures = batches.first().map_or(failures, |batch| batch.failures);
                for batch in batches.into_iter().rev() {
                    progress.pending.push_front(batch);
                }
            }
            BatchDecision::Discard(records) => {
                self.discard(&records, failures, &request_id, is_error);
                self.save_position(&mut progress);
            }
        }
        Ok(DeliveryOutcome::Failed { response, failures })
    }

    /// Reads the stream until there is a batch to deliver or the stream has no more records.
    async fn read_records(&self, progress: &mut Progress) -> Result<(), DynamoError> {
        loop {
            let iterator = progress.position.iterator();
            let request = json!({"ShardIterator": iterator, "Limit": self.stream.batch_size});
            let page = self.deps.dynamo.call_as_service("GetRecords", request).await?;
            let next = text(&page, "/NextShardIterator");
            if next.is_empty() || next == iterator {
                return Ok(());
            }
            progress.position.set_iterator(next);
            let records = page.get("Records").and_then(Value::as_array).into_iter().flatten();
            // Converted first, because filters apply to records in Lambda's form.
            let records =
                records.map(|record| lambda_event::event_record(record.clone(), &self.stream.stream_arn));
            let wanted = records.filter(|record| self.matches_filters(record)).collect();
            progress.pending.extend(batch::split_into_batches(wanted));
            if !progress.pending.is_empty() {
                return Ok(());
            }
            self.save_position(progress);
        }
    }

    fn matches_filters(&self, record: &Value) -> bool {
        let filters = &self.stream.filters;
        filters.is_empty() || filters.iter().any(|filter| filter.matches(record))
    }

    /// Saves the position for the next start. Does nothing while batches are pending, because those would be skipped.
    fn save_position(&self, progress: &mut Progress) {
        if !progress.pending.is_empty() {
            return;
        }
        if let Err(failure) = progress.position.save() {
            tracing::error!(
                stream = self.name,
                error.chain = error_chain(&failure),
                "saving the stream's position failed"
            );
        }
    }

    /// Logs the discarded records, and sends Lambda's message about them to the queue of the mapping.
    fn discard(&self, records: &[Value], invocations: u32, request_id: &str, is_error: bool) {
        let count = records.len();
        tracing::error!(stream = self.name, request_id, count, "records discarded");
        let Some(queue) = &self.stream.on_failure else { return };
        let discarded = DiscardedRecords {
            request_id,
            function_arn: &self.function_arn,
            stream_arn: &self.stream.stream_arn,
            shard_id: &self.shard_id,
            invocations,
            is_error,
            now_millis: self.deps.clock.now_millis(),
        };
        self.deps.queues.send_message(queue, discarded.queue_message(records));
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
