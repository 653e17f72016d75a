//! A user of the mini program, and the form of an openid.

use serde::{Deserialize, Serialize};

use crate::core::phone_number::{PhoneNumber, PhoneNumberError};

/// The nickname that `wx.getUserInfo` returns for every user since WeChat withdrew nicknames.
pub(crate) const ANONYMOUS: &str = "微信用户";

/// A user to create, or to change if the openid exists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// The nickname; `微信用户`, today's nickname of every user, if absent.
    pub nick_name: Option<String>,
    /// The unionid; present if the mini program is bound to an Open Platform account.
    pub unionid: Option<String>,
    /// The openid: 28 characters that begin with `o`; a random one if absent.
    pub openid: Option<String>,
    /// The phone number: `13800138000`, or `+85251234567` for a foreign one; a random number of China if absent.
    pub phone_number: Option<String>,
}

/// A user of the mini program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "UserFields")]
pub struct User {
    /// The user's identity in this mini program.
    pub openid: String,
    /// The user's identity in the official account.
    pub official_openid: String,
    /// The user's identity across the owner's apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unionid: Option<String>,
    /// The nickname.
    pub nick_name: String,
    /// The phone number, with the country code if it is a foreign one.
    pub phone_number: String,
    #[serde(skip)]
    pub(crate) number: PhoneNumber,
}

/// The fields of a [`User`] in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserFields {
    openid: String,
    official_openid: String,
    unionid: Option<String>,
    nick_name: String,
    phone_number: String,
}

impl TryFrom<UserFields> for User {
    type Error = PhoneNumberError;

    fn try_from(fields: UserFields) -> Result<Self, PhoneNumberError> {
        let UserFields { openid, official_openid, unionid, nick_name, phone_number } = fields;
        let number = PhoneNumber::parse(&phone_number)?;
        Ok(Self { openid, official_openid, unionid, nick_name, phone_number, number })
    }
}

/// Whether the text has the form of an openid.
pub(crate) fn is_openid(text: &str) -> bool {
    text.len() == 28
        && text.starts_with('o')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random;

    #[test]
    fn an_openid_has_28_characters_and_begins_with_o() {
        assert!(is_openid(&random::openid()));
        assert!(is_openid("oGZUI0egBJY1zhBYw2KhdUfwVJJE"));
        assert!(!is_openid("xGZUI0egBJY1zhBYw2KhdUfwVJJE"));
        assert!(!is_openid("oGZUI0egBJY1zhBYw2KhdUfwVJJ"));
        assert!(!is_openid("oGZUI0egBJY1zhBYw2KhdUfwVJ E"));
    }
}
