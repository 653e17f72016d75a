//! What a run reports.

use serde::Serialize;

use super::{EventError, EventOutcome};
use crate::{telemetry, types::UnixSeconds};

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
    /// Events of which a part is not due yet.
    pub deferred: u32,
    /// Events that can never be processed, such as one whose row can't be read. They are marked as given up.
    pub abandoned: u32,
    /// Records of the stream without a readable key. The schedule finds their rows.
    pub unreadable_records: u32,
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

impl EventsReport {
    pub(super) fn count(&mut self, result: Result<EventOutcome, EventError>) {
        let count = match result {
            Ok(EventOutcome::Completed) => &mut self.completed,
            Ok(EventOutcome::Skipped) => &mut self.skipped,
            Ok(EventOutcome::Deferred) => &mut self.deferred,
            Ok(EventOutcome::Abandoned) => &mut self.abandoned,
            Err(error) => {
                telemetry::handled_error("process-event", &error);
                &mut self.failed
            }
        };
        *count = count.saturating_add(1);
    }

    /// With the result of an event.
    pub(super) fn with(mut self, result: Result<EventOutcome, EventError>) -> Self {
        self.count(result);
        self
    }

    /// With the age of an event that is still pending.
    pub(super) fn with_pending(self, happened_at: UnixSeconds, now: UnixSeconds) -> Self {
        let age = now.since(happened_at).as_secs();
        Self { oldest_age_seconds: self.oldest_age_seconds.max(age), ..self }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            batch_item_failures: None,
            completed: self.completed.saturating_add(other.completed),
            skipped: self.skipped.saturating_add(other.skipped),
            deferred: self.deferred.saturating_add(other.deferred),
            abandoned: self.abandoned.saturating_add(other.abandoned),
            unreadable_records: self.unreadable_records.saturating_add(other.unreadable_records),
            failed: self.failed.saturating_add(other.failed),
            oldest_age_seconds: self.oldest_age_seconds.max(other.oldest_age_seconds),
        }
    }
}
