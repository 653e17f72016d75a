//! How many codes one user may have drawn.
//!
//! WeChat draws 5000 codes with a scene a minute for the whole mini program: one user who asks in a loop must not use them up
//! for all. The count is this instance's own, so that it costs no request. An instance answers one request at a time, and a
//! user who asks in a row meets the same few; whoever asks many instances at once gets as many times more, and all users
//! together are stopped by API Gateway's throttling and by WeChat's 45009, which is answered with the same code.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use shared::{
    error::{ApiError, Code},
    types::{UnixSeconds, UserId},
};

/// The users who asked within the current minute of the clock.
#[derive(Default)]
pub(crate) struct Limit(Mutex<Window>);

#[derive(Default)]
struct Window {
    minute: u64,
    // Holds nobody longer than a minute, so it can't grow for ever.
    counts: HashMap<UserId, u32>,
}

impl Limit {
    /// Counts a code for the user.
    ///
    /// # Errors
    /// `RATE_LIMITED` until the minute is over, if they had enough.
    pub(crate) fn count(&self, user: &UserId, now: UnixSeconds) -> Result<(), ApiError> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.get() / MINUTE;
        if window.minute != minute {
            *window = Window { minute, counts: HashMap::new() };
        }
        let count = window.counts.entry(user.clone()).or_default();
        if *count >= PER_MINUTE {
            let wait = Duration::from_secs(MINUTE - now.get() % MINUTE);
            return Err(ApiError::new(Code::RateLimited).retry_after(wait));
        }
        *count += 1;
        Ok(())
    }
}

const PER_MINUTE: u32 = 30;
const MINUTE: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_codes_a_minute_and_user_and_then_the_next_minute() {
        let limit = Limit::default();
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
