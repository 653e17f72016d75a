//! The two ways to deliver: soon after every write, and all at once when a test says so.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use shared::types::error_chain;
use tokio::sync::watch;

use super::mapping::{Mapping, Step};
use crate::error::CallError;

/// Delivers until `stopped`.
pub(super) async fn run(mapping: Arc<Mapping>, mut stopped: watch::Receiver<bool>) {
    let mut written = mapping.dynamo().subscribe_writes();
    loop {
        written.mark_unchanged();
        let pause = match mapping.step().await {
            Ok(Step::Done(_)) => Duration::ZERO,
            Ok(Step::Failed { failures, .. }) => back_off(failures),
            Ok(Step::Idle) => {
                tokio::select! {
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                    _ = written.changed() => Duration::ZERO,
                }
            }
            Err(failure) => {
                let chain = error_chain(&failure);
                tracing::error!(stream = mapping.name(), error.chain = chain, "stream");
                LONGEST_PAUSE
            }
        };
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Delivers everything that is outstanding, with every retry and without waiting, and adds what the task answered.
pub(super) async fn drain(mapping: &Mapping, responses: &mut Vec<Value>) -> Result<(), CallError> {
    for _ in 0..MOST_CALLS {
        match mapping.step().await.map_err(|failure| CallError::Failed(failure.into()))? {
            Step::Idle => return Ok(()),
            Step::Done(response) => responses.push(response),
            Step::Failed { response, failures } => {
                responses.push(response);
                if mapping.never_gives_up() && failures >= PATIENCE {
                    break;
                }
            }
        }
    }
    Err(CallError::Stuck { calls: responses.len() })
}

/// A fifth of a second, and twice as long after every further failure.
fn back_off(failures: u32) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    SHORTEST_PAUSE.saturating_mul(factor.max(1)).min(LONGEST_PAUSE)
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often a batch fails before a test is told so, when the template would have it tried for ever.
const PATIENCE: u32 = 100;
/// How many calls there are before a test is told that the stream has no end: the task may feed it itself.
const MOST_CALLS: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_have_an_end() {
        let millis: Vec<_> = [0, 1, 2, 3, 6, 7, 32, 33, u32::MAX].map(|n| back_off(n).as_millis()).to_vec();
        assert_eq!(millis, [200, 200, 400, 800, 6400, 10_000, 10_000, 10_000, 10_000]);
    }
}
