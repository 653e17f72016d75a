//! What follows from a push that WeChat has sent: the counts of subscribe messages, conversations with customer service, verdicts on
//! pictures and sounds, and personal data that must go. By schedule also: what follows when no verdict comes.
//! What is left to do for a user who asked to be erased waits in the same table.
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
mod erasure;
mod media_repair;
mod media_verdict;
mod process;
mod settlement;
mod subscribe;

use std::sync::Arc;

use futures_util::future;
use serde::Serialize;
use serde_json::Value;
use shared::{
    host::{Host, HostError},
    runtime::Task,
    service::{EventQueue, EventsReport},
    types::BoxError,
};

pub use crate::media_repair::MediaChecksReport;
use crate::{media_verdict::MediaJudge, process::PushProcessor};

/// Processes pushes, from the inbox's stream and by schedule.
pub struct PushEventsTask {
    host: Host,
    judge: Arc<MediaJudge>,
    queue: EventQueue<PushProcessor>,
}

/// What a run reports.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PushEventsReport {
    /// The pushes.
    #[serde(flatten)]
    pub pushes: EventsReport,
    /// Checks of pictures and sounds that were due. `None` in a stream run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_checks: Option<MediaChecksReport>,
}

impl Task for PushEventsTask {
    const NAME: &'static str = "push-events";
    type Event = Value;
    type Report = PushEventsReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        let judge = Arc::new(MediaJudge::new(host)?);
        let queue = EventQueue::new(host, PushProcessor::new(host, Arc::clone(&judge))?);
        Ok(Self { host: host.clone(), judge, queue })
    }

    async fn run(&self, event: Value) -> Result<PushEventsReport, BoxError> {
        if event.get("Records").is_some() {
            return Ok(PushEventsReport { pushes: self.queue.run(&event).await?, media_checks: None });
        }
        // At the same time, so that many late pushes do not delay the checks.
        let due = media_repair::attend_due(&self.judge, &self.host);
        let (pushes, media_checks) = future::join(self.queue.run(&event), due).await;
        Ok(PushEventsReport { pushes: pushes?, media_checks: Some(media_checks) })
    }
}
