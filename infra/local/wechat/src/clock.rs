//! Time as WeChat writes it.
//!
//! Inside, time is unix milliseconds from the clock in [`Options`](crate::Options). Pay v2 writes and reads
//! wall-clock time in UTC+8 without saying so (`yyyyMMddHHmmss`).

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use time::macros::{format_description, offset};
use time::{OffsetDateTime, PrimitiveDateTime};

/// Milliseconds in one second, minute, hour and day.
pub(crate) const SECOND: u64 = 1000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// A source of unix milliseconds.
pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The machine's clock: the one place where the simulator asks the operating system for the time.
pub(crate) fn system() -> Clock {
    Arc::new(|| {
        #[expect(clippy::disallowed_methods, reason = "the default clock; tests pass their own in Options")]
        let now = SystemTime::now();
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// `yyyyMMddHHmmss` in UTC+8.
pub(crate) fn pay_time(millis: u64) -> String {
    let format = format_description!("[year][month][day][hour][minute][second]");
    in_china(millis).format(format).unwrap_or_default()
}

/// `yyyyMMdd` in UTC+8.
pub(crate) fn pay_date(millis: u64) -> String {
    let format = format_description!("[year][month][day]");
    in_china(millis).format(format).unwrap_or_default()
}

/// Reads `yyyyMMddHHmmss` in UTC+8; `None` if it is not fourteen digits that name a moment.
pub(crate) fn parse_pay_time(text: &str) -> Option<u64> {
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let format = format_description!("[year][month][day][hour][minute][second]");
    let moment = PrimitiveDateTime::parse(text, format).ok()?.assume_offset(offset!(+8));
    u64::try_from(moment.unix_timestamp()).ok()?.checked_mul(SECOND)
}

/// The number of the day in UTC+8.
pub(crate) fn day(millis: u64) -> u64 {
    millis.saturating_add(8 * HOUR) / DAY
}

fn in_china(millis: u64) -> OffsetDateTime {
    i64::try_from(millis / SECOND)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .to_offset(offset!(+8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pay_time_is_the_wall_clock_of_utc_plus_8_also_past_midnight() {
        // 2023-11-14 22:14:02 UTC
        assert_eq!(pay_time(1_700_000_042_000), "20231115061402");
        assert_eq!(pay_date(1_700_000_042_000), "20231115");
        assert_eq!(parse_pay_time("20231115061402"), Some(1_700_000_042_000));
    }

    #[test]
    fn what_names_no_moment_is_not_a_pay_time() {
        for text in
            ["", "2023111506140", "20231315061402", "20230230061402", "2023-11-15 06:1", "２０２３11150"]
        {
            assert_eq!(parse_pay_time(text), None, "{text}");
        }
    }
}
