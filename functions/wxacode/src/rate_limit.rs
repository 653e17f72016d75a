//! Limits how many codes a user may draw per minute.
//!
//! WeChat draws 5000 codes with a scene per minute for the whole mini program, and one user who calls in a loop must not use them up
//! for all. Each instance counts for itself, because that costs no request to DynamoDB. A user who calls in a row meets the same few
//! instances; a user who calls many instances at once can draw as many times more. All users together are limited by API Gateway's
//! throttling and by WeChat's 45009, which is answered with the same code.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use shared::{
    api::{ApiError, Code},
    types::{UnixSeconds, UserId},
};

/// Counts the codes that each user has drawn in the current minute of the clock.
#[derive(Default)]
pub(crate) struct RateLimit(Mutex<Window>);

#[derive(Default)]
struct Window {
    minute: u64,
    // Cleared every minute, so that it does not grow without limit.
    counts: HashMap<UserId, u32>,
}

impl RateLimit {
    /// Counts a code for the user.
    ///
    /// # Errors
    /// `RATE_LIMITED` until the minute is over, if the user has drawn `MAX_PER_MINUTE` codes in it.
    pub(crate) fn count(&self, user: &UserId, now: UnixSeconds) -> Result<(), ApiError> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.get() / MINUTE;
        if window.minute != minute {
            *window = Window { minute, counts: HashMap::new() };
        }
        let count = window.counts.entry(user.clone()).or_default();
        if *count >= MAX_PER_MINUTE {
            let wait = Duration::from_secs(MINUTE - now.get() % MINUTE);
            return Err(ApiError::new(Code::RateLimited).retry_after(wait));
        }
        *count += 1;
        Ok(())
    }
}

const MAX_PER_MINUTE: u32 = 30;
const MINUTE: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_draws_thirty_codes_a_minute() {
        let limit = RateLimit::default();
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
