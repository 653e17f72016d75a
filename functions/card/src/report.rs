//! `POST /api/cards/report`: what `wx.addCard` gave the phone. Its codes are sealed; WeChat opens them for us, once each.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    crypto::{hex, sha256},
    error::{ApiError, Code},
    http::{answer, extract},
    runtime::{Body, Request, Response},
    session::Caller,
    store::{HeldCard, Holdings, Receipt},
    types::{CardCode, CardId},
    wechat::Repeat,
};

use crate::{CardFunction, card_id, list::CardView, percent};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReportBody {
    added_cards: Option<Vec<AddedBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddedBody {
    card_id: Option<String>,
    code: Option<String>,
    /// Ours, come back: it says nothing that we could believe.
    #[serde(rename = "cardExt")]
    _card_ext: Option<String>,
    is_success: Option<bool>,
}

/// A card that the phone says was added.
struct Added {
    /// Where it stands in the body.
    place: String,
    card_id: CardId,
    sealed: String,
}

#[derive(Serialize)]
struct ReportAnswer {
    cards: Vec<CardView>,
}

impl CardFunction {
    pub(crate) async fn report(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let added = parse(extract::json(request)?)?;
        let mut holdings = self.cards.of_user(&caller.user_id).await?;
        let mut cards = Vec::with_capacity(added.len());
        for added in added {
            let card = self.open(caller, &added, &mut holdings).await?;
            cards.push(CardView { card_id: card.card_id, code: card.code });
        }
        Ok(answer::success(&ReportAnswer { cards }))
    }

    /// The card, kept as the caller's.
    async fn open(
        &self,
        caller: &Caller,
        added: &Added,
        holdings: &mut Holdings,
    ) -> Result<HeldCard, ApiError> {
        let digest = hex(&sha256(added.sealed.as_bytes()));
        if let Some(known) = holdings.cards.iter().find(|card| card.sealed.as_ref() == Some(&digest)) {
            return Ok(known.clone());
        }
        let code = self.unseal(added).await?;
        // Of a code that we gave out we know whose it is to be, and which card.
        let offer = holdings.offers.iter().find(|offer| offer.code == code);
        let known = holdings.cards.iter().find(|card| card.code == code);
        let card_id = offer.map(|offer| &offer.card_id).or_else(|| known.map(|card| &card.card_id));
        let card = HeldCard {
            card_id: card_id.unwrap_or(&added.card_id).clone(),
            code,
            sealed: Some(digest),
            consumed_at: known.and_then(|card| card.consumed_at),
        };
        let receipt = Receipt { user_id: &caller.user_id, card: &card, was_offered: offer.is_some() };
        if !self.cards.keep(&receipt).await? {
            return Err(Code::NotFound.into());
        }
        holdings.cards.retain(|known| known.code != card.code);
        holdings.cards.push(card.clone());
        Ok(card)
    }

    async fn unseal(&self, added: &Added) -> Result<CardCode, ApiError> {
        let body = json!({ "encrypt_code": added.sealed });
        let answer = match self.platform.post("/card/code/decrypt", &body, Repeat::Always).await {
            Err(error) if matches!(error.errcode(), Some(40053 | 40056 | 40097 | 40110)) => {
                return Err(ApiError::invalid(&added.place, "不是 wx.addCard 给出的卡券码").because(error));
            }
            answer => answer?,
        };
        let code = answer.get("code").and_then(Value::as_str).and_then(|code| CardCode::parse(code).ok());
        code.ok_or_else(|| ApiError::new(Code::Internal).because("the answer has no code"))
    }
}

fn parse(body: ReportBody) -> Result<Vec<Added>, ApiError> {
    let cards = extract::required("addedCards", body.added_cards)?;
    if cards.is_empty() || cards.len() > MAX_CARDS {
        return Err(ApiError::invalid("addedCards", "须为 1 到 20 项"));
    }
    let cards = cards.into_iter().enumerate();
    let cards = cards.map(|(index, card)| parse_one(&format!("addedCards[{index}]."), card));
    Ok(cards.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Nothing for a card that was not added: it has no code.
fn parse_one(place: &str, body: AddedBody) -> Result<Option<Added>, ApiError> {
    let card_id = card_id(&format!("{place}cardId"), body.card_id)?;
    if !extract::required(&format!("{place}isSuccess"), body.is_success)? {
        return Ok(None);
    }
    let place = format!("{place}code");
    let code = extract::required(&place, body.code)?;
    // A code that went through a URL on the phone is encoded, and its plus signs are blanks.
    let sealed = percent::decode(&code).replace(' ', "+");
    if sealed.is_empty() || sealed.len() > MAX_SEALED || !sealed.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid(&place, "格式不正确"));
    }
    Ok(Some(Added { place, card_id, sealed }))
}

const MAX_CARDS: usize = 20;
const MAX_SEALED: usize = 512;
