//! When WeChat Pay is asked about an order or a refund: every interval of `docs/payments.md`, "When WeChat Pay is asked".
//!
//! A notice can be lost, so `order-sweep` asks about every unpaid order that was prepaid and every refund that has not ended. The time
//! of the next query stands in the row (`next_query_at`). These functions compute that time and read no clock.
//! `store/orders/query_claim.rs` and `store/refunds/query_claim.rs` write it, in the same request in which a caller claims the query. The
//! first one of an order is written with its prepayment, by `store/orders/attempt.rs`.

use std::time::Duration;

use crate::{pay::RefundStatus, types::UnixSeconds};

/// After a query, or after the order was prepaid, a user who reads the order causes no other query for this time.
pub const USER_READ_PAUSE: Duration = Duration::from_secs(5);
/// Interval of queries about an order whose dispute an operator must resolve.
pub const DISPUTED_ORDER_INTERVAL: Duration = Duration::from_secs(6 * HOUR);
/// Longest interval of queries about an order that has expired and could not be closed yet.
const EXPIRED_ORDER_INTERVAL: Duration = Duration::from_secs(5 * MINUTE);
/// Interval of lookups of the refunds that were made before the order's payment was recorded.
pub const REFUND_LOOKUP_INTERVAL: Duration = Duration::from_secs(5 * MINUTE);
/// Time until the sweep asks about a refund that another caller is just requesting or redirecting.
pub const FIRST_REFUND_QUERY_DELAY: Duration = Duration::from_secs(MINUTE);
/// Time after which a refund that came too early is requested again, because WeChat Pay wants a minute between two refunds of one
/// payment.
pub const RATE_LIMITED_REFUND_DELAY: Duration = Duration::from_secs(MINUTE);
/// Shortest interval of queries about a refund.
const MIN_REFUND_INTERVAL: Duration = Duration::from_secs(MINUTE);
/// How long WeChat Pay may take to accept a refund before a case `REFUND_STUCK` is opened.
pub const MAX_ACCEPTANCE_TIME: Duration = Duration::from_secs(HOUR);
/// Longest interval of requests for a refund that is not accepted. It is short, because an operator may have removed the obstacle
/// meanwhile.
const MAX_UNACCEPTED_REFUND_INTERVAL: Duration = Duration::from_secs(HOUR);
/// How long an accepted refund may take before a case `REFUND_STUCK` is opened. WeChat Pay names one to three working days for bank
/// cards.
const MAX_REFUND_TIME: Duration = Duration::from_secs(7 * DAY);
/// Longest interval of queries about an accepted refund, and the interval for an ABNORMAL one.
const MAX_REFUND_INTERVAL: Duration = Duration::from_secs(DAY);

/// Intervals of queries about an unpaid order: the first one begins when the order is prepaid, each other one at a query. The last
/// one repeats.
const ORDER_INTERVALS: [Duration; 7] = [
    Duration::from_secs(30),
    Duration::from_secs(30),
    Duration::from_secs(MINUTE),
    Duration::from_secs(2 * MINUTE),
    Duration::from_secs(5 * MINUTE),
    Duration::from_secs(10 * MINUTE),
    Duration::from_secs(30 * MINUTE),
];

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// When to ask first about an attempt that was sent to WeChat Pay at `prepaid_at`.
#[must_use]
pub fn first_order_query(prepaid_at: UnixSeconds) -> UnixSeconds {
    prepaid_at.plus(ORDER_INTERVALS[0])
}

/// When to ask again about an unpaid order, after the query of `now`. `earlier_queries` were made before that one. The order is always
/// asked about when it expires; after that, at most `EXPIRED_ORDER_INTERVAL` passes between two queries.
#[must_use]
pub fn next_order_query(earlier_queries: u32, expires_at: UnixSeconds, now: UnixSeconds) -> UnixSeconds {
    let index = usize::try_from(earlier_queries).unwrap_or(usize::MAX).saturating_add(1);
    let interval = ORDER_INTERVALS.get(index).or(ORDER_INTERVALS.last()).copied().unwrap_or_default();
    let next = now.plus(interval);
    if now < expires_at { next.min(expires_at) } else { next.min(now.plus(EXPIRED_ORDER_INTERVAL)) }
}

/// What the schedule must know of a refund.
#[derive(Debug, Clone, Copy)]
pub struct RefundProgress {
    /// The refund's status.
    pub status: RefundStatus,
    /// Whether WeChat Pay has accepted the refund, so that it has a `refund_id`.
    pub is_accepted: bool,
    /// When the refund was begun, or redirected the last time.
    pub under_way_since: UnixSeconds,
}

