//! The effects of an event of an order: goods leave the stock, the event goes to the event bus, the user gets a message.
//!
//! ```text
//! outbox row ──stream──▶ process_event ──▶ stock ──▶ event bus ──▶ message to the user ──▶ marked as done
//!      └──── pending for two minutes: by schedule, every five minutes ────┘
//! ```
//!
//! # Guarantee
//! Stock exactly once, bus at least once, user message at most once, in no order between events.
//!
//! - Stock: the goods and the event's mark `stock_done_at` change in one transaction, and the mark is its condition.
//! - Bus: the mark `published_at` is set after EventBridge has taken the event. A run that is killed in between publishes it again.
//! - Message: the mark `message_claimed_at` is set before the message is sent, and removed only if it was certainly not sent.
//! - Order: a batch's events are processed several at a time, and a failed event is delivered again after younger ones.
//!
//! An event is processed until stock and bus are done and the message is sent or will never be sent. An event whose row can't be read,
//! and an `order.paid` whose order is gone, is abandoned, with the alert `event-unreadable`. [`Outbox`] keeps the marks; `docs/events.md` describes the effects and the retries.

mod error;
mod event_detail;
mod notify_user;
mod paid_template;
mod process;
mod publish;
mod stock;
mod stream_record;

use std::time::Duration;

use futures_util::{StreamExt, future, stream};
use serde::Serialize;
use serde_json::Value;
use shared::{
    host::{Host, HostError},
    runtime::Task,
    store::{Outbox, WorkCursor, shards},
    telemetry::{self, Metric},
    types::{BoxError, UnixSeconds},
};

use crate::{
    error::EventError,
    process::{EventOutcome, EventProcessor},
    stream_record::StreamRecord,
};

/// Processes events of orders, from the outbox's stream and by schedule.
pub struct OrderEventsTask {
    host: Host,
    outbox: Outbox,
    processor: EventProcessor,
}

/// How many events a run came upon, by what became of them. Lambda reads the field `batch_item_failures` of a stream run's report.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventsReport {
    /// The records that the stream must deliver again. `None` in a scheduled run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_item_failures: Option<Vec<ItemFailure>>,
    /// Events whose effects are all done.
    pub completed: u32,
    /// Events that were completed before or that another run is processing, and records of the stream that insert no event.
    pub skipped: u32,
    /// Events whose row can't be read, and `order.paid` events whose order is gone: they are never processed again. Also records of
    /// the stream without a readable key, whose row the schedule still finds.
    pub abandoned: u32,
    /// Events for which something is still to do, and shards that could not be read.
    pub failed: u32,
    /// Age in seconds of the oldest event that is still pending. Set by the scheduled run only; 0 in a stream run.
    pub oldest_age_seconds: u64,
}

/// A record that the stream must deliver again.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// The record's sequence number.
    pub item_identifier: String,
}

impl Task for OrderEventsTask {
    const NAME: &'static str = "order-events";
    type Event = Value;
    type Report = EventsReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), outbox: Outbox::new(host)?, processor: EventProcessor::new(host)? })
    }

    async fn run(&self, event: Value) -> Result<EventsReport, BoxError> {
        match event.get("Records") {
            None => Ok(self.reprocess_pending().await),
            Some(Value::Array(records)) => Ok(self.process_records(records).await),
            Some(_) => Err("the records of the stream are no list".into()),
        }
    }
}

impl OrderEventsTask {
    /// Processes the records of the stream, several at a time. The events of one order may overtake each other: listeners read
    /// their order from `happenedAt`, and stock and message belong to one event per order.
    async fn process_records(&self, records: &[Value]) -> EventsReport {
        let started_at = self.host.now();
        let records: Vec<StreamRecord> = records.iter().map(StreamRecord::read).collect();
        let results = stream::iter(records).map(|record| self.process_record(record, started_at));
        let results: Vec<_> = results.buffered(CONCURRENCY).collect().await;
        let mut report = EventsReport { batch_item_failures: Some(Vec::new()), ..EventsReport::default() };
        for (sequence_number, result) in results {
            let failed = result.is_err();
            report.count(result);
            if let (true, Some(failures)) = (failed, &mut report.batch_item_failures) {
                failures.push(ItemFailure { item_identifier: sequence_number });
            }
        }
        report
    }

