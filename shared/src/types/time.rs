//! Instants: seconds of UTC in this program, texts in UTC+8 where WeChat uses them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::{format_description, offset},
};

/// The text is not a time in the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time in the form {0}")]
pub struct TimeError(&'static str);

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(u64);

impl UnixSeconds {
    /// The instant `seconds` after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The number of seconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The instant that is `later` after this one, in whole seconds.
    #[must_use]
    pub const fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later.as_secs()))
    }

    /// The instant that is `earlier` before this one, in whole seconds; the epoch at the earliest.
    #[must_use]
    pub const fn minus(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(earlier.as_secs()))
    }

    /// The time from `earlier` to this instant; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    /// `yyyyMMddHHmmss` in UTC+8: WeChat Pay APIv2's `time_expire`.
    #[must_use]
    pub fn to_pay_v2(self) -> String {
        self.at(BEIJING).format(PAY_V2).unwrap_or_default()
    }

    /// Reads `yyyyMMddHHmmss` in UTC+8: WeChat Pay APIv2's `time_end`.
    ///
    /// # Errors
    /// [`TimeError`]: the text has another form, or there is no such time.
    pub fn from_pay_v2(text: &str) -> Result<Self, TimeError> {
        let error = TimeError("yyyyMMddHHmmss");
        let local = PrimitiveDateTime::parse(text, PAY_V2).map_err(|_| error)?;
        let seconds = local.assume_offset(BEIJING).unix_timestamp();
        u64::try_from(seconds).map(Self).map_err(|_| error)
    }

    /// RFC 3339 in UTC+8: WeChat Pay APIv3's `time_expire`.
    #[must_use]
    pub fn to_pay_v3(self) -> String {
        self.at(BEIJING).format(&Rfc3339).unwrap_or_default()
    }

    /// Reads RFC 3339 with any offset, the form of WeChat Pay APIv3's times.
    ///
    /// # Errors
    /// [`TimeError`]: the text has another form, or there is no such time.
    pub fn from_rfc3339(text: &str) -> Result<Self, TimeError> {
        let error = TimeError("RFC 3339");
        let seconds = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| error)?.unix_timestamp();
        u64::try_from(seconds).map(Self).map_err(|_| error)
    }

    /// Reads `yyyy-MM-dd HH:mm:ss` in UTC+8, the form of WeChat Pay APIv2's times in refunds and bills.
    ///
    /// # Errors
    /// [`TimeError`]: the text has another form, or there is no such time.
    pub fn from_beijing(text: &str) -> Result<Self, TimeError> {
        let error = TimeError("yyyy-MM-dd HH:mm:ss");
        let local = PrimitiveDateTime::parse(text, BILLED).map_err(|_| error)?;
        let seconds = local.assume_offset(BEIJING).unix_timestamp();
        u64::try_from(seconds).map(Self).map_err(|_| error)
    }

    /// RFC 3339 in UTC, the form of times in our own answers: `2023-11-14T22:13:20Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.at(UtcOffset::UTC).format(&Rfc3339).unwrap_or_default()
    }

    /// `yyyyMMdd'T'HHmmss'Z'` in UTC, as AWS signs times; its first eight characters are the day.
    #[must_use]
    pub fn to_amz_date(self) -> String {
        self.at(UtcOffset::UTC).format(AMZ).unwrap_or_default()
    }

    /// `MM-dd HH:mm` in UTC+8, for people to read.
    #[must_use]
    pub fn to_beijing(self) -> String {
        self.at(BEIJING).format(SHOWN).unwrap_or_default()
    }

    /// `2023年11月15日 6:14` in UTC+8, a form that WeChat accepts in subscribe messages.
    #[must_use]
    pub fn to_message(self) -> String {
        self.at(BEIJING).format(MESSAGE).unwrap_or_default()
    }

    fn at(self, offset: UtcOffset) -> OffsetDateTime {
        let seconds = i64::try_from(self.0).unwrap_or(i64::MAX);
        // Only a number of seconds that no clock shows is out of the calendar's range. Such a wrong value becomes the epoch.
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(offset)
    }
}

const AMZ: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
const BEIJING: UtcOffset = offset!(+8);
const SHOWN: &[BorrowedFormatItem<'_>] = format_description!("[month]-[day] [hour]:[minute]");
const MESSAGE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]年[month padding:none]月[day padding:none]日 [hour padding:none]:[minute]");
const BILLED: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const PAY_V2: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wechat_pay_times_are_beijing_time() {
        // The `time_end` of vector G3; the same instant in APIv3 is 2023-11-15T06:14:02+08:00.
        assert_eq!(UnixSeconds::from_pay_v2("20231115061402").unwrap(), UnixSeconds::new(1_700_000_042));
        assert_eq!(UnixSeconds::new(1_700_000_042).to_pay_v2(), "20231115061402");
        assert_eq!(UnixSeconds::new(1_700_000_042).to_pay_v3(), "2023-11-15T06:14:02+08:00");
        let at = UnixSeconds::new(1_700_000_042);
        assert_eq!(UnixSeconds::from_rfc3339("2023-11-15T06:14:02+08:00").unwrap(), at);
        assert_eq!(UnixSeconds::from_beijing("2023-11-15 06:14:02").unwrap(), at);
    }

    #[test]
    fn the_day_changes_at_beijing_midnight() {
        assert_eq!(UnixSeconds::new(1_700_063_999).to_pay_v2(), "20231115235959");
        assert_eq!(UnixSeconds::new(1_700_064_000).to_pay_v2(), "20231116000000");
    }

    #[test]
    fn a_message_shows_beijing_time() {
        assert_eq!(UnixSeconds::new(1_700_000_042).to_message(), "2023年11月15日 6:14");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "2023-11-15", "20230231000000", "20231115246060", "202311150614021"] {
            assert!(UnixSeconds::from_pay_v2(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_read_back(seconds in 0u64..4_000_000_000) {
            let at = UnixSeconds::new(seconds);
            prop_assert_eq!(UnixSeconds::from_pay_v2(&at.to_pay_v2()).unwrap(), at);
        }
    }
}
