//! `GET /api/cards`: what there is to be had, each card with the permission that `wx.addCard` takes.
//! `GET /api/user/cards`: what the caller has, as `wx.openCard` takes it.

use serde::Serialize;
use shared::{
    error::{ApiError, Code},
    http::answer,
    runtime::{Body, Response},
    session::Caller,
    store::{Holdings, TokenName},
    types::{CardCode, CardId, Secret},
    wechat::CardExt,
};

use crate::{CardFunction, catalogue::Terms};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListAnswer<T> {
    card_list: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfferView {
    card_id: CardId,
    /// JSON as a text, for `wx.addCard` to pass on as it is.
    card_ext: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CardView {
    pub(crate) card_id: CardId,
    pub(crate) code: CardCode,
}

impl CardFunction {
    pub(crate) async fn list(&self, caller: &Caller) -> Result<Response<Body>, ApiError> {
        let terms = self.catalogue.cards(&self.platform).await?;
        let holdings = if terms.iter().any(|terms| terms.use_custom_code) {
            self.cards.of_user(&caller.user_id).await?
        } else {
            Holdings::default()
        };
        let ticket = self.tokens.get(TokenName::CardTicket).await?;
        let mut card_list = Vec::with_capacity(terms.len());
        for terms in terms.iter() {
            let code = self.code_for(caller, terms, &holdings).await?;
            let card_ext = self.card_ext(caller, terms, code.as_ref(), &ticket.value)?;
            card_list.push(OfferView { card_id: terms.card_id.clone(), card_ext });
        }
        Ok(answer::success(&ListAnswer { card_list }))
    }

    pub(crate) async fn held(&self, caller: &Caller) -> Result<Response<Body>, ApiError> {
        let cards = self.cards.of_user(&caller.user_id).await?.cards.into_iter();
        let unused = cards.filter(|card| card.consumed_at.is_none());
        let card_list = unused.map(|card| CardView { card_id: card.card_id, code: card.code }).collect();
        Ok(answer::success(&ListAnswer { card_list }))
    }

    /// The code of ours, for a card that needs one: the same until the user has added it.
    async fn code_for(
        &self,
        caller: &Caller,
        terms: &Terms,
        holdings: &Holdings,
    ) -> Result<Option<CardCode>, ApiError> {
        if !terms.use_custom_code {
            return Ok(None);
        }
        if let Some(code) = holdings.offered(&terms.card_id) {
            return Ok(Some(code.clone()));
        }
        let fresh =
            CardCode::parse(&self.digits()?).map_err(|error| ApiError::new(Code::Internal).because(error))?;
        Ok(Some(self.cards.offer(&caller.user_id, &terms.card_id, &fresh).await?))
    }

    fn card_ext(
        &self,
        caller: &Caller,
        terms: &Terms,
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