impl RefundProgress {
    /// When to ask again about the refund, after the query of `now`.
    ///
    /// Back-off by age: the interval is the refund's age, clamped to 1 minute … 1 hour until WeChat Pay accepts the refund, and to 1
    /// minute … 1 day afterwards. It does not depend on the number of queries, so an operator's retries do not shift it. The refund
    /// is also asked about at [`RefundProgress::stuck_at`], so that its case is opened then and not later. ABNORMAL refunds are asked
    /// about once a day.
    #[must_use]
    pub fn next_query(self, now: UnixSeconds) -> UnixSeconds {
        let max_interval = match (self.status, self.is_accepted) {
            (RefundStatus::Abnormal, _) => return now.plus(MAX_REFUND_INTERVAL),
            (_, true) => MAX_REFUND_INTERVAL,
            (_, false) => MAX_UNACCEPTED_REFUND_INTERVAL,
        };
        let age = now.since(self.under_way_since);
        let next = now.plus(age.clamp(MIN_REFUND_INTERVAL, max_interval));
        let stuck_at = self.stuck_at();
        if now < stuck_at { next.min(stuck_at) } else { next }
    }

    /// From when on the refund, if it is still PROCESSING, counts as stuck: an hour without being accepted, or a week after it was
    /// begun or redirected.
    #[must_use]
    pub fn stuck_at(self) -> UnixSeconds {
        self.under_way_since.plus(if self.is_accepted { MAX_REFUND_TIME } else { MAX_ACCEPTANCE_TIME })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixSeconds = UnixSeconds::new(1_700_000_000);

    fn at(seconds: u64) -> UnixSeconds {
        START.plus(Duration::from_secs(seconds))
    }

    fn after_start(time: UnixSeconds) -> u64 {
        time.since(START).as_secs()
    }

    fn refund_query(status: RefundStatus, is_accepted: bool, age: u64) -> u64 {
        let refund = RefundProgress { status, is_accepted, under_way_since: START };
        after_start(refund.next_query(at(age)))
    }

    #[test]
    fn a_prepaid_order_is_queried_at_growing_intervals() {
        assert_eq!(after_start(first_order_query(START)), 30);
        let far = at(10 * DAY);
        let intervals: Vec<u64> =
            (0..8).map(|done| after_start(next_order_query(done, far, START))).collect();
        let (half, minute) = (30, 60);
        assert_eq!(
            intervals,
            [half, minute, 2 * minute, 5 * minute, 10 * minute, 30 * minute, 30 * minute, 30 * minute]
        );
    }

    #[test]
    fn an_order_is_queried_when_it_expires() {
        assert_eq!(next_order_query(5, at(100), START), at(100));
        assert_eq!(next_order_query(0, at(100), START), at(30));
    }

    #[test]
    fn an_expired_order_that_is_not_closed_is_queried_every_five_minutes() {
        for done in [5, 6, 100, u32::MAX] {
            assert_eq!(next_order_query(done, START, START), at(5 * MINUTE), "{done}");
        }
    }

    #[test]
    fn a_disputed_order_is_queried_every_six_hours() {
        assert_eq!(DISPUTED_ORDER_INTERVAL.as_secs(), 6 * 3600);
    }

    #[test]
    fn a_user_who_reads_an_order_causes_a_query_every_five_seconds() {
        assert_eq!(USER_READ_PAUSE.as_secs(), 5);
    }

    #[test]
    fn a_refund_that_came_too_early_is_requested_again_after_a_minute() {
        assert_eq!(RATE_LIMITED_REFUND_DELAY.as_secs(), 60);
    }

    #[test]
    fn a_refund_that_is_not_accepted_is_queried_by_age_up_to_an_hour() {
        let queries =
            [0, 60, 1900, 3600, 86_400].map(|age| refund_query(RefundStatus::Processing, false, age));
        assert_eq!(queries, [60, 120, 3600, 7200, 90_000]);
    }

    #[test]
    fn an_accepted_refund_is_queried_by_age_up_to_a_day() {
        let (day, week) = (86_400, 604_800);
        let ages = [60, 3 * day, week - 10, week];
        let queries = ages.map(|age| refund_query(RefundStatus::Processing, true, age));
        assert_eq!(queries, [120, 4 * day, week, week + day]);
    }

    #[test]
    fn an_abnormal_refund_is_queried_once_a_day() {
        for age in [0, 60, 604_800] {
            assert_eq!(refund_query(RefundStatus::Abnormal, true, age), age + 86_400);
        }
    }
}
