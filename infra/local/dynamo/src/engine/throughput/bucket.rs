//! The units of one kind that one partition has at a moment.

use crate::capacity_units::CapacityUnits;

/// How many units a partition gets: some each millisecond, and at most so many in store. In millionths of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    per_millisecond: i64,
    store: i64,
}

/// A token bucket. A request is admitted while anything is in store, because its cost is known only afterwards; what it takes beyond that
/// is owed, and nothing is admitted until the debt is paid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    level: i64,
    filled_at: u64,
}

impl Rate {
    /// `units` each second, divided by `scale`. What is unused can be used for a second, and for `burst_seconds` more.
    pub(super) fn new(units: i64, scale: u32, burst_seconds: u32) -> Self {
        let per_millisecond = (units * MILLIONTHS / MILLISECONDS / i64::from(scale.max(1))).max(1);
        let store = per_millisecond.saturating_mul(MILLISECONDS).saturating_mul(1 + i64::from(burst_seconds));
        Self { per_millisecond, store }
    }

    /// The share of what `milliseconds` bring, in percent.
    pub(super) fn percent(self, used: u64, milliseconds: u64) -> u64 {
        let all = u64::try_from(self.per_millisecond).unwrap_or(1).saturating_mul(milliseconds);
        used.saturating_mul(100).checked_div(all).unwrap_or_default()
    }
}

impl Bucket {
    /// A full bucket.
    pub(super) fn full(rate: Rate, now: u64) -> Self {
        Self { level: rate.store, filled_at: now }
    }

    /// Whether a request is admitted.
    pub(super) fn admits(&mut self, rate: Rate, now: u64) -> bool {
        self.fill(rate, now);
        self.level > 0
    }

    /// Takes the millionths of a unit that a request has consumed.
    pub(super) fn take(&mut self, rate: Rate, now: u64, millionths: u64) {
        self.fill(rate, now);
        self.level = self.level.saturating_sub_unsigned(millionths);
    }

    fn fill(&mut self, rate: Rate, now: u64) {
        let passed = i64::try_from(now.saturating_sub(self.filled_at)).unwrap_or(i64::MAX);
        self.level = self.level.saturating_add(rate.per_millisecond.saturating_mul(passed)).min(rate.store);
        self.filled_at = self.filled_at.max(now);
    }
}

/// Millionths of a unit.
pub(super) fn millionths(units: CapacityUnits) -> u64 {
    units.as_halves().saturating_mul(500_000)
}

const MILLIONTHS: i64 = 1_000_000;
const MILLISECONDS: i64 = 1_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_window_admits_more_than_rate_store_and_one_request(
            requests in proptest::collection::vec((0_u64..50, 1_u64..20), 1..200),
            scale in 1_u32..500,
            burst in 0_u32..5,
        ) {
            let rate = Rate::new(1_000, scale, burst);
            let (mut bucket, mut now) = (Bucket::full(rate, 0), 0);
            let mut admitted: Vec<(u64, i64)> = Vec::new();
            for (wait, units) in requests {
                now += wait;
                if bucket.admits(rate, now) {
                    bucket.take(rate, now, units * 1_000_000);
                    admitted.push((now, i64::try_from(units).unwrap() * MILLIONTHS));
                }
            }
            for (from, (start, _)) in admitted.iter().enumerate() {
                let mut sum = 0;
                for (end, units) in &admitted[from..] {
                    let passed = i64::try_from(end - start).unwrap();
                    prop_assert!(sum <= rate.per_millisecond * passed + rate.store, "{sum} after {passed} ms");
                    // The last request of a window may exceed the store, because its cost is known only afterwards.
                    sum += units;
                }
            }
        }

        #[test]
        fn load_below_the_rate_is_always_admitted(
            units in proptest::collection::vec(1_u64..20, 1..200),
            scale in 1_u32..500,
        ) {
            let rate = Rate::new(1_000, scale, 0);
            let (mut bucket, mut now) = (Bucket::full(rate, 0), 0);
            for units in units {
                prop_assert!(bucket.admits(rate, now), "at {now} ms");
                bucket.take(rate, now, units * 1_000_000);
                // Until the next request the partition brings as much as this one took.
                now += (units * 1_000_000).div_ceil(u64::try_from(rate.per_millisecond).unwrap());
            }
        }
    }

    #[test]
    fn unused_units_are_kept_for_a_second_and_the_burst() {
        for (burst, admitted) in [(0, 10), (300, 3_010)] {
            let rate = Rate::new(1_000, 100, burst);
            let mut bucket = Bucket::full(rate, 0);
            let mut count = 0;
            while bucket.admits(rate, 1_000_000) {
                bucket.take(rate, 1_000_000, 1_000_000);
                count += 1;
            }
            assert_eq!(count, admitted);
        }
    }
}
