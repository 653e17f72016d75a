//! `/card/batchget` and `/card/get`: the cards of the official account.

use serde::Deserialize;
use serde_json::json;

use super::card::{Card, CardStatus};
use super::errcodes::INVALID_CARD_ID;
use super::service::CardService;
use crate::base::access;
use crate::base::platform::INVALID_ARGUMENT;
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn list_cards(cards: &CardService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(
        &cards.base.tokens,
        request,
        fault,
        TokenOwner::OfficialAccount,
        |body: BatchGetBody| {
            let offset =
                body.offset.and_then(|offset| usize::try_from(offset).ok()).ok_or(INVALID_ARGUMENT)?;
            let count = body.count.and_then(|count| usize::try_from(count).ok()).ok_or(INVALID_ARGUMENT)?;
            if !(1..=50).contains(&count) {
                return Err(INVALID_ARGUMENT);
            }
            let state = &*cards.state();
            let has_status =
                |card: &&Card| body.status_list.as_ref().is_none_or(|list| list.contains(&card.status));
            let found: Vec<_> = state.catalogue.iter().filter(has_status).collect();
            let ids: Vec<_> = found.iter().skip(offset).take(count).map(|card| &card.card_id).collect();
            Ok(json!({"card_id_list": ids, "total_num": found.len()}))
        },
    )
}

pub(crate) fn get_card(cards: &CardService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(
        &cards.base.tokens,
        request,
        fault,
        TokenOwner::OfficialAccount,
        |body: GetCardBody| {
            let state = &*cards.state();
            let card = state.card(body.card_id.as_deref().unwrap_or_default()).ok_or(INVALID_CARD_ID)?;
            Ok(json!({"card": card.to_json()}))
        },
    )
}

#[derive(Deserialize)]
struct BatchGetBody {
    offset: Option<i64>,
    count: Option<i64>,
    status_list: Option<Vec<CardStatus>>,
}

#[derive(Deserialize)]
struct GetCardBody {
    card_id: Option<String>,
}
