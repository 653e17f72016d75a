//! A day from midnight to midnight in Beijing (UTC+8), by which WeChat bills and its users count.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{
    Date, Duration, OffsetDateTime, Time, UtcOffset,
    format_description::BorrowedFormatItem,
    macros::{format_description, offset},
};

use super::UnixSeconds;

/// A date in UTC+8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

/// The text is not a date in the form `yyyyMMdd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date in the form yyyyMMdd")]
pub struct DayError;

impl Day {
    /// The day that the instant falls on.
    #[must_use]
    pub fn of(at: UnixSeconds) -> Self {
        let seconds = i64::try_from(at.get()).unwrap_or(i64::MAX);
        let instant = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self(instant.to_offset(BEIJING).date())
    }

    /// Reads `yyyyMMdd`.
    ///
    /// # Errors
    /// [`DayError`]: the text has another form, or there is no such day.
    pub fn parse(text: &str) -> Result<Self, DayError> {
        Date::parse(text, FORM).map(Self).map_err(|_| DayError)
    }

    /// The day that is `days` days before this one.
    #[must_use]
    pub fn before(self, days: u16) -> Self {
        Self(self.0.saturating_sub(Duration::days(days.into())))
    }

    /// The day that is `days` days after this one.
    #[must_use]
    pub fn after(self, days: u16) -> Self {
        Self(self.0.saturating_add(Duration::days(days.into())))
    }

    /// The Monday of the day's week.
    #[must_use]
    pub fn monday(self) -> Self {
        self.before(self.0.weekday().number_days_from_monday().into())
    }

    /// The first instant of the day.
    #[must_use]
    pub fn begins(self) -> UnixSeconds {
        let seconds = self.0.with_time(Time::MIDNIGHT).assume_offset(BEIJING).unix_timestamp();
        UnixSeconds::new(u64::try_from(seconds).unwrap_or(0))
    }

    /// `yyyy-MM-dd`: WeChat Pay APIv3's `bill_date`.
    #[must_use]
    pub fn to_pay_v3(self) -> String {
        self.0.format(WITH_DASHES).unwrap_or_default()
    }

    /// `M/D`, without leading zeros.
    #[must_use]
    pub fn month_and_day(self) -> String {
        format!("{}/{}", u8::from(self.0.month()), self.0.day())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(FORM).map_err(|_| fmt::Error)?)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = DayError;
    fn try_from(text: String) -> Result<Self, DayError> {
        Self::parse(&text)
    }
}

const BEIJING: UtcOffset = offset!(+8);
const FORM: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]");
const WITH_DASHES: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_changes_at_midnight_in_beijing() {
        let evening = Day::of(UnixSeconds::new(1_700_063_999));
        let morning = Day::of(UnixSeconds::new(1_700_064_000));
        assert_eq!((evening.to_string().as_str(), morning.to_string().as_str()), ("20231115", "20231116"));
        assert_eq!(morning.begins(), UnixSeconds::new(1_700_064_000));
        assert_eq!((morning.before(1), evening.after(1)), (evening, morning));
        assert_eq!(morning.to_pay_v3(), "2023-11-16");
        assert_eq!(morning.before(46).month_and_day(), "10/1");
    }

    proptest! {
        #[test]
        fn a_day_holds_the_instant_it_is_of(at in 0u64..4_000_000_000) {
            let day = Day::of(UnixSeconds::new(at));
            prop_assert!(day.begins().get() <= at || at < 16 * 3600);
            prop_assert!(at < day.begins().get() + 86_400);
            prop_assert_eq!(Day::try_from(day.to_string()).unwrap(), day);
        }
    }
}
