//! Membership cards: the user fills in WeChat's form, the merchant activates the card and later updates it.
//!
//! Documentation: "One-tap activation by a mini program" (小程序打通会员卡) and "Manage membership cards".
//!
//! ```text
//!   geturl ─▶ encrypt_card_id, outer_str, biz ─▶ phone: navigateToMiniProgram, the user fills in the form
//!          ◀─ activate_ticket, card_id, code ◀─
//!   activatetempinfo/get ─▶ what the user filled in;  activate ─▶ a member
//! ```
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/Cards_and_Offer/Membership_Cards/Create_a_membership_card.html>

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::card::CardType;
use super::card_state::CardState;
use super::errcodes::{INVALID_CARD_ID, INVALID_CARD_TYPE};
use super::service::CardService;
use super::user_card::UserCard;
use crate::base::access;
use crate::base::platform::{Errcode, INVALID_ARGUMENT};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::percent;
use crate::core::random;
use crate::core::user::User;

pub(crate) fn get_activation_url(
    cards: &CardService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_post(&cards.base.tokens, request, fault, TokenOwner::OfficialAccount, |body: UrlBody| {
        let state = &mut *cards.state();
        let card_id = body.card_id.unwrap_or_default();
        let card = state.card(&card_id).ok_or(INVALID_CARD_ID)?;
        if card.card_type != CardType::MemberCard {
            return Err(INVALID_CARD_TYPE);
        }
        let outer_str = body.outer_str.unwrap_or_default();
        let encrypted = random::encrypted_code();
        let [card, outer, biz] = [&encrypted, &outer_str, BIZ].map(percent::encode);
        state.activations.links.insert(encrypted, (card_id, outer_str));
        let query = format!("action=preshow&encrypt_card_id={card}&outer_str={outer}&biz={biz}");
        Ok(
            json!({"url": format!("https://mp.weixin.qq.com/bizmall/activatemembercard?{query}#wechat_redirect")}),
        )
    })
}

pub(crate) fn get_form(cards: &CardService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(
        &cards.base.tokens,
        request,
        fault,
        TokenOwner::OfficialAccount,
        |body: TicketBody| {
            let state = &*cards.state();
            let ticket = body.activate_ticket.unwrap_or_default();
            let code = state.activations.tickets.get(&ticket).ok_or(INVALID_ARGUMENT)?;
            let user_card = state.user_cards.iter().find(|user_card| user_card.code == *code);
            let member = user_card.and_then(|user_card| user_card.member.as_ref()).ok_or(INVALID_ARGUMENT)?;
            Ok(json!({"info": {"common_field_list": member.form, "custom_field_list": []}}))
        },
    )
}

pub(crate) fn activate_card(cards: &CardService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(
        &cards.base.tokens,
        request,
        fault,
        TokenOwner::OfficialAccount,
        |body: ActivateBody| {
            let number =
                body.membership_number.filter(|number| !number.is_empty()).ok_or(INVALID_ARGUMENT)?;
            let state = &mut *cards.state();
            let user_card = state.find_user_card(body.code.as_deref(), body.card_id.as_deref())?;
            let member = user_card.member.as_mut().ok_or(INVALID_CARD_TYPE)?;
            member.number = Some(number);
            member.bonus = body.init_bonus.unwrap_or_default();
            member.balance = body.init_balance.unwrap_or_default();
            member.custom = custom_values(&body.rest, "init_custom_field_value");
            Ok(json!({}))
        },
    )
}

pub(crate) fn get_member(cards: &CardService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(
        &cards.base.tokens,
        request,
        fault,
        TokenOwner::OfficialAccount,
        |body: MemberBody| {
            let now = cards.base.now();
            let card_id = body.card_id.unwrap_or_default();
            let (openid, official_openid, member, status) = {
                let state = &mut *cards.state();
                let user_card = state.find_user_card(body.code.as_deref(), Some(&card_id))?;
                let status = user_card.status_at(now);
                (
                    user_card.openid.clone(),
                    user_card.official_openid.clone(),
                    user_card.member.clone(),
                    status,
                )
            };
            let nick_name = cards.base.users.get(&openid).map(|user| user.nick_name).unwrap_or_default();
            let mut fields = member.ok_or(INVALID_CARD_TYPE)?.summary(&nick_name);
            fields.insert("openid".to_owned(), official_openid.into());
            fields.insert("sex".to_owned(), "UNKNOWN".into());
            fields.insert("user_card_status".to_owned(), json!(status));
            Ok(Value::Object(fields))
        },
    )
}

