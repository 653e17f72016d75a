//! The monotonic clock, for measuring.

use std::time::Instant;

/// The current time of the monotonic clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "what is measured here is time itself")]
pub fn now() -> Instant {
    Instant::now()
}

/// Nanoseconds since `start`.
#[must_use]
pub fn nanos_since(start: Instant) -> u64 {
    u64::try_from(now().saturating_duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}
