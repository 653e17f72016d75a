//! Membership cards: activated after the user filled in WeChat's form, then kept up to date by the merchant.
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

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::CardService;
use super::catalogue::CardType;
use super::codes::UserCard;
use super::{Cards, INVALID_CARD_ID, INVALID_CARD_TYPE};
use crate::base::access;
use crate::base::platform::{INVALID_ARGUMENT, Refusal};
use crate::base::tokens::Owner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::percent;
use crate::core::random;
use crate::core::user::User;

/// What a membership card knows of its member; `None` for any other card.
#[derive(Debug, Clone)]
pub(super) struct Membership(Option<Member>);

#[derive(Debug, Clone, Default)]
struct Member {
    /// Absent until it is activated.
    number: Option<String>,
    bonus: i64,
    balance: i64,
    custom: Map<String, Value>,
    /// What the user filled in.
    form: Vec<Value>,
}

/// What was begun and not yet finished.
#[derive(Debug, Default)]
pub(super) struct Activations {
    /// The card and its `outer_str`, by `encrypt_card_id`.
    links: HashMap<String, (String, String)>,
    /// The code, by `activate_ticket`.
    tickets: HashMap<String, String>,
}

pub(crate) fn get_url(cards: &CardService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::post(&cards.base.tokens, received, fault, Owner::OfficialAccount, |body: UrlBody| {
        let state = &mut *cards.cards();
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

pub(crate) fn get_temporary_info(
    cards: &CardService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::post(&cards.base.tokens, received, fault, Owner::OfficialAccount, |body: TicketBody| {
        let state = &*cards.cards();
        let ticket = body.activate_ticket.unwrap_or_default();
        let code = state.activations.tickets.get(&ticket).ok_or(INVALID_ARGUMENT)?;
        let taken = state.taken.iter().find(|taken| taken.code == *code);
        let member = taken.and_then(|taken| taken.membership.0.as_ref()).ok_or(INVALID_ARGUMENT)?;
        Ok(json!({"info": {"common_field_list": member.form, "custom_field_list": []}}))
    })
}

pub(crate) fn activate(cards: &CardService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::post(&cards.base.tokens, received, fault, Owner::OfficialAccount, |body: ActivateBody| {
        let number = body.membership_number.filter(|number| !number.is_empty()).ok_or(INVALID_ARGUMENT)?;
        let state = &mut *cards.cards();
        let taken = state.find(body.code.as_deref(), body.card_id.as_deref())?;
        let member = taken.membership.0.as_mut().ok_or(INVALID_CARD_TYPE)?;
        member.number = Some(number);
        member.bonus = body.init_bonus.unwrap_or_default();
        member.balance = body.init_balance.unwrap_or_default();
        member.custom = custom_values(&body.rest, "init_custom_field_value");
        Ok(json!({}))
    })
}

pub(crate) fn get_user_info(
    cards: &CardService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::post(&cards.base.tokens, received, fault, Owner::OfficialAccount, |body: MemberBody| {
        let now = cards.base.now();
        let card_id = body.card_id.unwrap_or_default();
        let (openid, official_openid, membership, status) = {
            let state = &mut *cards.cards();
            let taken = state.find(body.code.as_deref(), Some(&card_id))?;
            let status = taken.status_at(now);
            (taken.openid.clone(), taken.official_openid.clone(), taken.membership.clone(), status)
        };
        let nick_name = cards.base.users.get(&openid).map(|user| user.nick_name).unwrap_or_default();
        let mut fields = membership.summary(&nick_name).ok_or(INVALID_CARD_TYPE)?;
        fields.insert("openid".to_owned(), official_openid.into());
        fields.insert("sex".to_owned(), "UNKNOWN".into());
        fields.insert("user_card_status".to_owned(), json!(status));
        Ok(Value::Object(fields))
    })
}

pub(crate) fn update_user(cards: &CardService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::post(&cards.base.tokens, received, fault, Owner::OfficialAccount, |body: UpdateBody| {
        let state = &mut *cards.cards();
        let taken = state.find(body.code.as_deref(), body.card_id.as_deref())?;
        let openid = taken.official_openid.clone();
        let member = taken.membership.0.as_mut().ok_or(INVALID_CARD_TYPE)?;
        let bonus = changed(member.bonus, body.bonus, body.add_bonus)?;
        let balance = changed(member.balance, body.balance, body.add_balance)?;
        member.bonus = bonus;
        member.balance = balance;
        member.custom.extend(custom_values(&body.rest, "custom_field_value"));
        Ok(json!({"result_bonus": bonus, "result_balance": balance, "openid": openid}))
    })
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

impl Membership {
    pub(super) fn new(is_membership: bool) -> Self {
        Self(is_membership.then(Member::default))
    }

    /// What the server is told of a member; `None` if the card is no membership.
    pub(super) fn summary(&self, nick_name: &str) -> Option<Map<String, Value>> {
        let member = self.0.as_ref()?;
        let fields = json!({
            "nickname": nick_name,
            "membership_number": member.number.as_deref().unwrap_or_default(),
            "has_active": member.number.is_some(),
            "bonus": member.bonus,
            "balance": member.balance,
            "user_info": {"common_field_list": member.form, "custom_field_list": []},
        });
        let mut fields = fields.as_object().cloned().unwrap_or_default();
        fields.extend(member.custom.clone());
        Some(fields)
    }
}

impl Cards {
    /// The user opens the activation's mini program, fills in the form and has the card from then on: the
    /// `extraData` it returns with.
    pub(crate) fn fill_in_form(&mut self, user: &User, link: &Link, now: u64) -> Result<Value, String> {
        let (card_id, outer_str) = self
            .activations
            .links
            .get(&link.encrypt_card_id)
            .cloned()
            .ok_or("encrypt_card_id is not one of /card/membercard/activate/geturl: decode it once")?;
        if link.outer_str.as_deref().unwrap_or_default() != outer_str || link.biz != BIZ {
            return Err("outer_str and biz must be those of the same url, decoded once".to_owned());
        }
        let is_own = |taken: &&mut UserCard| taken.card_id == card_id && taken.openid == user.openid;
        let owned = self.taken.iter_mut().find(is_own).map(|taken| taken.code.clone());
        let code = owned
            .or_else(|| self.give(user, &card_id, None, now).map(|taken| taken.code.clone()))
            .ok_or("no such card is left")?;
        let taken = self.taken.iter_mut().find(|taken| taken.code == code);
        if let Some(taken) = taken {
            taken.outer_str = Some(outer_str).filter(|outer_str| !outer_str.is_empty());
            if let Some(member) = taken.membership.0.as_mut() {
                member.form = vec![json!({"name": "USER_FORM_INFO_FLAG_MOBILE", "value": user.phone_number})];
            }
        }
        let ticket = random::encrypted_code();
        self.activations.tickets.insert(ticket.clone(), code.clone());
        Ok(json!({"activate_ticket": ticket, "card_id": card_id, "code": code}))
    }
}

/// What leads to the form.
#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    encrypt_card_id: String,
    outer_str: Option<String>,
    biz: String,
}

/// An absolute value wins, so that sending both is the same whether once or twice.
fn changed(before: i64, absolute: Option<i64>, delta: Option<i64>) -> Result<i64, Refusal> {
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
