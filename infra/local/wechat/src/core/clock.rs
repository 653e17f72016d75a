//! Dates and times in WeChat's formats.
//!
//! The simulator counts unix milliseconds of the clock in [`SimulatorOptions`](crate::SimulatorOptions). Pay v2 writes wall-clock
//! time in UTC+8 without an offset (`yyyyMMddHHmmss`); Pay v3 writes the offset (RFC 3339).

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, PrimitiveDateTime};

/// Milliseconds in one second, minute, hour and day.
pub(crate) const SECOND: u64 = 1000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// A source of unix milliseconds.
pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The machine's clock. Only this function asks the operating system for the time.
pub(crate) fn system() -> Clock {
    Arc::new(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "the default clock; tests pass their own in SimulatorOptions"
        )]
        let now = SystemTime::now();
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Formats unix milliseconds as `yyyyMMddHHmmss` in UTC+8.
pub(crate) fn pay_time(millis: u64) -> String {
    let format = format_description!("[year][month][day][hour][minute][second]");
    in_china(millis).format(format).unwrap_or_default()
}

/// Formats unix milliseconds as `yyyyMMdd` in UTC+8.
pub(crate) fn pay_date(millis: u64) -> String {
    let format = format_description!("[year][month][day]");
    in_china(millis).format(format).unwrap_or_default()
}

/// Parses `yyyyMMddHHmmss` in UTC+8; `None` if the text is not fourteen digits or no such time exists.
pub(crate) fn parse_pay_time(text: &str) -> Option<u64> {
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let format = format_description!("[year][month][day][hour][minute][second]");
    let moment = PrimitiveDateTime::parse(text, format).ok()?.assume_offset(offset!(+8));
    u64::try_from(moment.unix_timestamp()).ok()?.checked_mul(SECOND)
}

/// Formats unix milliseconds as `yyyy-MM-dd HH:mm:ss` in UTC+8, the format of refunds and bills.
pub(crate) fn wall_time(millis: u64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    in_china(millis).format(format).unwrap_or_default()
}

/// Formats unix milliseconds as RFC 3339 in UTC+8, without a fraction: `2015-05-20T13:29:35+08:00`.
pub(crate) fn rfc3339(millis: u64) -> String {
    in_china(millis).format(RFC3339).unwrap_or_default()
}

/// Parses RFC 3339 with a numeric offset and without a fraction.
pub(crate) fn parse_rfc3339(text: &str) -> Option<u64> {
    let moment = OffsetDateTime::parse(text, RFC3339).ok()?;
    u64::try_from(moment.unix_timestamp()).ok()?.checked_mul(SECOND)
}

/// Parses `yyyyMMdd` into the number of the day.
pub(crate) fn parse_pay_date(text: &str) -> Option<u64> {
    (text.len() == 8).then(|| parse_pay_time(&format!("{text}000000")).map(day))?
}

/// Parses `yyyy-MM-dd` into the number of the day.
pub(crate) fn parse_date(text: &str) -> Option<u64> {
    let dashes = text.len() == 10 && text.match_indices('-').map(|(at, _)| at).eq([4, 7]);
    dashes.then(|| parse_pay_date(&text.replace('-', "")))?
}

/// The midnight in UTC+8 at which this day begins, in unix milliseconds.
pub(crate) fn start_of(day: u64) -> u64 {
    day.saturating_mul(DAY).saturating_sub(8 * HOUR)
}

/// The number of the day in UTC+8, counted from 1970-01-01.
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

const RFC3339: &[BorrowedFormatItem<'_>] = format_description!(
    "[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory]:[offset_minute]"
);

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
    fn rfc3339_is_written_in_utc_plus_8_and_parsed_with_any_offset() {
        assert_eq!(rfc3339(1_700_000_042_000), "2023-11-15T06:14:02+08:00");
        assert_eq!(wall_time(1_700_000_042_000), "2023-11-15 06:14:02");
        for text in ["2023-11-15T06:14:02+08:00", "2023-11-14T22:14:02+00:00", "2023-11-14T17:14:02-05:00"] {
            assert_eq!(parse_rfc3339(text), Some(1_700_000_042_000), "{text}");
        }
        for text in ["2023-11-15T06:14:02", "2023-11-14T22:14:02Z", "2023-11-15T06:14:02.5+08:00", "soon"] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_names_the_day_of_utc_plus_8() {
        let today = day(1_700_000_042_000);
        assert_eq!(parse_pay_date("20231115"), Some(today));
        assert_eq!(parse_date("2023-11-15"), Some(today));
        assert_eq!(rfc3339(start_of(today)), "2023-11-15T00:00:00+08:00");
        for text in ["", "2023111", "20231135", "2023-11-15"] {
            assert_eq!(parse_pay_date(text), None, "{text}");
        }
        for text in ["20231115", "2023-1-115", "2023-13-01", "２023-1-1"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn an_impossible_time_is_not_a_pay_time() {
        for text in
            ["", "2023111506140", "20231315061402", "20230230061402", "2023-11-15 06:1", "２０２３11150"]
        {
            assert_eq!(parse_pay_time(text), None, "{text}");
        }
    }
}
