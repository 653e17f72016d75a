//! Limits how often each user may call a route per minute.
//!
//! WeChat limits what all users of a mini program do together in a minute, and one user who calls in a loop must not use that up for all.
//! Each instance counts for itself, because that costs no request to DynamoDB. A user who calls in a row meets the same few
//! instances; a user who calls many instances at once can call as many times more. All users together are limited by API Gateway's
//! throttling and by WeChat's 45009, which is answered with the same code.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{ApiError, Code};
use crate::types::{UnixSeconds, UserId};

/// Counts the calls of each user, or of each caller that `K` tells apart, in the current minute of the clock.
pub struct RateLimit<K = UserId> {
    max_per_minute: u32,
    window: Mutex<Window<K>>,
}

struct Window<K> {
    minute: u64,
    // Cleared every minute, so that it does not grow without limit.
    counts: HashMap<K, u32>,
}

impl<K: Clone + Eq + Hash> RateLimit<K> {
    /// A limit of `max_per_minute` calls by each user, on each instance.
    #[must_use]
    pub fn per_minute(max_per_minute: u32) -> Self {
        Self { max_per_minute, window: Mutex::new(Window { minute: 0, counts: HashMap::new() }) }
    }

    /// Counts a call of the user.
    ///
    /// # Errors
    /// `RATE_LIMITED` until the minute is over, if the user has made all calls of this minute.
    pub fn count(&self, user: &K, now: UnixSeconds) -> Result<(), ApiError> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.get() / MINUTE;
        if window.minute != minute {
            *window = Window { minute, counts: HashMap::new() };
        }
        let count = window.counts.entry(user.clone()).or_default();
        if *count >= self.max_per_minute {
            let wait = Duration::from_secs(MINUTE - now.get() % MINUTE);
            return Err(ApiError::new(Code::RateLimited).retry_after(wait));
        }
        *count += 1;
        Ok(())
    }
}

const MINUTE: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_makes_so_many_calls_a_minute_and_others_their_own() {
        let limit: RateLimit = RateLimit::per_minute(30);
        let [one, two] = ["u1", "u2"].map(|id| UserId::parse(id).unwrap());
        let now = UnixSeconds::new(1_700_000_040 + 12);
        for _ in 0..30 {
            assert!(limit.count(&one, now).is_ok());
        }
        let error = limit.count(&one, now).unwrap_err();
        assert_eq!((error.code(), error.retry_after_seconds()), (Code::RateLimited, Some(48)));
        assert!(limit.count(&two, now).is_ok());
        assert!(limit.count(&one, UnixSeconds::new(1_700_000_040 + 59)).is_err());
        assert!(limit.count(&one, UnixSeconds::new(1_700_000_040 + 60)).is_ok());
    }
}
