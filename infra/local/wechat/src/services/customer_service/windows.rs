//! How many messages customer service may send to whom, and until when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::clock::{HOUR, MINUTE, SECOND};

/// The windows of all users, by openid.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Windows(BTreeMap<String, UserWindows>);

#[derive(Debug, Default, Serialize, Deserialize)]
struct UserWindows {
    /// The window that the user's last message opened.
    message: Option<Window>,
    /// The window that the user's last entering of the conversation opened.
    entry: Option<Window>,
    /// When customer service is no longer shown as typing.
    typing_until: u64,
}

/// A window; times are unix milliseconds.
#[derive(Debug, Serialize, Deserialize)]
struct Window {
    opened_at: u64,
    ends_at: u64,
    left: u32,
}

/// Why no message may be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WindowRefusal {
    /// No window is open.
    Closed,
    /// The messages of the open windows are used up.
    UsedUp,
}

/// Why customer service is not shown as typing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TypingRefusal {
    /// The user wrote nothing in the last 30 seconds.
    NoRecentMessage,
    /// It is shown already.
    AlreadyTyping,
}

impl Windows {
    /// A message of the user allows five messages in 48 hours.
    pub(super) fn open_by_message(&mut self, openid: &str, now: u64) {
        self.of(openid).message = Some(Window { opened_at: now, ends_at: now + 48 * HOUR, left: 5 });
    }

    /// Entering the conversation allows two messages in a minute.
    pub(super) fn open_by_entry(&mut self, openid: &str, now: u64) {
        self.of(openid).entry = Some(Window { opened_at: now, ends_at: now + MINUTE, left: 2 });
    }

    /// Counts a message of customer service. The shorter window is used up first.
    pub(super) fn take(&mut self, openid: &str, now: u64) -> Result<(), WindowRefusal> {
        let windows = self.of(openid);
        let mut open: Vec<_> = [&mut windows.entry, &mut windows.message]
            .into_iter()
            .flatten()
            .filter(|window| now < window.ends_at)
            .collect();
        if open.is_empty() {
            return Err(WindowRefusal::Closed);
        }
        let free = open.iter_mut().find(|window| window.left > 0).ok_or(WindowRefusal::UsedUp)?;
        free.left -= 1;
        windows.typing_until = 0;
        Ok(())
    }

    /// Shows customer service as typing, for 15 seconds at most.
    pub(super) fn start_typing(&mut self, openid: &str, now: u64) -> Result<(), TypingRefusal> {
        let windows = self.of(openid);
        let is_recent = |window: &Window| now.saturating_sub(window.opened_at) <= 30 * SECOND;
        if !windows.message.as_ref().is_some_and(is_recent) {
            return Err(TypingRefusal::NoRecentMessage);
        }
        if now < windows.typing_until {
            return Err(TypingRefusal::AlreadyTyping);
        }
        windows.typing_until = now + 15 * SECOND;
        Ok(())
    }

    pub(super) fn stop_typing(&mut self, openid: &str) {
        self.of(openid).typing_until = 0;
    }

    /// The openids of the users who see that customer service is typing, sorted.
    pub(super) fn typing(&self, now: u64) -> Vec<String> {
        let typing = self.0.iter().filter(|(_, windows)| now < windows.typing_until);
        typing.map(|(openid, _)| openid.clone()).collect()
    }

    fn of(&mut self, openid: &str) -> &mut UserWindows {
        self.0.entry(openid.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_042_000;

    #[test]
    fn a_message_allows_five_in_48_hours() {
        let mut windows = Windows::default();
        assert_eq!(windows.take("o", NOW), Err(WindowRefusal::Closed));
        windows.open_by_message("o", NOW);
        for _ in 0..5 {
            assert_eq!(windows.take("o", NOW + 48 * HOUR - 1), Ok(()));
        }
        assert_eq!(windows.take("o", NOW), Err(WindowRefusal::UsedUp));
        assert_eq!(windows.take("o", NOW + 48 * HOUR), Err(WindowRefusal::Closed));
        assert_eq!(windows.take("another", NOW), Err(WindowRefusal::Closed));
        windows.open_by_message("o", NOW);
        assert_eq!(windows.take("o", NOW), Ok(()));
    }

    #[test]
    fn entering_allows_two_in_a_minute_beside_those_of_a_message() {
        let mut windows = Windows::default();
        windows.open_by_entry("o", NOW);
        assert_eq!(windows.take("o", NOW + MINUTE - 1), Ok(()));
        assert_eq!(windows.take("o", NOW), Ok(()));
        assert_eq!(windows.take("o", NOW), Err(WindowRefusal::UsedUp));
        assert_eq!(windows.take("o", NOW + MINUTE), Err(WindowRefusal::Closed));
        windows.open_by_message("o", NOW);
        windows.open_by_entry("o", NOW);
        assert_eq!((0..8).filter(|_| windows.take("o", NOW).is_ok()).count(), 7);
    }

    #[test]
    fn typing_needs_a_message_of_the_last_30_seconds_and_ends_by_itself() {
        let mut windows = Windows::default();
        windows.open_by_entry("o", NOW);
        assert_eq!(windows.start_typing("o", NOW), Err(TypingRefusal::NoRecentMessage));
        windows.open_by_message("o", NOW);
        assert_eq!(windows.start_typing("o", NOW + 30 * SECOND), Ok(()));
        assert_eq!(windows.start_typing("o", NOW + 30 * SECOND), Err(TypingRefusal::AlreadyTyping));
        assert_eq!(windows.typing(NOW + 30 * SECOND), ["o"]);
        assert!(windows.typing(NOW + 45 * SECOND).is_empty());
        assert_eq!(windows.start_typing("o", NOW + 31 * SECOND), Err(TypingRefusal::NoRecentMessage));
        windows.open_by_message("o", NOW + MINUTE);
        assert_eq!(windows.start_typing("o", NOW + MINUTE), Ok(()));
        windows.stop_typing("o");
        assert_eq!(windows.start_typing("o", NOW + MINUTE), Ok(()));
    }
}
