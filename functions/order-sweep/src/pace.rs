//! How fast a run may be, and when it is over.

use std::{
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
    time::Duration,
};

use shared::{
    pay::PayError,
    service::{PaymentServiceError, RefundServiceError},
    types::{BoxError, UnixSeconds},
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The bounds of a run: its time, its items, and its items at the same time.
pub(crate) struct Pace {
    pub(crate) started_at: UnixSeconds,
    items: AtomicU32,
    /// Each permit lets one item be swept.
    permits: Semaphore,
    /// How many permits there are, acquired or free.
    permit_count: AtomicUsize,
}

impl Pace {
    pub(crate) fn new(started_at: UnixSeconds) -> Self {
        Self {
            started_at,
            items: AtomicU32::new(0),
            permits: Semaphore::new(CONCURRENT_ITEMS),
            permit_count: AtomicUsize::new(CONCURRENT_ITEMS),
        }
    }

    /// Waits until an item may be swept. `None` never comes, because nothing closes the semaphore.
    pub(crate) async fn acquire_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    pub(crate) fn count_item(&self) {
        self.items.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether no other item is begun.
    pub(crate) fn is_over(&self, now: UnixSeconds) -> bool {
        now.since(self.started_at) > LAST_START || self.items.load(Ordering::Relaxed) >= MAX_ITEMS
    }

    /// WeChat Pay limits the rate, so that this permit is kept for a moment and then dropped until the end of the run, unless it is the last one.
    pub(crate) async fn slow_down(&self, permit: Option<SemaphorePermit<'_>>) {
        tokio::time::sleep(RATE_LIMIT_PAUSE).await;
        self.remove_permit(permit);
    }

    fn remove_permit(&self, permit: Option<SemaphorePermit<'_>>) {
        let fewer = |count: usize| (count > 1).then(|| count.saturating_sub(1));
        if self.permit_count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok()
            && let Some(permit) = permit
        {
            permit.forget();
        }
    }
}

/// Whether the item failed because WeChat Pay limits the rate of calls.
pub(crate) fn is_rate_limit(error: &BoxError) -> bool {
    let payment = error.downcast_ref::<PaymentServiceError>();
    let refund = error.downcast_ref::<RefundServiceError>();
    match (payment, refund) {
        (Some(PaymentServiceError::Pay(error)), _) | (_, Some(RefundServiceError::Pay(error))) => {
            PayError::is_rate_limit(error)
        }
        _ => false,
    }
}

/// No item is begun after this time: the function's timeout is 90 seconds.
const LAST_START: Duration = Duration::from_secs(50);
/// Orders and refunds that a run sweeps at the same time. WeChat Pay tells its limit for a merchant on request only; a run that comes upon
/// it slows down.
pub(crate) const CONCURRENT_ITEMS: usize = 32;
/// Orders and refunds that a run sweeps at most.
const MAX_ITEMS: u32 = 10_000;
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_rate_limit_removes_a_permit_until_one_is_left() {
        let pace = Pace::new(UnixSeconds::new(0));
        for left in (1..CONCURRENT_ITEMS).rev() {
            let permit = pace.acquire_permit().await;
            pace.remove_permit(permit);
            assert_eq!(pace.permits.available_permits(), left);
        }
        let last = pace.acquire_permit().await;
        pace.remove_permit(last);
        assert_eq!(pace.permits.available_permits(), 1);
    }

    #[test]
    fn a_run_is_over_after_its_time_and_after_its_items() {
        let pace = Pace::new(UnixSeconds::new(100));
        assert!(!pace.is_over(UnixSeconds::new(150)) && pace.is_over(UnixSeconds::new(151)));
        for _ in 0..MAX_ITEMS {
            assert!(!pace.is_over(UnixSeconds::new(100)));
            pace.count_item();
        }
        assert!(pace.is_over(UnixSeconds::new(100)));
    }

    #[test]
    fn a_rate_limit_is_recognised_in_the_errors_of_both_services() {
        let limit = |code: &str| PayError::Business { path: "/x", code: code.to_owned(), transient: false };
        for code in ["FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED"] {
            assert!(is_rate_limit(&PaymentServiceError::Pay(limit(code)).into()));
            assert!(is_rate_limit(&RefundServiceError::Pay(limit(code)).into()));
        }
        assert!(!is_rate_limit(&PaymentServiceError::Pay(limit("SYSTEMERROR")).into()));
        assert!(!is_rate_limit(&"another error".into()));
    }
}
