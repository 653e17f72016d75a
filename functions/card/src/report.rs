//! `POST /api/cards/report`: the cards that `wx.addCard` gave the phone. Their codes are sealed; WeChat opens each code once.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    api::{ApiError, Code, request, response},
    crypto::{hex, sha256},
    host::RetryPolicy,
    runtime::{Body, Request, Response},
    store::{CardReport, UserCard, UserCards},
    types::{Caller, CardCode, CardId},
};

use crate::{CardFunction, card_id, list::CardView, percent};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReportBody {
    added_cards: Option<Vec<AddedCardBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddedCardBody {
    card_id: Option<String>,
    code: Option<String>,
    /// The `cardExt` that `GET /api/cards` gave. The phone could have changed it, so it is not read.
    #[serde(rename = "cardExt")]
    _card_ext: Option<String>,
    is_success: Option<bool>,
}

/// A card that the phone says was added.
struct AddedCard {
    /// The name of the field `code` in the body, for error messages.
    code_field: String,
    card_id: CardId,
    sealed: String,
}

#[derive(Serialize)]
struct ReportAnswer {
    cards: Vec<CardView>,
}

impl CardFunction {
    pub(crate) async fn report_added_cards(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let added = parse(request::json(request)?)?;
        let mut user_cards = self.cards.list_for_user(&caller.user_id).await?;
        let mut cards = Vec::with_capacity(added.len());
        for added in added {
            let card = self.keep_added_card(caller, &added, &mut user_cards).await?;
            cards.push(CardView { card_id: card.card_id, code: card.code });
        }
        Ok(response::success(&ReportAnswer { cards }))
    }

    /// Opens the card's code and stores the card as the caller's.
    async fn keep_added_card(
        &self,
        caller: &Caller,
        added: &AddedCard,
        user_cards: &mut UserCards,
    ) -> Result<UserCard, ApiError> {
        let digest = hex(&sha256(added.sealed.as_bytes()));
        if let Some(known) = user_cards.cards.iter().find(|card| card.sealed.as_ref() == Some(&digest)) {
            return Ok(known.clone());
        }
        let code = self.unseal_code(added).await?;
        // If this shop made the code, its offer says which card it belongs to; the phone's word is not needed.
        let offer = user_cards.offers.iter().find(|offer| offer.code == code);
        let known = user_cards.cards.iter().find(|card| card.code == code);
        let card_id = offer.map(|offer| &offer.card_id).or_else(|| known.map(|card| &card.card_id));
        let card = UserCard {
            card_id: card_id.unwrap_or(&added.card_id).clone(),
            code,
            sealed: Some(digest),
            consumed_at: known.and_then(|card| card.consumed_at),
        };
        let report = CardReport { caller, card: &card, was_offered: offer.is_some() };
        if !self.cards.store_card(&report).await? {
            return Err(Code::NotFound.into());
        }
        user_cards.cards.retain(|known| known.code != card.code);
        user_cards.cards.push(card.clone());
        Ok(card)
    }

    async fn unseal_code(&self, added: &AddedCard) -> Result<CardCode, ApiError> {
        let body = json!({ "encrypt_code": added.sealed });
        let answer = match self.platform.post("/card/code/decrypt", &body, RetryPolicy::AnyFailure).await {
            Err(error) if matches!(error.errcode(), Some(40053 | 40056 | 40097 | 40110)) => {
                return Err(
                    ApiError::invalid(&added.code_field, "不是 wx.addCard 给出的卡券码").with_cause(error)
                );
            }
            answer => answer?,
        };
        let code = answer.get("code").and_then(Value::as_str).and_then(|code| CardCode::parse(code).ok());
        code.ok_or_else(|| ApiError::new(Code::Internal).with_cause("the answer has no code"))
    }
}

fn parse(body: ReportBody) -> Result<Vec<AddedCard>, ApiError> {
    let cards = request::required("addedCards", body.added_cards)?;
    if cards.is_empty() || cards.len() > MAX_CARDS {
        return Err(ApiError::invalid("addedCards", "须为 1 到 20 项"));
    }
    let cards = cards.into_iter().enumerate();
    let cards = cards.map(|(index, card)| parse_card(&format!("addedCards[{index}]."), card));
    Ok(cards.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Reads one card; `None` if it was not added, because it has no code then.
fn parse_card(place: &str, body: AddedCardBody) -> Result<Option<AddedCard>, ApiError> {
    let card_id = card_id(&format!("{place}cardId"), body.card_id)?;
    if !request::required(&format!("{place}isSuccess"), body.is_success)? {
        return Ok(None);
    }
    let code_field = format!("{place}code");
    let code = request::required(&code_field, body.code)?;
    // A code that was part of a URL on the phone is percent-encoded, and its plus signs have become blanks.
    let sealed = percent::decode(&code).replace(' ', "+");
    if sealed.is_empty()
        || sealed.len() > MAX_SEALED_BYTES
        || !sealed.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(ApiError::invalid(&code_field, "格式不正确"));
    }
    Ok(Some(AddedCard { code_field, card_id, sealed }))
}

const MAX_CARDS: usize = 20;
const MAX_SEALED_BYTES: usize = 512;
