//! WeChat's windows for messages of customer service: how many may be sent, and until when.
//!
//! The ledger is made of what WeChat pushes, so it can lag behind WeChat. It only spares requests that WeChat would refuse: when WeChat
//! refuses a message for a limit, WeChat is right, and no event from before the refusal opens a window again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::types::UnixSeconds;

/// What opened a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowKind {
    /// A message of the user.
    Message,
    /// The user's entering of the conversation.
    Entry,
}

impl WindowKind {
    /// The most messages that one window allows.
    #[must_use]
    pub fn messages(self) -> u64 {
        match self {
            Self::Message => 5,
            Self::Entry => 2,
        }
    }

    /// How long the window is open.
    #[must_use]
    pub fn lifetime(self) -> Duration {
        match self {
            Self::Message => Duration::from_secs(48 * 60 * 60),
            Self::Entry => Duration::from_secs(60),
        }
    }

    /// The attributes of the ledger: when the window was opened, and how many messages are left.
    pub(in crate::store) fn attributes(self) -> (&'static str, &'static str) {
        match self {
            Self::Message => ("user_message_at", "message_remaining"),
            Self::Entry => ("entered_at", "entry_remaining"),
        }
    }
}

/// Which of WeChat's limits keeps a message from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WindowLimit {
    /// No window is open: the user's last message is older than 48 hours, and the user has not entered within a minute.
    Time,
    /// A window is open, and its messages are used up.
    Count,
}

impl WindowLimit {
    /// As the table has it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Time => "TIME",
            Self::Count => "COUNT",
        }
    }
}

/// The ledger of one user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct MessageWindow {
    user_message_at: Option<UnixSeconds>,
    #[serde(default)]
    message_remaining: u64,
    entered_at: Option<UnixSeconds>,
    #[serde(default)]
    entry_remaining: u64,
    /// When WeChat refused a message for a limit, if the user has opened no window since.
    refused_at: Option<UnixSeconds>,
    /// The limit for which WeChat refused it.
    refusal: Option<WindowLimit>,
}

impl MessageWindow {
    /// The end of the window that ends last, open or not; `None` if there never was one.
    #[must_use]
    pub fn ends_at(&self) -> Option<UnixSeconds> {
        match self.refusal {
            Some(WindowLimit::Time) => self.refused_at,
            _ => [WindowKind::Message, WindowKind::Entry].into_iter().filter_map(|kind| self.end(kind)).max(),
        }
    }

    /// How many messages may be sent at `now`.
    #[must_use]
    pub fn remaining(&self, now: UnixSeconds) -> u64 {
        let kinds = [WindowKind::Message, WindowKind::Entry].into_iter();
        kinds.filter(|kind| self.is_open(*kind, now)).map(|kind| self.left(kind)).sum()
    }

    /// The window that the next message uses. WeChat's pages do not say which of two open windows a message counts for. The shorter one is
    /// taken first, because that leaves the ledger the most messages: a refusal of WeChat corrects a ledger that has too many, and
    /// nothing would correct one that has too few.
    ///
    /// # Errors
    /// [`WindowLimit`]: no message may be sent until the user writes or enters.
    pub fn next(&self, now: UnixSeconds) -> Result<WindowKind, WindowLimit> {
        let open = |kind: &WindowKind| self.is_open(*kind, now);
        let mut kinds = [WindowKind::Entry, WindowKind::Message].into_iter().filter(open).peekable();
        kinds.peek().ok_or(WindowLimit::Time)?;
        kinds.find(|kind| self.left(*kind) > 0).ok_or(WindowLimit::Count)
    }

    /// Whether an event of this time opens the window anew: no later event has opened it, and WeChat has not refused a message since.
    pub(in crate::store) fn is_opened_by(&self, kind: WindowKind, at: UnixSeconds) -> bool {
        let known = [self.opened_at(kind), self.refused_at];
        known.into_iter().flatten().all(|known| known <= at)
    }

    fn is_open(&self, kind: WindowKind, now: UnixSeconds) -> bool {
        self.refusal != Some(WindowLimit::Time) && self.end(kind).is_some_and(|end| now < end)
    }

    fn end(&self, kind: WindowKind) -> Option<UnixSeconds> {
        self.opened_at(kind).map(|at| at.plus(kind.lifetime()))
    }

    fn opened_at(&self, kind: WindowKind) -> Option<UnixSeconds> {
        match kind {
            WindowKind::Message => self.user_message_at,
            WindowKind::Entry => self.entered_at,
        }
    }

    fn left(&self, kind: WindowKind) -> u64 {
        match kind {
            WindowKind::Message => self.message_remaining,
            WindowKind::Entry => self.entry_remaining,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds::new(seconds)
    }

    #[test]
    fn a_message_allows_five_messages_for_48_hours() {
        let window =
            MessageWindow { user_message_at: Some(at(NOW)), message_remaining: 5, ..Default::default() };
        assert_eq!(window.next(at(NOW + 172_799)), Ok(WindowKind::Message));
        assert_eq!(window.remaining(at(NOW + 172_799)), 5);
        assert_eq!(window.next(at(NOW + 172_800)), Err(WindowLimit::Time));
        assert_eq!(window.remaining(at(NOW + 172_800)), 0);
        assert_eq!(window.ends_at(), Some(at(NOW + 172_800)));
        let used_up = MessageWindow { message_remaining: 0, ..window };
        assert_eq!(used_up.next(at(NOW)), Err(WindowLimit::Count));
    }

    #[test]
    fn the_two_messages_of_a_minute_are_used_before_the_five() {
        let window = MessageWindow {
            user_message_at: Some(at(NOW)),
            message_remaining: 5,
            entered_at: Some(at(NOW)),
            entry_remaining: 2,
            ..Default::default()
        };
        assert_eq!(window.next(at(NOW + 59)), Ok(WindowKind::Entry));
        assert_eq!(window.remaining(at(NOW + 59)), 7);
        assert_eq!(window.next(at(NOW + 60)), Ok(WindowKind::Message));
        let entry_used = MessageWindow { entry_remaining: 0, ..window };
        assert_eq!(entry_used.next(at(NOW + 59)), Ok(WindowKind::Message));
        let used_up = MessageWindow { message_remaining: 0, ..window };
        assert_eq!(used_up.next(at(NOW + 60)), Err(WindowLimit::Count), "the longer window is open still");
    }

    #[test]
    fn a_user_who_never_wrote_has_no_window() {
        let window = MessageWindow::default();
        assert_eq!(window.next(at(NOW)), Err(WindowLimit::Time));
        assert_eq!(window.ends_at(), None);
        assert!(window.is_opened_by(WindowKind::Message, at(NOW)));
    }

    #[test]
    fn after_a_refusal_only_a_later_event_opens_a_window() {
        let window = MessageWindow {
            user_message_at: Some(at(NOW)),
            refused_at: Some(at(NOW + 10)),
            refusal: Some(WindowLimit::Time),
            ..Default::default()
        };
        assert_eq!(window.next(at(NOW + 20)), Err(WindowLimit::Time));
        assert_eq!(window.ends_at(), Some(at(NOW + 10)));
        for kind in [WindowKind::Message, WindowKind::Entry] {
            assert!(!window.is_opened_by(kind, at(NOW + 9)));
            assert!(window.is_opened_by(kind, at(NOW + 10)));
        }
        let used_up = MessageWindow { refusal: Some(WindowLimit::Count), ..window };
        assert_eq!(used_up.next(at(NOW + 20)), Err(WindowLimit::Count));
    }
}
