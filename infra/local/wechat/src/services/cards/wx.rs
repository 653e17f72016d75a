//! `wx.addCard`, `wx.openCard`, and `wx.navigateToMiniProgram` to the form of a membership card.
//!
//! Documentation: "wx.addCard", "wx.openCard" and "One-tap activation by a mini program".
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/card/wx.addCard.html>

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::add::AddCardItem;
use super::service::CardService;
use crate::base::tokens::tickets::TicketKind;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure, text_argument, user_denies};

pub(super) fn add_card(
    cards: &CardService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let items: Vec<AddCardItem> = card_list(arguments)?;
    if user_denies(arguments)? {
        return Err(WxFailure::new("cancel"));
    }
    let now = cards.base.now();
    let tickets = cards.base.tokens.live_tickets(TicketKind::Card);
    let list = cards.state().add_cards(user, items, &tickets, now).map_err(WxFailure::new)?;
    Ok(WxArguments::from_iter([("cardList".to_owned(), list)]))
}

/// Shows cards. The codes in the arguments are decrypted codes.
pub(super) fn open_card(
    cards: &CardService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let cards = cards.state();
    for OpenCardItem { card_id, code } in card_list(arguments)? {
        if !cards.has_card(&user.openid, &card_id, &code) {
            return Err(WxFailure::new(format!("the user has no card {card_id} with this code")));
        }
    }
    Ok(WxArguments::new())
}

/// Opens WeChat's mini program of membership cards, where the user fills in the form, and returns.
pub(super) fn navigate_to_mini_program(
    cards: &CardService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    if text_argument(arguments, "appId")? != MEMBERSHIP_APP {
        return Err(WxFailure::new(format!("invalid appid: the membership cards' is {MEMBERSHIP_APP}")));
    }
    let link = arguments.get("extraData").cloned().unwrap_or_default();
    let link = serde_json::from_value(link).map_err(|error| WxFailure::parameter(&error.to_string()))?;
    if user_denies(arguments)? {
        return Err(WxFailure::new("cancel"));
    }
    let now = cards.base.now();
    let extra_data = cards.state().fill_in_form(user, &link, now).map_err(WxFailure::new)?;
    Ok(WxArguments::from_iter([("extraData".to_owned(), extra_data)]))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenCardItem {
    card_id: String,
    code: String,
}

fn card_list<T: DeserializeOwned>(arguments: &WxArguments) -> Result<Vec<T>, WxFailure> {
    let list = arguments.get("cardList").cloned().unwrap_or(Value::Null);
    let list: Vec<T> = serde_json::from_value(list)
        .map_err(|error| WxFailure::parameter(&format!("cardList is an Array of Object: {error}")))?;
    if list.is_empty() { Err(WxFailure::parameter("cardList is empty")) } else { Ok(list) }
}

/// WeChat's own mini program of the membership cards.
const MEMBERSHIP_APP: &str = "wxeb490c6f9b154ef9";
