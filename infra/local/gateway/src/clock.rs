//! A clock that can be moved forward, so that a developer sees at once what happens tomorrow.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use shared::host::Clock;

/// The bundle's clock: another clock, moved forward.
///
/// Functions, the simulated WeChat, schedules and the gateway go by it. What AWS itself would date goes by the machine's clock, because
/// AWS's clients do: signatures of functions, forms and signed URLs, and the deletion of expired items, which DynamoDB may leave for days.
pub(crate) struct MovableClock {
    base: Arc<dyn Clock>,
    moved_millis: AtomicU64,
}

impl MovableClock {
    pub(crate) fn new(base: Arc<dyn Clock>) -> Self {
        Self { base, moved_millis: AtomicU64::new(0) }
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        self.moved_millis.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// The time of the clock below, which nobody has moved: the machine's, by which other programs sign.
    pub(crate) fn unmoved_millis(&self) -> u64 {
        self.base.now_millis()
    }
}

impl Clock for MovableClock {
    fn now_millis(&self) -> u64 {
        self.base.now_millis().saturating_add(self.moved_millis.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct FixedClock;

    impl Clock for FixedClock {
        fn now_millis(&self) -> u64 {
            1000
        }
    }

    #[test]
    fn a_clock_goes_forward_from_the_clock_below() {
        let clock = MovableClock::new(Arc::new(FixedClock));
        assert_eq!(clock.now_millis(), 1000);
        clock.advance(Duration::from_secs(60));
        clock.advance(Duration::from_secs(1));
        assert_eq!((clock.now_millis(), clock.unmoved_millis()), (62_000, 1000));
    }
}
