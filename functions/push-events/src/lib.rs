//! What follows from a push that WeChat has sent: the counts of subscribe messages, conversations with customer service, and personal data
//! that must go.
//!
//! ```text
//! inbox row ──stream──▶ process ──▶ the effect and the mark that it is done, in one transaction
//!      │                      └────▶ customer service: welcome text, event bus, then the mark that all is done
//!      └──── pending for two minutes: by schedule, every five minutes ────┘
//! ```
//!
//! # Guarantee
//! Every kept push has its effect exactly once, in no order between pushes. An event carries its own time, so that one that arrives late
//! does not undo a later one. The message is removed from its row as soon as the push is processed.

mod consent;
mod customer;
mod process;
mod subscribe;

use serde_json::Value;
use shared::{
    host::{Host, HostError},
    runtime::Task,
    service::{EventQueue, EventsReport},
    types::BoxError,
};

use crate::process::PushProcessor;

/// Processes pushes, from the inbox's stream and by schedule.
pub struct PushEventsTask(EventQueue<PushProcessor>);

impl Task for PushEventsTask {
    const NAME: &'static str = "push-events";
    type Event = Value;
    type Report = EventsReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self(EventQueue::new(host, PushProcessor::new(host)?)))
    }

    async fn run(&self, event: Value) -> Result<EventsReport, BoxError> {
        self.0.run(&event).await
    }
}
