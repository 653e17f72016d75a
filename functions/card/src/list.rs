//! `GET /api/cards`: the cards that the caller can add, each with the `cardExt` that `wx.addCard` takes.
//! `GET /api/user/cards`: the caller's unused cards, as `wx.openCard` takes them.

use serde::Serialize;
use shared::{
    api::{ApiError, Code, response},
    runtime::{Body, Response},
    store::{TokenName, UserCards},
    types::{Caller, CardCode, CardId, Secret},
    wechat::CardExt,
};

use crate::{CardFunction, catalogue::CardTerms};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListAnswer<T> {
    card_list: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfferView {
    card_id: CardId,
    /// JSON as a text, which the phone passes to `wx.addCard` unchanged.
    card_ext: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CardView {
    pub(crate) card_id: CardId,
    pub(crate) code: CardCode,
}

impl CardFunction {
    pub(crate) async fn list_offered_cards(&self, caller: &Caller) -> Result<Response<Body>, ApiError> {
        let terms = self.catalogue.cards(&self.platform).await?;
        let user_cards = if terms.iter().any(|terms| terms.use_custom_code) {
            self.cards.list_for_user(&caller.user_id).await?
        } else {
            UserCards::default()
        };
        let ticket = self.tokens.get(TokenName::CardTicket).await?;
        let mut card_list = Vec::with_capacity(terms.len());
        for terms in terms.iter() {
            let code = self.code_for(caller, terms, &user_cards).await?;
            let card_ext = self.card_ext(caller, terms, code.as_ref(), &ticket.value)?;
            card_list.push(OfferView { card_id: terms.card_id.clone(), card_ext });
        }
        Ok(response::success(&ListAnswer { card_list }))
    }

    pub(crate) async fn list_user_cards(&self, caller: &Caller) -> Result<Response<Body>, ApiError> {
        let cards = self.cards.list_for_user(&caller.user_id).await?.cards;
        if cards.is_empty() {
            // An erased user has none.
            self.session_rows.check(caller).await?;
        }
        let cards = cards.into_iter();
        let unused = cards.filter(|card| card.consumed_at.is_none());
        let card_list = unused.map(|card| CardView { card_id: card.card_id, code: card.code }).collect();
        Ok(response::success(&ListAnswer { card_list }))
    }

    /// The code that this shop makes for the card, if the card needs one. It stays the same until the user has added the card.
    async fn code_for(
        &self,
        caller: &Caller,
        terms: &CardTerms,
        user_cards: &UserCards,
    ) -> Result<Option<CardCode>, ApiError> {
        if !terms.use_custom_code {
            return Ok(None);
        }
        if let Some(code) = user_cards.offered(&terms.card_id) {
            return Ok(Some(code.clone()));
        }
        let new_code = CardCode::parse(&self.random_digits()?)
            .map_err(|error| ApiError::new(Code::Internal).with_cause(error))?;
        Ok(Some(self.cards.offer(caller, &terms.card_id, &new_code).await?))
    }

    fn card_ext(
        &self,
        caller: &Caller,
        terms: &CardTerms,
        code: Option<&CardCode>,
        api_ticket: &Secret,
    ) -> Result<String, ApiError> {
        let ext = CardExt {
            api_ticket,
            card_id: &terms.card_id,
            timestamp: self.host.now(),
            nonce_str: &self.host.nonce_str()?,
            code,
            openid: terms.bind_openid.then_some(&caller.openid),
        };
        Ok(ext.to_json())
    }
}
