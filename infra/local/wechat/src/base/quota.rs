//! Quotas of APIs: counts that start again with each minute or day.

use serde::{Deserialize, Serialize};

use crate::core::clock;

/// The number of calls in the current minute or day.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Quota {
    period: u64,
    used: u32,
}

impl Quota {
    /// Counts a call in this minute; `false` if `limit` calls were counted already.
    pub(crate) fn try_count_in_minute(&mut self, now: u64, limit: u32) -> bool {
        self.take(now / clock::MINUTE, limit)
    }

    /// Counts a call on this day; `false` if `limit` calls were counted already. Days begin at 00:00 in UTC+8.
    pub(crate) fn try_count_in_day(&mut self, now: u64, limit: u32) -> bool {
        self.take(clock::day(now), limit)
    }

    fn take(&mut self, period: u64, limit: u32) -> bool {
        if self.period != period {
            *self = Self { period, used: 0 };
        }
        let free = self.used < limit;
        self.used += u32::from(free);
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::{HOUR, MINUTE};

    #[test]
    fn a_used_up_quota_returns_with_the_next_period() {
        let mut quota = Quota::default();
        assert!(quota.try_count_in_minute(5 * MINUTE, 2) && quota.try_count_in_minute(5 * MINUTE + 1, 2));
        assert!(!quota.try_count_in_minute(6 * MINUTE - 1, 2));
        assert!(quota.try_count_in_minute(6 * MINUTE, 2));
    }

    #[test]
    fn a_day_begins_at_midnight_in_utc_plus_8() {
        let mut quota = Quota::default();
        assert!(quota.try_count_in_day(15 * HOUR, 1));
        assert!(!quota.try_count_in_day(16 * HOUR - 1, 1));
        assert!(quota.try_count_in_day(16 * HOUR, 1));
    }
}
