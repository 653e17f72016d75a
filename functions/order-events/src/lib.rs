//! The effects of an event of an order: goods leave the stock, the event goes to the event bus, the user gets a message.
//!
//! ```text
//! outbox row ──stream──▶ process ──▶ stock ──▶ event bus ──▶ message to the user ──▶ marked as done
//!      └──── pending for two minutes: by schedule, every five minutes ────┘
//! ```
//!
//! # Guarantee
//! Stock exactly once, bus at least once, user message at most once, in no order between events.
//!
//! - Stock: the goods and the event's mark `stock_done_at` change in one transaction, and the mark is its condition.
//! - Bus: the mark `published_at` is set after EventBridge has taken the event. A run that is killed in between publishes it again.
//! - Message: the mark `message_claimed_at` is set before the message is sent, and removed only if it was certainly not sent.
//! - Order: ten batches of a shard are processed at the same time, and so are a batch's events: each step is done for all of them before
//!   the next one, so that they share requests. A failed event is delivered again with younger ones.
//!
//! An event is processed until stock and bus are done and the message is sent or will never be sent. An event whose row can't be read,
//! and an `order.paid` whose order is gone, is abandoned, with the alert `event-unreadable`.
//! [`Outbox`](shared::store::Outbox) keeps the marks; `docs/events.md` describes the effects and the retries.

mod event_detail;
mod notify_user;
mod paid_template;
mod process;
mod publish;
mod shipping;
mod stock;

use serde_json::Value;
use shared::{
    host::{Host, HostError},
    runtime::Task,
    service::{EventQueue, EventsReport},
    types::BoxError,
};

use crate::process::OrderEventProcessor;

/// Processes events of orders, from the outbox's stream and by schedule.
pub struct OrderEventsTask(EventQueue<OrderEventProcessor>);

impl Task for OrderEventsTask {
    const NAME: &'static str = "order-events";
    type Event = Value;
    type Report = EventsReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self(EventQueue::new(host, OrderEventProcessor::new(host)?)))
    }

    async fn run(&self, event: Value) -> Result<EventsReport, BoxError> {
        self.0.run(&event).await
    }
}
