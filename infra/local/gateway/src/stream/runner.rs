//! Runs a mapping: in the background after every write, or until the stream is empty when a test asks for it.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use shared::types::error_chain;
use tokio::sync::watch;

use super::mapping::{DeliveryOutcome, EventSourceMapping};
use crate::error::CallError;

/// Delivers batches until `stopped`.
pub(super) async fn run_until_stopped(mapping: Arc<EventSourceMapping>, mut stopped: watch::Receiver<bool>) {
    let mut writes = mapping.dynamo().subscribe_writes();
    loop {
        writes.mark_unchanged();
        let pause = match mapping.deliver_next().await {
            Ok(DeliveryOutcome::Done(_)) => Duration::ZERO,
            Ok(DeliveryOutcome::Failed { failures, .. }) => retry_pause(failures),
            Ok(DeliveryOutcome::Idle) => {
                tokio::select! {
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                    _ = writes.changed() => Duration::ZERO,
                }
            }
            Err(failure) => {
                let chain = error_chain(&failure);
                tracing::error!(stream = mapping.name(), error.chain = chain, "reading the stream failed");
                MAX_PAUSE
            }
        };
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Delivers all outstanding records, with every retry and without pauses. Adds the task's responses to `responses`.
///
/// # Errors
/// [`CallError::Failed`]: the stream can't be read. [`CallError::Stuck`]: the stream does not come to an end.
pub(super) async fn drain(mapping: &EventSourceMapping, responses: &mut Vec<Value>) -> Result<(), CallError> {
    for _ in 0..MAX_CALLS {
        match mapping.deliver_next().await.map_err(|failure| CallError::Failed(failure.into()))? {
            DeliveryOutcome::Idle => return Ok(()),
            DeliveryOutcome::Done(response) => responses.push(response),
            DeliveryOutcome::Failed { response, failures } => {
                responses.push(response);
                if mapping.retries_forever() && failures >= MAX_FAILURES {
                    break;
                }
            }
        }
    }
    Err(CallError::Stuck { calls: responses.len() })
}

/// The pause before a retry: 200 ms, doubled by every further failure, at most 10 seconds.
fn retry_pause(failures: u32) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    MIN_PAUSE.saturating_mul(factor.max(1)).min(MAX_PAUSE)
}

const MIN_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// How many failures of a batch `drain` accepts when the template does not limit the retries.
const MAX_FAILURES: u32 = 100;
/// How many calls `drain` makes. A task that writes to its own table could go on without end.
const MAX_CALLS: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let millis: Vec<_> =
            [0, 1, 2, 3, 6, 7, 32, 33, u32::MAX].map(|n| retry_pause(n).as_millis()).to_vec();
        assert_eq!(millis, [200, 200, 400, 800, 6400, 10_000, 10_000, 10_000, 10_000]);
    }
}
