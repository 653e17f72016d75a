//! Times in the forms that AWS writes into events.

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// `12/Mar/2020:19:03:58 +0000`, as in a request's context.
pub(crate) fn format_access_log(unix_millis: u64) -> String {
    format(unix_millis, ACCESS_LOG)
}

/// `2020-03-12T19:03:58Z`, as in a scheduled event.
pub(crate) fn format_iso(unix_millis: u64) -> String {
    format(unix_millis, ISO)
}

/// `2020-03-12T19:03:58.390Z`, as in Lambda's message about discarded records.
pub(crate) fn format_iso_millis(unix_millis: u64) -> String {
    let seconds = format_iso(unix_millis);
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), unix_millis % 1000)
}

fn format(unix_millis: u64, form: &[BorrowedFormatItem<'static>]) -> String {
    let seconds = i64::try_from(unix_millis / 1000).unwrap_or_default();
    let instant = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    instant.format(form).unwrap_or_default()
}

const ACCESS_LOG: &[BorrowedFormatItem<'static>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
const ISO: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_forms_of_aws() {
        assert_eq!(format_access_log(1_583_348_638_390), "04/Mar/2020:19:03:58 +0000");
        assert_eq!(format_iso_millis(1_583_348_638_039), "2020-03-04T19:03:58.039Z");
        assert_eq!(format_iso(1_583_348_638_390), "2020-03-04T19:03:58Z");
    }
}
