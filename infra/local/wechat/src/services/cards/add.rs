//! `wx.addCard`: the phone checks the `cardExt` that the server signed, and the user takes the card.
//!
//! Documentation: "wx.addCard" and "Appendix 4: the card extension field and its signature" (附录4-卡券扩展字段及签名生成算法). The signature is
//! SHA-1 in lower-case hexadecimal over the *values* of ticket, timestamp, card id, nonce and, if the card requires them, code
//! and openid, sorted as bytes and joined without a separator. The nonce is optional; without it the same `cardExt` can be used
//! again.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/card/wx.addCard.html>

use serde::Deserialize;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::card::{Card, CardType};
use super::card_state::CardState;
use super::user_card::{Member, UserCard, UserCardStatus};
use crate::core::clock::{DAY, SECOND};
use crate::core::random;
use crate::core::user::User;

/// An item of the argument `cardList` of `wx.addCard`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddCardItem {
    card_id: String,
    card_ext: String,
}

/// The fields of `cardExt`. An empty field counts as absent.
#[derive(Debug, Deserialize)]
struct CardExt {
    code: Option<String>,
    openid: Option<String>,
    timestamp: Value,
    nonce_str: Option<String>,
    outer_str: Option<String>,
    signature: Option<String>,
}

impl CardState {
    /// Gives the user the cards of the list.
    ///
    /// The call as a whole succeeds even if no card of a kind is left or the user has reached its limit; that item then has
    /// `isSuccess: false`.
    ///
    /// # Errors
    ///
    /// The text for the fail callback, if the phone refuses one of the items. Then no card was taken.
    pub(crate) fn add_cards(
        &mut self,
        user: &User,
        items: Vec<AddCardItem>,
        tickets: &[String],
        now: u64,
    ) -> Result<Value, String> {
        let mut result = Vec::new();
        for AddCardItem { card_id, card_ext } in items {
            let ext: CardExt = serde_json::from_str(&card_ext)
                .map_err(|error| format!("cardExt is no JSON of its form: {error}"))?;
            let ext = CardExt {
                code: ext.code.filter(|code| !code.is_empty()),
                openid: ext.openid.filter(|openid| !openid.is_empty()),
                nonce_str: ext.nonce_str.filter(|nonce_str| !nonce_str.is_empty()),
                ..ext
            };
            let card = self.card(&card_id).ok_or_else(|| format!("unknown card {card_id}"))?;
            check_card_ext(card, &ext, user, tickets)?;
            self.check_unused(&card_id, &ext)?;
            result.push((card_id, card_ext, ext));
        }
        self.nonces.extend(result.iter().filter_map(|(_, _, ext)| ext.nonce_str.clone()));
        let mut list = Vec::new();
        for (card_id, card_ext, ext) in result {
            let code = self.take_card(user, &card_id, ext, now);
            let is_success = code.is_some();
            let code = code.map(|code| self.encrypt_code(code)).unwrap_or_default();
            list.push(json!({"cardId": card_id, "cardExt": card_ext, "code": code, "isSuccess": is_success}));
        }
        Ok(list.into())
    }

    /// Gives the user one more of the card; `None` if no card is left or the user has reached the limit.
    pub(super) fn give_card(
        &mut self,
        user: &User,
        card_id: &str,
        code: Option<String>,
        now: u64,
    ) -> Option<&mut UserCard> {
        let has = self
            .user_cards
            .iter()
            .filter(|user_card| user_card.card_id == card_id && user_card.openid == user.openid)
            .count();
        let card = self.catalogue.iter_mut().find(|card| card.card_id == card_id)?;
        if card.quantity == 0 || usize::try_from(card.get_limit).is_ok_and(|limit| has >= limit) {
            return None;
        }
        card.quantity -= 1;
        let life = card.fixed_term().map(|days| days.saturating_mul(DAY));
        self.user_cards.push(UserCard {
            card_id: card_id.to_owned(),
            code: code.unwrap_or_else(random::card_code),
            openid: user.openid.clone(),
            official_openid: user.official_openid.clone(),
            outer_str: None,
            taken_at: now,
            ends: life.map_or(FOR_EVER, |life| now.saturating_add(life)),
            status: UserCardStatus::Normal,
            member: (card.card_type == CardType::MemberCard).then(Member::default),
        });
        self.user_cards.last_mut()
    }

    /// Whether the user has this card, for `wx.openCard`.
    pub(crate) fn has_card(&self, openid: &str, card_id: &str, code: &str) -> bool {
        let is_it = |user_card: &UserCard| {
            user_card.openid == openid && user_card.card_id == card_id && user_card.code == code
        };
        self.user_cards.iter().any(is_it)
    }

