//! The steps of each user and day.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use crate::core::clock::{DAY, HOUR, SECOND, day};
use crate::core::persist::Kept;

/// The steps of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepInfo {
    /// The day, in unix seconds. WeChat sends midnight in UTC+8 but does not promise it.
    pub timestamp: u64,
    /// The number of steps.
    pub step: u32,
}

/// The days that tests have set, by openid. For all other users steps are generated.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Steps(HashMap<String, Vec<StepInfo>>);

impl Kept for Steps {}

impl Steps {
    /// Sets the user's days. `None` returns to generated steps.
    pub(super) fn set_steps(&mut self, openid: &str, steps: Option<Vec<StepInfo>>) {
        match steps {
            Some(mut steps) => {
                steps.sort_by_key(|info| info.timestamp);
                self.0.insert(openid.to_owned(), steps);
            }
            None => {
                self.0.remove(openid);
            }
        }
    }

    /// The user's last 31 days at most, oldest first.
    pub(super) fn recent_steps(&self, openid: &str, now: u64) -> Vec<StepInfo> {
        match self.0.get(openid) {
            Some(steps) => steps.get(steps.len().saturating_sub(DAYS)..).unwrap_or_default().to_vec(),
            None => {
                let today = day(now);
                (0..DAYS_BACK).rev().map(|back| walked(openid, today.saturating_sub(back))).collect()
            }
        }
    }
}

/// Generates a day's steps, which are always the same for the same user and day.
fn walked(openid: &str, day: u64) -> StepInfo {
    let digest = Sha1::new().chain_update(openid).chain_update(day.to_be_bytes()).finalize();
    let [high, low] =
        [digest.first(), digest.get(1)].map(|byte| u32::from(byte.copied().unwrap_or_default()));
    let midnight = day.saturating_mul(DAY).saturating_sub(8 * HOUR);
    StepInfo { timestamp: midnight / SECOND, step: 800 + (high * 256 + low) % 14_000 }
}

const DAYS: usize = 31;
const DAYS_BACK: u64 = 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_walks_the_same_steps_on_the_same_31_midnights_of_china() {
        let steps = Steps::default();
        // 2023-11-14 22:14:02 UTC is the 15th in China.
        let now = 1_700_000_042_000;
        let days = steps.recent_steps("o1", now);
        assert_eq!(days.len(), 31);
        assert_eq!(days[30].timestamp, 1_699_977_600);
        assert!(days.windows(2).all(|pair| pair[1].timestamp - pair[0].timestamp == 86_400));
        assert!(days.iter().all(|info| (800..14_800).contains(&info.step)));
        assert_eq!(steps.recent_steps("o1", now), days);
        assert_ne!(steps.recent_steps("o2", now), days);
        assert_eq!(steps.recent_steps("o1", now + DAY)[..30], days[1..]);
    }

    #[test]
    fn set_days_are_returned_ascending_and_only_the_last_31() {
        let mut steps = Steps::default();
        let set: Vec<_> = (0..40).rev().map(|i| StepInfo { timestamp: i * 86_400, step: 7 }).collect();
        steps.set_steps("o1", Some(set));
        let given = steps.recent_steps("o1", 0);
        assert_eq!((given.len(), given[0].timestamp, given[30].timestamp), (31, 9 * 86_400, 39 * 86_400));
        steps.set_steps("o1", None);
        assert_eq!(steps.recent_steps("o1", 40 * DAY)[30].timestamp, 40 * 86_400 - 28_800);
    }
}
