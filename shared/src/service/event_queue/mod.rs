//! A table of events whose effects follow from its stream: the machinery of `order-events` and `push-events`.
//!
//! ```text
//! row ──stream──▶ EventProcessor::process ──▶ marked as done
//!  └──── pending for two minutes: by schedule, every five minutes ────┘
//! ```
//!
//! Every event is processed at least once, until it is completed or abandoned; the processor's marks make its effects happen once. The
//! events of a batch are read together and processed at the same time, ten batches of a shard of the stream are, and a failed event is
//! delivered again with younger ones, so events come in no order.

mod error;
mod report;
mod stream_record;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::Value;

pub use error::EventError;
pub use report::{EventsReport, ItemFailure};

use self::stream_record::StreamRecord;
use crate::{
    host::Host,
    store::{OpenWork, StoreError, WorkCursor, WorkPage, WorkRow},
    telemetry::{self, Metric},
    types::{BoxError, UnixSeconds},
};

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// All effects of the event are done.
    Completed,
    /// The event was completed before, or another run is processing it.
    Skipped,
    /// What is left to do for the event is not due yet. It stays pending, and the schedule comes back to it.
    Deferred,
    /// The event can never be processed, such as one whose row can't be read. Its row is marked as given up.
    Abandoned,
}

/// A table of events, and what processing one of them means.
pub trait EventProcessor: Sync {
    /// The key attribute of the table, by which the records of its stream name their rows.
    const KEY: &'static str;

    /// Does what is still to do for the events with these keys, [`MAX_BATCH`] at most, and marks each as done. The results stand in the
    /// order of the keys. No event is begun when `deadline` is over.
    ///
    /// # Errors
    /// [`EventError`] of an event: something is still to do. The event is processed again.
    fn process(
        &self,
        keys: &[String],
        deadline: &Deadline<'_>,
    ) -> impl Future<Output = Vec<Result<EventOutcome, EventError>>> + Send;

    /// The events that happened by `until` and are still pending, or the shards to read with [`Self::list_pending`] if there are too many
    /// rows for one request.
    ///
    /// # Errors
    /// [`StoreError`]; the next scheduled run asks again.
    fn find_pending(
        &self,
        until: UnixSeconds,
    ) -> impl Future<Output = Result<OpenWork<String>, StoreError>> + Send;

    /// The shard's events that happened by `until` and are still pending, the oldest first, from `after` on; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`]; the next scheduled run asks again.
    fn list_pending(
        &self,
        shard: &str,
        until: UnixSeconds,
        after: Option<WorkCursor>,
        limit: u16,
    ) -> impl Future<Output = Result<WorkPage<String>, StoreError>> + Send;

    /// The metric that tells how old the oldest pending event is, in seconds.
    fn age_metric(oldest_age_seconds: u64) -> Metric<'static>;
}

/// The moment from which a run begins no other event.
pub struct Deadline<'r> {
    host: &'r Host,
    started_at: UnixSeconds,
}

impl Deadline<'_> {
    /// Whether the moment has come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.host.now().since(self.started_at) > LAST_START
    }

    /// # Errors
    /// [`EventError`]: the deadline is over, so the event with this key is not begun.
    pub fn check(&self, key: &str) -> Result<(), EventError> {
        if self.is_over() {
            return Err(EventError::at("beginning", key, "the run has gone on for too long"));
        }
        Ok(())
    }
}

/// Does the same with every one, several at the same time. The results stand in the order of `each`.
pub async fn concurrently<T, R, F>(each: Vec<T>, make: impl Fn(T) -> F) -> Vec<R>
where
    F: Future<Output = R>,
{
    stream::iter(each).map(make).buffered(CONCURRENCY).collect().await
}

/// Processes the events of a table, from its stream and by schedule.
pub struct EventQueue<P> {
    host: Host,
    processor: P,
}

impl<P: EventProcessor> EventQueue<P> {
    /// The queue of the events that `processor` processes.
    pub fn new(host: &Host, processor: P) -> Self {
        Self { host: host.clone(), processor }
    }

    /// Processes the records of the stream, or what is pending if the event has none, because then a schedule has started the run.
    ///
    /// # Errors
    /// The event is neither. Nothing was processed.
    pub async fn run(&self, event: &Value) -> Result<EventsReport, BoxError> {
        match event.get("Records") {
            None => Ok(self.reprocess_pending().await),
            Some(Value::Array(records)) => Ok(self.process_records(records).await),
            Some(_) => Err("the records of the stream are no list".into()),
        }
    }