    async fn process_record(
        &self,
        record: StreamRecord,
        started_at: UnixSeconds,
    ) -> (String, Result<EventOutcome, EventError>) {
        match record {
            StreamRecord::Inserted { event_id, sequence_number } => {
                let result = if self.is_out_of_time(started_at) {
                    Err(EventError::at("beginning", &event_id, "the run has gone on for too long"))
                } else {
                    self.processor.process_event(&event_id).await
                };
                (sequence_number, result)
            }
            StreamRecord::Other => (String::new(), Ok(EventOutcome::Skipped)),
            StreamRecord::Unreadable { sequence_number } => {
                telemetry::operator_alert("event-unreadable", &sequence_number);
                (String::new(), Ok(EventOutcome::Abandoned))
            }
        }
    }

    /// Processes what is still pending: events that the stream no longer delivers, and events of a run that was killed.
    async fn reprocess_pending(&self) -> EventsReport {
        let started_at = self.host.now();
        // All shards at the same time, so that a shard with many events does not delay the others.
        let reports = future::join_all(shards().map(|shard| self.reprocess_shard(shard, started_at))).await;
        let report = reports.into_iter().fold(EventsReport::default(), EventsReport::plus);
        telemetry::record_metric(Metric::OutboxAge(report.oldest_age_seconds));
        report
    }

    /// Processes the shard's pending events page after page, the oldest first, until none is left or the run is out of time. An
    /// event that fails does not delay those behind it.
    async fn reprocess_shard(&self, shard: String, started_at: UnixSeconds) -> EventsReport {
        let mut report = EventsReport::default();
        let mut cursor: Option<WorkCursor> = None;
        loop {
            let page =
                self.outbox.list_pending(&shard, started_at.minus(STREAM_GRACE), cursor, PAGE_SIZE).await;
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    // The other shards are processed all the same.
                    report.count(Err(error.into()));
                    return report;
                }
            };
            for (event_id, happened_at) in &page.rows {
                if self.is_out_of_time(started_at) {
                    return report.with_pending(*happened_at, started_at);
                }
                let result = self.processor.process_event(event_id).await;
                if result.is_err() {
                    report = report.with_pending(*happened_at, started_at);
                }
                report.count(result);
            }
            cursor = page.next;
            if cursor.is_none() {
                return report;
            }
        }
    }

    fn is_out_of_time(&self, started_at: UnixSeconds) -> bool {
        self.host.now().since(started_at) > LAST_START
    }
}

impl EventsReport {
    fn count(&mut self, result: Result<EventOutcome, EventError>) {
        let count = match result {
            Ok(EventOutcome::Completed) => &mut self.completed,
            Ok(EventOutcome::Skipped) => &mut self.skipped,
            Ok(EventOutcome::Abandoned) => &mut self.abandoned,
            Err(error) => {
                telemetry::handled_error("process-event", &error);
                &mut self.failed
            }
        };
        *count = count.saturating_add(1);
    }

    /// With the age of an event that is still pending.
    fn with_pending(self, happened_at: UnixSeconds, now: UnixSeconds) -> Self {
        let age = now.since(happened_at).as_secs();
        Self { oldest_age_seconds: self.oldest_age_seconds.max(age), ..self }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            batch_item_failures: None,
            completed: self.completed.saturating_add(other.completed),
            skipped: self.skipped.saturating_add(other.skipped),
            abandoned: self.abandoned.saturating_add(other.abandoned),
            failed: self.failed.saturating_add(other.failed),
            oldest_age_seconds: self.oldest_age_seconds.max(other.oldest_age_seconds),
        }
    }
}

/// Events of a batch that are processed at the same time.
const CONCURRENCY: usize = 5;
/// The scheduled run leaves younger events to the stream.
const STREAM_GRACE: Duration = Duration::from_secs(2 * 60);
const PAGE_SIZE: u16 = 25;
/// No event is begun after this time, so that a run ends before Lambda's timeout of 55 seconds.
const LAST_START: Duration = Duration::from_secs(30);
