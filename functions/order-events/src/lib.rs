//! What follows from what happened to an order: goods leave the stock, the event goes to the bus, the user gets a message.
//!
//! ```text
//! outbox row ──stream──▶ order-events ──▶ stock ──▶ bus ──▶ message ──▶ done
//!      └──── what still waits after two minutes, every five minutes ────┘
//! ```
//! `docs/events.md` says what is guaranteed: stock exactly once, the bus at least once, the message at most once, in no order. Each
//! effect has a mark on the event's row ([`Outbox`]).

mod act;
mod bus;
mod detail;
mod paid;
mod record;
mod tell;

use std::time::Duration;

use futures_util::{StreamExt, future, stream};
use serde::Serialize;
use serde_json::Value;
use shared::{
    error::BoxError,
    host::{Host, HostError},
    runtime::Task,
    store::{Cursor, Orders, Outbox, shards},
    telemetry::{self, Counted},
    types::UnixSeconds,
    wechat::subscribe::Subscriber,
};

use crate::{
    act::{ActError, Acted},
    bus::Bus,
    paid::PaidTemplate,
    record::Record,
};

/// Acts on events.
pub struct OrderEventsTask {
    host: Host,
    outbox: Outbox,
    orders: Orders,
    bus: Bus,
    subscriber: Subscriber,
    /// The message that an order is paid. Settings that can't be used keep nobody's goods and events waiting: only the message is
    /// missing, and told as such.
    paid: Result<Option<PaidTemplate>, HostError>,
}

/// What became of the events of a run. To the stream it is the answer: Lambda looks at the failures alone.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventsReport {
    /// The records that the stream must deliver again; a run of the schedule has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_item_failures: Option<Vec<ItemFailure>>,
    /// All of their effects are done.
    pub done: u32,
    /// Had nothing left to do, or are being acted on elsewhere.
    pub passed: u32,
    /// Nothing can ever be done about them.
    pub given_up: u32,
    /// Something is still to do.
    pub failed: u32,
    /// How long the oldest of them has waited, in seconds; told by the schedule alone.
    pub oldest: u64,
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
        let paid = PaidTemplate::read(host);
        if let Err(error) = &paid {
            telemetry::survived("read-paid-template", error);
            telemetry::attention("paid-template-unusable", error);
        }
        Ok(Self {
            host: host.clone(),
            outbox: Outbox::new(host)?,
            orders: Orders::new(host)?,
            bus: Bus::new(host)?,
            subscriber: Subscriber::new(host)?,
            paid,
        })
    }

    async fn run(&self, event: Value) -> Result<EventsReport, BoxError> {
        match event.get("Records") {
            None => Ok(self.repair().await),
            Some(Value::Array(records)) => Ok(self.deliver(records).await),
            Some(_) => Err("the records of the stream are no list".into()),
        }
    }
}

impl OrderEventsTask {
    /// Acts on the records of the stream, each by itself. Several at once: what happens to one order is told apart by
    /// `happenedAt` and not by who comes first, which the bus does not promise either; stock and message have one event an order.
    async fn deliver(&self, records: &[Value]) -> EventsReport {
        let began = self.host.now();
        let records: Vec<Record> = records.iter().map(Record::read).collect();
        let acting = stream::iter(records).map(|record| self.deliver_one(record, began));
        let results: Vec<_> = acting.buffered(AT_ONCE).collect().await;
        let mut report = EventsReport { batch_item_failures: Some(Vec::new()), ..EventsReport::default() };
        for (sequence_number, acted) in results {
            let failed = acted.is_err();
            report.count(acted);
            if let (true, Some(failures)) = (failed, &mut report.batch_item_failures) {
                failures.push(ItemFailure { item_identifier: sequence_number });
            }
        }
        report
    }

    async fn deliver_one(&self, record: Record, began: UnixSeconds) -> (String, Result<Acted, ActError>) {
        match record {
            Record::Inserted { event_id, sequence_number } => {
                let acted = if self.host.now().since(began) > LAST_START {
                    Err(ActError::at("beginning", &event_id, "the run has gone on for too long"))
                } else {
                    self.act_on(&event_id).await
                };
                (sequence_number, acted)
            }
            Record::Other => (String::new(), Ok(Acted::Passed)),
            Record::Unreadable { sequence_number } => {
                telemetry::attention("event-unreadable", &sequence_number);
                (String::new(), Ok(Acted::GivenUp))
            }
        }
    }

    /// Acts on what the stream has given up, or was killed at.
    async fn repair(&self) -> EventsReport {
        let began = self.host.now();
        // All shards at once: none waits for another, however many events one of them has.
        let shards = future::join_all(shards().map(|shard| self.repair_shard(shard, began))).await;
        let report = shards.into_iter().fold(EventsReport::default(), EventsReport::plus);
        telemetry::count(Counted::OutboxAge(report.oldest));
        report
    }

    /// Page after page, the oldest first, until nothing waits or the run has gone on for too long: the next one is near. What
    /// fails keeps nobody behind it waiting.
    async fn repair_shard(&self, shard: String, began: UnixSeconds) -> EventsReport {
        let mut report = EventsReport::default();
        let mut cursor: Option<Cursor> = None;
        loop {
            let waiting = self.outbox.waiting(&shard, began.minus(GRACE), cursor, PAGE).await;
            let waiting = match waiting {
                Ok(waiting) => waiting,
                Err(error) => {
                    // The other shards go on.
                    report.count(Err(error.into()));
                    return report;
                }
            };
            for (event_id, happened_at) in &waiting.rows {
                if self.host.now().since(began) > LAST_START {
                    return report.waiting_since(*happened_at, began);
                }
                let acted = self.act_on(event_id).await;
                if acted.is_err() {
                    report = report.waiting_since(*happened_at, began);
                }
                report.count(acted);
            }
            cursor = waiting.next;
            if cursor.is_none() {
                return report;
            }
        }
    }
}

impl EventsReport {
    fn count(&mut self, acted: Result<Acted, ActError>) {
        let count = match acted {
            Ok(Acted::Done) => &mut self.done,
            Ok(Acted::Passed) => &mut self.passed,
            Ok(Acted::GivenUp) => &mut self.given_up,
            Err(error) => {
                telemetry::survived("act", &error);
                &mut self.failed
            }
        };
        *count = count.saturating_add(1);
    }

    fn waiting_since(self, happened_at: UnixSeconds, now: UnixSeconds) -> Self {
        Self { oldest: self.oldest.max(now.since(happened_at).as_secs()), ..self }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            batch_item_failures: None,
            done: self.done.saturating_add(other.done),
            passed: self.passed.saturating_add(other.passed),
            given_up: self.given_up.saturating_add(other.given_up),
            failed: self.failed.saturating_add(other.failed),
            oldest: self.oldest.max(other.oldest),
        }
    }
}

/// Events of a batch that are acted on at the same time.
const AT_ONCE: usize = 5;
/// How long the stream has an event for itself.
const GRACE: Duration = Duration::from_secs(2 * 60);
const PAGE: u16 = 25;
/// After this time nothing new is begun, so that a run ends before Lambda ends it.
const LAST_START: Duration = Duration::from_secs(30);
