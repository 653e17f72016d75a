//! The people who have the mini program on their phones.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::phone_number::{NotAPhoneNumber, PhoneNumber};
use crate::random;

/// What `wx.getUserInfo` calls everybody since nicknames were withdrawn.
pub(crate) const ANONYMOUS: &str = "微信用户";

/// A user to be made, or changed if the openid is known already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// The nickname to show; `微信用户`, as everybody is called today, if absent.
    pub nick_name: Option<String>,
    /// Present once the mini program is bound to an Open Platform account.
    pub unionid: Option<String>,
    /// 28 characters that begin with `o`; a random one if absent.
    pub openid: Option<String>,
    /// `13800138000`, or `+85251234567` for a foreign one; a random one of China if absent.
    pub phone_number: Option<String>,
}

/// A user of the mini program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
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

/// Whether the text has the form of an openid.
pub(crate) fn is_openid(text: &str) -> bool {
    text.len() == 28
        && text.starts_with('o')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// All users, by openid.
#[derive(Debug, Default)]
pub(crate) struct Users(HashMap<String, User>);

impl Users {
    /// Makes the user, or changes the one who has this openid: what is absent stays as it was.
    pub(crate) fn put(&mut self, new: NewUser) -> Result<User, NotAPhoneNumber> {
        let number = new.phone_number.as_deref().map(PhoneNumber::parse).transpose()?;
        let openid = new.openid.unwrap_or_else(random::openid);
        let unused = self.unused_number();
        let user = self.0.entry(openid.clone()).or_insert_with(|| User {
            openid,
            official_openid: random::openid(),
            unionid: None,
            nick_name: ANONYMOUS.to_owned(),
            phone_number: unused.full(),
            number: unused,
        });
        if let Some(number) = number {
            user.phone_number = number.full();
            user.number = number;
        }
        if let Some(nick_name) = new.nick_name {
            user.nick_name = nick_name;
        }
        if new.unionid.is_some() {
            user.unionid = new.unionid;
        }
        Ok(user.clone())
    }

    /// Both openids, the unionid and phone number, foreign ones with and without the country code.
    pub(crate) fn identities(&self) -> Vec<String> {
        let of = |user: &User| {
            let mut texts =
                vec![user.openid.clone(), user.official_openid.clone(), user.phone_number.clone()];
            texts.extend(user.unionid.clone());
            if user.number.pure() != user.phone_number {
                texts.push(user.number.pure().to_owned());
            }
            texts
        };
        self.0.values().flat_map(of).collect()
    }

    /// Whether somebody has this openid in the official account.
    pub(crate) fn has_official_openid(&self, openid: &str) -> bool {
        self.0.values().any(|user| user.official_openid == openid)
    }

    /// A phone number that nobody has.
    fn unused_number(&self) -> PhoneNumber {
        let mut number = PhoneNumber::random();
        while self.0.values().any(|user| user.number == number) {
            number = PhoneNumber::random();
        }
        number
    }

    pub(crate) fn get(&self, openid: &str) -> Option<&User> {
        self.0.get(openid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_may_get_a_unionid_later_and_keeps_the_rest() {
        let mut users = Users::default();
        let named = NewUser { nick_name: Some("小明".to_owned()), ..NewUser::default() };
        let user = users.put(named).unwrap();
        assert_eq!(user.unionid, None);
        let bound = NewUser {
            openid: Some(user.openid.clone()),
            unionid: Some("u1".to_owned()),
            ..NewUser::default()
        };
        let bound = users.put(bound).unwrap();
        assert_eq!(bound.phone_number, user.phone_number);
        assert_eq!(bound.nick_name, "小明");
        assert_eq!(bound.unionid.as_deref(), Some("u1"));
        assert_eq!(users.get(&user.openid), Some(&bound));
    }

    #[test]
    fn an_openid_has_28_characters_and_begins_with_o() {
        assert!(is_openid(&random::openid()));
        assert!(is_openid("oGZUI0egBJY1zhBYw2KhdUfwVJJE"));
        assert!(!is_openid("xGZUI0egBJY1zhBYw2KhdUfwVJJE"));
        assert!(!is_openid("oGZUI0egBJY1zhBYw2KhdUfwVJJ"));
        assert!(!is_openid("oGZUI0egBJY1zhBYw2KhdUfwVJ E"));
    }
}
