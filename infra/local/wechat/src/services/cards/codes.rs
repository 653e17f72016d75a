//! The cards users have: `/card/code/…` and `/card/user/getcardlist`.
//!
//! Documentation: "Redeem coupons" (核销卡券). Consuming is not idempotent: the second time is refused.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::CardService;
use super::member::Membership;
use super::{ABNORMAL, CONSUMED, Cards, INVALID_CARD_ID, INVALID_CARD_STATUS, INVALID_CODE};
use crate::base::access;
use crate::base::platform::{INVALID_OPENID, Refusal};
use crate::base::tokens::Owner;
use crate::core::clock::SECOND;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

/// What became of a card a user took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum UserCardStatus {
    Normal,
    Consumed,
    Expire,
    Unavailable,
}

/// A card a user took.
#[derive(Debug)]
pub(super) struct UserCard {
    pub(super) card_id: String,
    pub(super) code: String,
    /// The user's openid of the mini program.
    pub(super) openid: String,
    /// The user's openid of the official account.
    pub(super) official_openid: String,
    pub(super) outer_str: Option<String>,
    pub(super) taken: u64,
    /// When it expires.
    pub(super) ends: u64,
    pub(super) status: UserCardStatus,
    pub(super) membership: Membership,
}

pub(crate) fn get(cards: &CardService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::post(&cards.base.tokens, received, fault, Owner::OfficialAccount, |body: GetBody| {
        let now = cards.base.now();
        let (mut fields, openid, membership) = {
            let state = &mut *cards.cards();
            let taken = state.find(body.code.as_deref(), body.card_id.as_deref())?;
            if body.check_consume != Some(false) {
                taken.usable(now)?;
            }
            (taken.to_json(now), taken.openid.clone(), taken.membership.clone())
        };
        let user = cards.base.users.get(&openid);
        let membership = user.and_then(|user| membership.summary(&user.nick_name));
        if let (Some(fields), Some(membership)) = (fields.as_object_mut(), membership) {
            fields.extend(membership);
        }
        Ok(fields)
    })
}

pub(crate) fn consume(cards: &CardService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::post(&cards.base.tokens, received, fault, Owner::OfficialAccount, |body: ConsumeBody| {
        let now = cards.base.now();
        let state = &mut *cards.cards();
        let taken = state.find(body.code.as_deref(), body.card_id.as_deref())?;
        taken.usable(now)?;
        taken.status = UserCardStatus::Consumed;
        Ok(json!({"card": {"card_id": taken.card_id}, "openid": taken.official_openid}))
    })
}

pub(crate) fn unavailable(cards: &CardService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::post(&cards.base.tokens, received, fault, Owner::OfficialAccount, |body: ConsumeBody| {
        let now = cards.base.now();
        let state = &mut *cards.cards();
        let taken = state.find(body.code.as_deref(), body.card_id.as_deref())?;
        taken.usable(now)?;
        taken.status = UserCardStatus::Unavailable;
        Ok(json!({}))
    })
}

pub(crate) fn decrypt(cards: &CardService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::post(&cards.base.tokens, received, fault, Owner::OfficialAccount, |body: DecryptBody| {
        let state = &*cards.cards();
        let encrypted = body.encrypt_code.unwrap_or_default();
        let code = state.encrypted.get(&encrypted).ok_or(INVALID_CODE)?;
        Ok(json!({"code": code}))
    })
}

pub(crate) fn list(cards: &CardService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::post(&cards.base.tokens, received, fault, Owner::OfficialAccount, |body: ListBody| {
        let now = cards.base.now();
        let openid = body.openid.unwrap_or_default();
        if !cards.base.users.has_official_openid(&openid) {
            return Err(INVALID_OPENID);
        }
        let state = &*cards.cards();
        let card_id = body.card_id.filter(|id| !id.is_empty());
        if card_id.as_ref().is_some_and(|id| state.card(id).is_none()) {
            return Err(INVALID_CARD_ID);
        }
        let is_wanted = |taken: &&UserCard| {
            taken.official_openid == openid
                && card_id.as_ref().is_none_or(|id| *id == taken.card_id)
                && taken.status_at(now) == UserCardStatus::Normal
        };
        let list: Vec<_> = state
            .taken
            .iter()
            .filter(is_wanted)
            .map(|taken| json!({"code": taken.code, "card_id": taken.card_id}))
            .collect();
        Ok(json!({"card_list": list, "has_share_card": false}))
    })
}

#[derive(Deserialize)]
struct GetBody {
    code: Option<String>,
    card_id: Option<String>,
    check_consume: Option<bool>,
}

#[derive(Deserialize)]
struct ConsumeBody {
    code: Option<String>,
    card_id: Option<String>,
}

#[derive(Deserialize)]
struct DecryptBody {
    encrypt_code: Option<String>,
}

#[derive(Deserialize)]
struct ListBody {
    openid: Option<String>,
    card_id: Option<String>,
}

impl Cards {
    /// The card with this code. A code the merchant gave belongs to its card only, which must be named; an
    /// empty `card_id` is not an absent one.
    pub(super) fn find(
        &mut self,
        code: Option<&str>,
        card_id: Option<&str>,
    ) -> Result<&mut UserCard, Refusal> {
        if card_id.is_some_and(|id| self.card(id).is_none()) {
            return Err(INVALID_CARD_ID);
        }
        let named = code.unwrap_or_default();
        let at = self
            .taken
            .iter()
            .position(|taken| {
                taken.code == named
                    && match card_id {
                        Some(card_id) => taken.card_id == card_id,
                        None => self.card(&taken.card_id).is_some_and(|card| !card.use_custom_code),
                    }
            })
            .ok_or(INVALID_CODE)?;
        let card = self.taken.get(at).and_then(|taken| self.card(&taken.card_id));
        if !card.is_some_and(|card| card.is_open()) {
            return Err(INVALID_CARD_STATUS);
        }
        self.taken.get_mut(at).ok_or(INVALID_CODE)
    }
}

impl UserCard {
    pub(super) fn status_at(&self, now: u64) -> UserCardStatus {
        match self.status {
            UserCardStatus::Normal if now >= self.ends => UserCardStatus::Expire,
            status => status,
        }
    }

    fn usable(&self, now: u64) -> Result<(), Refusal> {
        match self.status_at(now) {
            UserCardStatus::Normal => Ok(()),
            UserCardStatus::Consumed => {
                Err(CONSUMED.with(json!({"_card": {"card_id": self.card_id}, "_code": self.code})))
            }
            UserCardStatus::Expire | UserCardStatus::Unavailable => Err(ABNORMAL),
        }
    }

    fn to_json(&self, now: u64) -> Value {
        let status = self.status_at(now);
        let mut fields = json!({
            "card": {
                "card_id": self.card_id,
                "begin_time": self.taken / SECOND,
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
