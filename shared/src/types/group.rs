//! The id of a chat in WeChat from which a user has entered.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::IdError;

/// A group of several people, or the chat of two.
///
/// WeChat has two ids, `opengid` for groups and `open_single_roomid` for two people, which are different name spaces. So the stored form
/// begins with `group:` or `single:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct GroupId(String);

impl GroupId {
    /// The group with this `opengid`.
    ///
    /// # Errors
    /// [`IdError`]: the text breaks a rule, which the error names.
    pub fn of_group(opengid: &str) -> Result<Self, IdError> {
        Self::new(GROUP, opengid)
    }

    /// The chat of two people with this `open_single_roomid`.
    ///
    /// # Errors
    /// [`IdError`]: the text breaks a rule, which the error names.
    pub fn of_single_chat(room_id: &str) -> Result<Self, IdError> {
        Self::new(SINGLE, room_id)
    }

    /// Reads the form that mini programs get and send: an `opengid` as WeChat gives it, which `<open-data>` can show the name of, or
    /// `single:` and an `open_single_roomid`.
    ///
    /// # Errors
    /// [`IdError`]: the text breaks a rule, which the error names.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match text.strip_prefix(SINGLE) {
            Some(room_id) => Self::of_single_chat(room_id),
            None => Self::of_group(text),
        }
    }

    /// The form that is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that [`GroupId::parse`] reads.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.0.strip_prefix(GROUP).unwrap_or(&self.0)
    }

    fn new(prefix: &str, id: &str) -> Result<Self, IdError> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_@.".contains(&byte);
        if (1..=128).contains(&id.len()) && id.bytes().all(is_token) {
            Ok(Self(format!("{prefix}{id}")))
        } else {
            Err(IdError { what: "openGId", rule: "must be 1 to 128 letters, digits or any of -_@." })
        }
    }
}

impl TryFrom<String> for GroupId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(text.strip_prefix(GROUP).unwrap_or(&text))
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const GROUP: &str = "group:";
const SINGLE: &str = "single:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_single_chats_of_one_id_are_different() {
        let group = GroupId::of_group("tGEmahu4JpymxRTthEQ87E0R2Ul4").unwrap();
        let single = GroupId::of_single_chat("tGEmahu4JpymxRTthEQ87E0R2Ul4").unwrap();
        assert_ne!(group, single);
        for (id, shown) in
            [(&group, "tGEmahu4JpymxRTthEQ87E0R2Ul4"), (&single, "single:tGEmahu4JpymxRTthEQ87E0R2Ul4")]
        {
            assert_eq!(id.shown(), shown);
            assert_eq!(GroupId::parse(shown).as_ref(), Ok(id));
            assert_eq!(GroupId::try_from(id.as_str().to_owned()).as_ref(), Ok(id));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "single:", "group:t", "a b", "群", &"t".repeat(129)] {
            assert!(GroupId::parse(text).is_err(), "{text:?}");
        }
    }
}
