//! `/card/code/…` and `/card/user/getcardlist`: the cards that users have.
//!
//! Documentation: "Redeem coupons" (核销卡券). Consuming is not idempotent: WeChat refuses the second request.

use serde::Deserialize;
use serde_json::json;

use super::errcodes::{INVALID_CARD_ID, INVALID_CODE};
use super::service::CardService;
use super::user_card::{UserCard, UserCardStatus};
use crate::base::access;
use crate::base::platform::INVALID_OPENID;
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn get_code(cards: &CardService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(
        &cards.base.tokens,
        request,
        fault,
        TokenOwner::OfficialAccount,
        |body: GetCodeBody| {
            let now = cards.base.now();
            let (mut fields, openid, member) = {
                let state = &mut *cards.state();
                let user_card = state.find_user_card(body.code.as_deref(), body.card_id.as_deref())?;
                if body.check_consume != Some(false) {
                    user_card.check_usable(now)?;
                }
                (user_card.to_json(now), user_card.openid.clone(), user_card.member.clone())
            };
            let user = cards.base.users.get(&openid);
            let summary = user.and_then(|user| Some(member?.summary(&user.nick_name)));
            if let (Some(fields), Some(summary)) = (fields.as_object_mut(), summary) {
                fields.extend(summary);
            }
            Ok(fields)
        },
    )
}

pub(crate) fn consume_code(cards: &CardService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(
        &cards.base.tokens,
        request,
        fault,
        TokenOwner::OfficialAccount,
        |body: ConsumeBody| {
            let now = cards.base.now();
            let state = &mut *cards.state();
            let user_card = state.find_user_card(body.code.as_deref(), body.card_id.as_deref())?;
            user_card.check_usable(now)?;
            user_card.status = UserCardStatus::Consumed;
            Ok(json!({"card": {"card_id": user_card.card_id}, "openid": user_card.official_openid}))
        },
    )
}

pub(crate) fn make_code_unavailable(
    cards: &CardService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_post(
        &cards.base.tokens,
        request,
        fault,
        TokenOwner::OfficialAccount,
        |body: ConsumeBody| {
            let now = cards.base.now();
            let state = &mut *cards.state();
            let user_card = state.find_user_card(body.code.as_deref(), body.card_id.as_deref())?;
            user_card.check_usable(now)?;
            user_card.status = UserCardStatus::Unavailable;
            Ok(json!({}))
        },
    )
}

pub(crate) fn decrypt_code(cards: &CardService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(
        &cards.base.tokens,
        request,
        fault,
        TokenOwner::OfficialAccount,
        |body: DecryptBody| {
            let state = &*cards.state();
            let encrypted = body.encrypt_code.unwrap_or_default();
            let code = state.encrypted.get(&encrypted).ok_or(INVALID_CODE)?;
            Ok(json!({"code": code}))
        },
    )
}

pub(crate) fn list_user_cards(
    cards: &CardService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_post(&cards.base.tokens, request, fault, TokenOwner::OfficialAccount, |body: ListBody| {
        let now = cards.base.now();
        let openid = body.openid.unwrap_or_default();
        if !cards.base.users.has_official_openid(&openid) {
            return Err(INVALID_OPENID);
        }
        let state = &*cards.state();
        let card_id = body.card_id.filter(|id| !id.is_empty());
        if card_id.as_ref().is_some_and(|id| state.card(id).is_none()) {
            return Err(INVALID_CARD_ID);
        }
        let is_listed = |user_card: &&UserCard| {
            user_card.official_openid == openid
                && card_id.as_ref().is_none_or(|id| *id == user_card.card_id)
                && user_card.status_at(now) == UserCardStatus::Normal
        };
        let list: Vec<_> = state
            .user_cards
            .iter()
            .filter(is_listed)
            .map(|taken| json!({"code": taken.code, "card_id": taken.card_id}))
            .collect();
        Ok(json!({"card_list": list, "has_share_card": false}))
    })
}

#[derive(Deserialize)]
struct GetCodeBody {
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