    fn take_card(&mut self, user: &User, card_id: &str, ext: CardExt, now: u64) -> Option<String> {
        let user_card = self.give_card(user, card_id, ext.code, now)?;
        user_card.outer_str = ext.outer_str;
        Some(user_card.code.clone())
    }

    /// Creates the encrypted code, which the phone gives to the mini program instead of the code.
    fn encrypt_code(&mut self, code: String) -> String {
        let encrypted = random::encrypted_code();
        self.encrypted.insert(encrypted.clone(), code);
        encrypted
    }

    fn check_unused(&self, card_id: &str, ext: &CardExt) -> Result<(), String> {
        if ext.nonce_str.as_ref().is_some_and(|nonce| self.nonces.contains(nonce)) {
            return Err("签名错误: this nonce_str was used before".to_owned());
        }
        let is_given =
            |user_card: &UserCard| user_card.card_id == card_id && Some(&user_card.code) == ext.code.as_ref();
        if self.user_cards.iter().any(is_given) {
            return Err("the code was given to a card before".to_owned());
        }
        Ok(())
    }
}

/// Checks `cardExt` as the phone does before it shows the card.
fn check_card_ext(card: &Card, ext: &CardExt, user: &User, tickets: &[String]) -> Result<(), String> {
    if !card.is_open() {
        return Err("the card has not passed the review or was deleted".to_owned());
    }
    let timestamp = match &ext.timestamp {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err("cardExt.timestamp is unix seconds, a string or a number".to_owned()),
    };
    if timestamp.len() != 10 || !timestamp.bytes().all(|b| b.is_ascii_digit()) {
        return Err("cardExt.timestamp is unix seconds".to_owned());
    }
    let nonce_str = ext.nonce_str.as_deref().unwrap_or_default();
    if nonce_str.len() > 32 {
        return Err("cardExt.nonce_str has at most 32 characters".to_owned());
    }
    if ext.outer_str.as_ref().is_some_and(|outer_str| outer_str.chars().count() > 128) {
        return Err("cardExt.outer_str has at most 128 characters".to_owned());
    }
    match &ext.code {
        Some(_) if !card.use_custom_code => return Err("the card takes no code of the merchant".to_owned()),
        Some(code) if code.chars().count() > 20 => return Err("a code has at most 20 characters".to_owned()),
        None if card.use_custom_code => return Err("the card needs a code of the merchant".to_owned()),
        _ => {}
    }
    match &ext.openid {
        Some(openid) if *openid != user.openid => return Err("the card is for another user".to_owned()),
        None if card.bind_openid => return Err("the card needs an openid".to_owned()),
        _ => {}
    }
    let code = ext.code.as_deref().filter(|_| card.use_custom_code);
    let openid = ext.openid.as_deref().filter(|_| card.bind_openid);
    let is_signed_with = |ticket: &String| {
        let mut values = vec![ticket.as_str(), &timestamp, &card.card_id, nonce_str];
        values.extend(code);
        values.extend(openid);
        ext.signature.as_deref() == Some(signature(values).as_str())
    };
    if tickets.iter().any(is_signed_with) { Ok(()) } else { Err("签名错误".to_owned()) }
}

fn signature(mut values: Vec<&str>) -> String {
    values.sort_unstable();
    random::hex(&Sha1::digest(values.concat()))
}

/// The end of a card without an end: the last second of 32 bits, in milliseconds.
const FOR_EVER: u64 = 4_294_967_295 * SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_the_documentation_has_its_signature() {
        let values = vec![
            "ojZ8YtyVyr30HheH3CM73y7h4jJE",
            "1404896688",
            "pjZ8Yt1XGILfi-FUsewpnnolGgZk",
            "123",
            "1434008071",
        ];
        assert_eq!(signature(values), "f137ab68b7f8112d20ee528ab6074564e2796250");
    }

    #[test]
    fn values_are_sorted_as_bytes() {
        let values = vec![
            "IpK_1T69hDhZkLQTlwsAXjPS8I9rFYSYj3Sk0yhvDW5654DPdEVXFNSuoLsqV",
            "1700000000",
            "pt6ViDOwRKmHEIGE9gWUFADbUVvr",
            "WLLJpgHXK5kXH1f8Y5kBWzYL",
        ];
        assert_eq!(signature(values.clone()), "7237c96e9e754a98dddda8999026e5637c6ea229");
        let more = [values, vec!["724722847003", "o5wQws1FH2FD2uaNtxmrc1jiG4dc"]].concat();
        assert_eq!(signature(more), "7de1184e72cad3ece63e8b50886818183e269b10");
    }
}