pub(crate) fn update_member(cards: &CardService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(
        &cards.base.tokens,
        request,
        fault,
        TokenOwner::OfficialAccount,
        |body: UpdateBody| {
            let state = &mut *cards.state();
            let user_card = state.find_user_card(body.code.as_deref(), body.card_id.as_deref())?;
            let openid = user_card.official_openid.clone();
            let member = user_card.member.as_mut().ok_or(INVALID_CARD_TYPE)?;
            let bonus = apply_change(member.bonus, body.bonus, body.add_bonus)?;
            let balance = apply_change(member.balance, body.balance, body.add_balance)?;
            member.bonus = bonus;
            member.balance = balance;
            member.custom.extend(custom_values(&body.rest, "custom_field_value"));
            Ok(json!({"result_bonus": bonus, "result_balance": balance, "openid": openid}))
        },
    )
}

#[derive(Deserialize)]
struct UrlBody {
    card_id: Option<String>,
    outer_str: Option<String>,
}

#[derive(Deserialize)]
struct TicketBody {
    activate_ticket: Option<String>,
}

#[derive(Deserialize)]
struct MemberBody {
    card_id: Option<String>,
    code: Option<String>,
}

#[derive(Deserialize)]
struct ActivateBody {
    membership_number: Option<String>,
    code: Option<String>,
    card_id: Option<String>,
    init_bonus: Option<i64>,
    init_balance: Option<i64>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
struct UpdateBody {
    code: Option<String>,
    card_id: Option<String>,
    bonus: Option<i64>,
    add_bonus: Option<i64>,
    balance: Option<i64>,
    add_balance: Option<i64>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl CardState {
    /// The user opens the mini program of the activation, fills in the form and gets the card. Returns the `extraData` for the
    /// merchant's mini program.
    ///
    /// # Errors
    ///
    /// The text for the fail callback: the link is wrong, or no card is left.
    pub(crate) fn fill_in_form(
        &mut self,
        user: &User,
        link: &ActivationLink,
        now: u64,
    ) -> Result<Value, String> {
        let (card_id, outer_str) = self
            .activations
            .links
            .get(&link.encrypt_card_id)
            .cloned()
            .ok_or("encrypt_card_id is not one of /card/membercard/activate/geturl: decode it once")?;
        if link.outer_str.as_deref().unwrap_or_default() != outer_str || link.biz != BIZ {
            return Err("outer_str and biz must be those of the same url, decoded once".to_owned());
        }
        let is_own =
            |user_card: &&mut UserCard| user_card.card_id == card_id && user_card.openid == user.openid;
        let owned = self.user_cards.iter_mut().find(is_own).map(|user_card| user_card.code.clone());
        let code = owned
            .or_else(|| self.give_card(user, &card_id, None, now).map(|user_card| user_card.code.clone()))
            .ok_or("no such card is left")?;
        let user_card = self.user_cards.iter_mut().find(|user_card| user_card.code == code);
        if let Some(user_card) = user_card {
            user_card.outer_str = Some(outer_str).filter(|outer_str| !outer_str.is_empty());
            if let Some(member) = user_card.member.as_mut() {
                member.form = vec![json!({"name": "USER_FORM_INFO_FLAG_MOBILE", "value": user.phone_number})];
            }
        }
        let ticket = random::encrypted_code();
        self.activations.tickets.insert(ticket.clone(), code.clone());
        Ok(json!({"activate_ticket": ticket, "card_id": card_id, "code": code}))
    }
}

/// The link to the form, as the phone gets it.
#[derive(Debug, Deserialize)]
pub(crate) struct ActivationLink {
    encrypt_card_id: String,
    outer_str: Option<String>,
    biz: String,
}

/// The new value. An absolute value has precedence over a difference, so a request that sends both can be repeated.
fn apply_change(before: i64, absolute: Option<i64>, delta: Option<i64>) -> Result<i64, Errcode> {
    let after = absolute.or_else(|| before.checked_add(delta.unwrap_or_default()));
    after.filter(|after| *after >= 0).ok_or(INVALID_ARGUMENT)
}

fn custom_values(fields: &Map<String, Value>, prefix: &str) -> Map<String, Value> {
    let is_one = |number: &&str| ["1", "2", "3"].contains(number);
    fields
        .iter()
        .filter_map(|(name, value)| {
            let number = name.strip_prefix(prefix).filter(is_one)?;
            Some((format!("custom_field_value{number}"), value.clone()))
        })
        .collect()
}

/// The official account's number in its links.
const BIZ: &str = "MzAwMDAwMDAwMA==";
