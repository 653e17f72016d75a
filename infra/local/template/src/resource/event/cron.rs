//! Cron expressions as EventBridge reads them: six fields, days of the week counted from Sunday = 1.

use time::{OffsetDateTime, UtcOffset};

/// A cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// The minutes, 0 to 59.
    pub minutes: Vec<u16>,
    /// The hours, 0 to 23.
    pub hours: Vec<u16>,
    /// The days of the month, 1 to 31.
    pub days: Vec<u16>,
    /// The months, 1 to 12.
    pub months: Vec<u16>,
    /// The days of the week, Sunday = 1 to Saturday = 7.
    pub weekdays: Vec<u16>,
    /// The years, 1970 to 2199.
    pub years: Vec<u16>,
    /// The offset of the expression's time zone, in minutes east of UTC.
    pub utc_offset_minutes: i32,
}

impl Cron {
    /// Whether the expression fires in the minute that contains this time.
    pub fn fires_at(&self, unix_seconds: i64) -> bool {
        let Some(offset) = self.utc_offset_minutes.checked_mul(60) else { return false };
        let (Ok(offset), Ok(instant)) =
            (UtcOffset::from_whole_seconds(offset), OffsetDateTime::from_unix_timestamp(unix_seconds))
        else {
            return false;
        };
        let local = instant.to_offset(offset);
        let year = u16::try_from(local.year()).unwrap_or_default();
        self.minutes.contains(&local.minute().into())
            && self.hours.contains(&local.hour().into())
            && self.days.contains(&local.day().into())
            && self.months.contains(&u8::from(local.month()).into())
            && self.weekdays.contains(&local.weekday().number_from_sunday().into())
            && self.years.contains(&year)
    }

    pub(crate) fn parse(text: &str, utc_offset_minutes: i32) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays, years] = fields.as_slice() else { return None };
        // Exactly one of the two day fields must be `?`.
        if (*days == "?") == (*weekdays == "?") {
            return None;
        }
        Some(Self {
            minutes: parse_field(minutes, 0, 59, &[])?,
            hours: parse_field(hours, 0, 23, &[])?,
            days: parse_field(unrestricted(days), 1, 31, &[])?,
            months: parse_field(months, 1, 12, &MONTHS)?,
            weekdays: parse_field(unrestricted(weekdays), 1, 7, &WEEKDAYS)?,
            years: parse_field(years, 1970, 2199, &[])?,
            utc_offset_minutes,
        })
    }
}

/// `?` allows every value, as `*` does.
fn unrestricted(text: &str) -> &str {
    if text == "?" { "*" } else { text }
}

/// Parses the values of one field; `None` for an unsupported form (`L`, `W`, `#`) or a value out of range.
fn parse_field(text: &str, least: u16, most: u16, names: &[&str]) -> Option<Vec<u16>> {
    let mut values = Vec::new();
    for part in text.split(',') {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => (span, Some(step.parse::<u16>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (from, to) = match (span, span.split_once('-')) {
            ("*", _) => (least, most),
            (_, Some((from, to))) => (parse_value(from, least, names)?, parse_value(to, least, names)?),
            (single, None) => {
                let from = parse_value(single, least, names)?;
                // `5/10` means 5, 15, 25 and so on up to the maximum; `5` alone means 5.
                (from, if step.is_some() { most } else { from })
            }
        };
        if from < least || to > most || from > to {
            return None;
        }
        values.extend((from..=to).step_by(step.unwrap_or(1).into()));
    }
    values.sort_unstable();
    values.dedup();
    Some(values)
}

fn parse_value(text: &str, least: u16, names: &[&str]) -> Option<u16> {
    match names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        Some(at) => u16::try_from(at).ok()?.checked_add(least),
        None => text.parse().ok(),
    }
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_past_ten_in_china_is_half_past_two_in_utc() {
        let cron = Cron::parse("30 10 * * ? *", 480).unwrap();
        assert!(cron.fires_at(1_767_234_600)); // 2026-01-01T02:30:00Z
        assert!(cron.fires_at(1_767_234_659));
        assert!(!cron.fires_at(1_767_234_660));
        assert!(!Cron::parse("30 10 * * ? *", 0).unwrap().fires_at(1_767_234_600));
    }

    #[test]
    fn names_lists_ranges_and_steps_are_read() {
        let cron = Cron::parse("0/15 8-10,20 ? JAN,MAR MON-FRI 2026", 0).unwrap();
        assert_eq!(cron.minutes, [0, 15, 30, 45]);
        assert_eq!(cron.hours, [8, 9, 10, 20]);
        assert_eq!(cron.months, [1, 3]);
        assert_eq!(cron.weekdays, [2, 3, 4, 5, 6]);
        assert_eq!(cron.years, [2026]);
    }

    #[test]
    fn both_or_neither_day_field_open_is_refused() {
        assert_eq!(Cron::parse("0 0 * * * *", 0), None);
        assert_eq!(Cron::parse("0 0 ? * ? *", 0), None);
    }

    #[test]
    fn unknown_forms_and_values_out_of_range_are_refused() {
        for text in
            ["0 0 L * ? *", "0 0 ? * 6#3 *", "60 0 * * ? *", "0 0 * * ?", "5-1 0 * * ? *", "*/0 0 * * ? *"]
        {
            assert_eq!(Cron::parse(text, 0), None, "{text}");
        }
    }
}
