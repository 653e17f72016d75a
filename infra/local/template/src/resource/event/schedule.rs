//! `ScheduleV2` events (EventBridge Scheduler) and `Schedule` events (EventBridge rules).

use std::time::Duration;

use super::cron::Cron;
use crate::error::TemplateError;
use crate::read::fields::Fields;

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The schedule's name.
    pub name: String,
    /// The times at which the schedule fires.
    pub expression: ScheduleExpression,
    /// The expression as the template writes it, such as `rate(5 minutes)`.
    pub expression_text: String,
    /// Whether the schedule is enabled.
    pub enabled: bool,
    /// `Input`: the event as JSON text; `None` is the scheduler's own event.
    pub input: Option<String>,
}

/// The times at which a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleExpression {
    /// In every minute that matches.
    Cron(Cron),
    /// Once per interval.
    Rate(Duration),
}

impl Schedule {
    /// Reads a `ScheduleV2` event.
    pub(crate) fn read(function: &str, event: &str, fields: &Fields<'_>) -> Result<Self, TemplateError> {
        fields.only(
            &["Input", "Name", "ScheduleExpression", "ScheduleExpressionTimezone", "State"],
            &[
                "DeadLetterConfig",
                "Description",
                "FlexibleTimeWindow",
                "GroupName",
                "KmsKeyArn",
                "OmitName",
                "PermissionsBoundary",
                "RetryPolicy",
            ],
        )?;
        let timezone = fields.string("ScheduleExpressionTimezone")?;
        let offset = offset(timezone.as_deref(), &fields.below("ScheduleExpressionTimezone"))?;
        Ok(Self {
            name: fields.string("Name")?.unwrap_or_else(|| format!("{function}{event}")),
            expression: expression(fields, "ScheduleExpression", offset)?,
            expression_text: fields.required_string("ScheduleExpression")?.to_owned(),
            enabled: enabled(fields)?,
            input: fields.string("Input")?,
        })
    }

    /// Reads a `Schedule` event, whose expression is always in UTC.
    pub(crate) fn read_rule(function: &str, event: &str, fields: &Fields<'_>) -> Result<Self, TemplateError> {
        fields.only(
            &["Enabled", "Input", "Name", "Schedule", "State"],
            &["DeadLetterConfig", "Description", "RetryPolicy"],
        )?;
        Ok(Self {
            name: fields.string("Name")?.unwrap_or_else(|| format!("{function}{event}")),
            expression: expression(fields, "Schedule", 0)?,
            expression_text: fields.required_string("Schedule")?.to_owned(),
            enabled: fields.bool("Enabled")?.unwrap_or(true) && enabled(fields)?,
            input: fields.string("Input")?,
        })
    }
}

fn enabled(fields: &Fields<'_>) -> Result<bool, TemplateError> {
    match fields.string("State")?.as_deref() {
        None | Some("ENABLED") => Ok(true),
        Some("DISABLED") => Ok(false),
        Some(other) => {
            Err(TemplateError::unsupported(&fields.below("State"), other, &["DISABLED", "ENABLED"]))
        }
    }
}

fn expression(fields: &Fields<'_>, key: &str, offset: i32) -> Result<ScheduleExpression, TemplateError> {
    let text = fields.required_string(key)?;
    let place = fields.below(key);
    let parsed = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        Some(("cron", inner)) => Cron::parse(inner, offset).map(ScheduleExpression::Cron),
        Some(("rate", inner)) => rate(inner).map(ScheduleExpression::Rate),
        _ => None,
    };
    parsed.ok_or_else(|| TemplateError::unsupported(&place, text, &EXPRESSIONS))
}

fn rate(inner: &str) -> Option<Duration> {
    let (count, unit) = inner.trim().split_once(' ')?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let seconds: u64 = match (count, unit.trim()) {
        (1, "minute") | (2.., "minutes") => 60,
        (1, "hour") | (2.., "hours") => 60 * 60,
        (1, "day") | (2.., "days") => 24 * 60 * 60,
        _ => return None,
    };
    count.checked_mul(seconds).map(Duration::from_secs)
}

/// The offset of a time zone in minutes east of UTC. Only zones without daylight saving time are supported, because they need no
/// time zone database.
fn offset(timezone: Option<&str>, place: &str) -> Result<i32, TemplateError> {
    match timezone {
        None | Some("Etc/UTC" | "UTC") => Ok(0),
        Some("Asia/Hong_Kong" | "Asia/Shanghai" | "Asia/Singapore") => Ok(8 * 60),
        Some(other) => Err(TemplateError::unsupported(
            place,
            other,
            &["Asia/Hong_Kong", "Asia/Shanghai", "Asia/Singapore", "UTC"],
        )),
    }
}

const EXPRESSIONS: [&str; 2] = [
    "rate(1 minute), rate(n minutes), and so for hour(s) and day(s)",
    "cron(minutes hours day-of-month month day-of-week year) with *, ?, lists, ranges and steps",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_with_their_grammar() {
        assert_eq!(rate("1 minute"), Some(Duration::from_secs(60)));
        assert_eq!(rate("5 minutes"), Some(Duration::from_secs(300)));
        assert_eq!(rate("1 day"), Some(Duration::from_secs(86_400)));
        assert_eq!(rate("1 minutes"), None);
        assert_eq!(rate("5 minute"), None);
        assert_eq!(rate("0 minutes"), None);
        assert_eq!(rate("5 weeks"), None);
    }

    #[test]
    fn only_zones_without_daylight_saving_time_are_known() {
        assert_eq!(offset(Some("Asia/Shanghai"), "").unwrap(), 480);
        assert!(offset(Some("Europe/Berlin"), "").is_err());
    }
}