    async fn process_records(&self, records: &[Value]) -> EventsReport {
        let deadline = Deadline { host: &self.host, started_at: self.host.now() };
        let mut report = EventsReport { batch_item_failures: Some(Vec::new()), ..EventsReport::default() };
        let (mut keys, mut sequence_numbers) = (Vec::new(), Vec::new());
        for record in records {
            match StreamRecord::read(record, P::KEY) {
                StreamRecord::Inserted { key, sequence_number } => {
                    keys.push(key);
                    sequence_numbers.push(sequence_number);
                }
                StreamRecord::Other => report.count(Ok(EventOutcome::Skipped)),
                StreamRecord::Unreadable { sequence_number } => {
                    telemetry::operator_alert("event-unreadable", &sequence_number);
                    report.unreadable_records = report.unreadable_records.saturating_add(1);
                }
            }
        }
        let mut results = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MAX_BATCH) {
            results.extend(self.processor.process(keys, &deadline).await);
        }
        for (sequence_number, result) in sequence_numbers.into_iter().zip(results) {
            let failed = result.is_err();
            report.count(result);
            if let (true, Some(failures)) = (failed, &mut report.batch_item_failures) {
                failures.push(ItemFailure { item_identifier: sequence_number });
            }
        }
        report
    }

    /// Processes what is still pending: events that the stream no longer delivers, and events of a run that was killed.
    async fn reprocess_pending(&self) -> EventsReport {
        let deadline = Deadline { host: &self.host, started_at: self.host.now() };
        let report = match self.processor.find_pending(deadline.started_at.minus(STREAM_GRACE)).await {
            Ok(OpenWork::All(rows)) => self.reprocess(rows, &deadline).await,
            // Several shards at the same time, so that a shard with many events does not delay the others.
            Ok(OpenWork::Shards(shards)) => {
                let reports = stream::iter(shards).map(|shard| self.reprocess_shard(shard, &deadline));
                let reports = reports.buffer_unordered(CONCURRENT_SHARDS);
                reports.fold(EventsReport::default(), async |sum, report| sum.plus(report)).await
            }
            Err(error) => EventsReport::default().with(Err(error.into())),
        };
        telemetry::record_metric(P::age_metric(report.oldest_age_seconds));
        report
    }

    /// Processes the shard's pending events page after page, the oldest first, until none is left or the run is out of time. An
    /// event that fails does not delay those behind it.
    async fn reprocess_shard(&self, shard: String, deadline: &Deadline<'_>) -> EventsReport {
        let mut report = EventsReport::default();
        let mut cursor: Option<WorkCursor> = None;
        loop {
            let until = deadline.started_at.minus(STREAM_GRACE);
            let page = match self.processor.list_pending(&shard, until, cursor, PAGE_SIZE).await {
                Ok(page) => page,
                // The other shards are processed all the same.
                Err(error) => return report.with(Err(error.into())),
            };
            report = report.plus(self.reprocess(page.rows, deadline).await);
            cursor = page.next;
            if cursor.is_none() || deadline.is_over() {
                return report;
            }
        }
    }

    /// Processes pending events, until the run is out of time.
    async fn reprocess(&self, rows: Vec<WorkRow<String>>, deadline: &Deadline<'_>) -> EventsReport {
        let mut report = EventsReport::default();
        for rows in rows.chunks(MAX_BATCH) {
            if deadline.is_over() {
                let oldest = rows.iter().map(|row| row.at).min();
                return oldest.into_iter().fold(report, |sum, at| sum.with_pending(at, deadline.started_at));
            }
            let keys: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
            for (row, result) in rows.iter().zip(self.processor.process(&keys, deadline).await) {
                if result.is_err() {
                    report = report.with_pending(row.at, deadline.started_at);
                }
                report = report.with(result);
            }
        }
        report
    }
}

/// Events that are processed together.
pub const MAX_BATCH: usize = 100;
/// Events of a batch of which a step is done at the same time.
const CONCURRENCY: usize = 32;
/// The scheduled run leaves younger events to the stream.
const STREAM_GRACE: Duration = Duration::from_secs(2 * 60);
const PAGE_SIZE: u16 = 25;
/// Shards that a scheduled run processes at the same time.
const CONCURRENT_SHARDS: usize = 4;
/// No event is begun after this time, so that a run ends before Lambda's timeout of 55 seconds.
const LAST_START: Duration = Duration::from_secs(30);
