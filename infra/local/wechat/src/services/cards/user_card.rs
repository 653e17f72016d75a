//! A card that a user has taken, with its code, its status and, of a membership card, its member.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::errcodes::{ABNORMAL, CONSUMED};
use crate::base::platform::Errcode;
use crate::core::clock::SECOND;

/// The status of a card that a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum UserCardStatus {
    Normal,
    Consumed,
    Expire,
    Unavailable,
}

/// A card that a user has.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UserCard {
    pub(super) card_id: String,
    pub(super) code: String,
    /// The user's openid of the mini program.
    pub(super) openid: String,
    /// The user's openid of the official account.
    pub(super) official_openid: String,
    pub(super) outer_str: Option<String>,
    pub(super) taken_at: u64,
    /// When the card expires, in unix milliseconds.
    pub(super) ends: u64,
    pub(super) status: UserCardStatus,
    /// The member of a membership card; `None` for any other card.
    pub(super) member: Option<Member>,
}

/// The member of a membership card.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Member {
    /// The membership number; `None` until the card is activated.
    pub(super) number: Option<String>,
    pub(super) bonus: i64,
    pub(super) balance: i64,
    pub(super) custom: Map<String, Value>,
    /// The values that the user filled in.
    pub(super) form: Vec<Value>,
}

impl UserCard {
    pub(super) fn status_at(&self, now: u64) -> UserCardStatus {
        match self.status {
            UserCardStatus::Normal if now >= self.ends => UserCardStatus::Expire,
            status => status,
        }
    }

    /// Whether the card can be used now.
    ///
    /// # Errors
    ///
    /// The errcode with which WeChat refuses a consumed, expired or unavailable card.
    pub(super) fn check_usable(&self, now: u64) -> Result<(), Errcode> {
        match self.status_at(now) {
            UserCardStatus::Normal => Ok(()),
            UserCardStatus::Consumed => {
                Err(CONSUMED.with_details(json!({"_card": {"card_id": self.card_id}, "_code": self.code})))
            }
            UserCardStatus::Expire | UserCardStatus::Unavailable => Err(ABNORMAL),
        }
    }

    /// The card as `/card/code/get` shows it, without its member.
    pub(super) fn to_json(&self, now: u64) -> Value {
        let status = self.status_at(now);
        let mut fields = json!({
            "card": {
                "card_id": self.card_id,
                "begin_time": self.taken_at / SECOND,
                "end_time": self.ends / SECOND,
            },
            "openid": self.official_openid,
            "can_consume": status == UserCardStatus::Normal,
            "user_card_status": status,
        });
        if let (Some(fields), Some(outer_str)) = (fields.as_object_mut(), &self.outer_str) {
            fields.insert("outer_str".to_owned(), outer_str.clone().into());
        }
        fields
    }
}

impl Member {
    /// The fields about the member in an answer to the server.
    pub(super) fn summary(&self, nick_name: &str) -> Map<String, Value> {
        let fields = json!({
            "nickname": nick_name,
            "membership_number": self.number.as_deref().unwrap_or_default(),
            "has_active": self.number.is_some(),
            "bonus": self.bonus,
            "balance": self.balance,
            "user_info": {"common_field_list": self.form, "custom_field_list": []},
        });
        let mut fields = fields.as_object().cloned().unwrap_or_default();
        fields.extend(self.custom.clone());
        fields
    }
}
