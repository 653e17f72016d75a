//! `POST /api/cards/verify`: a clerk consumes a card, once.

use serde::{Deserialize, Serialize};
use shared::{
    error::{ApiError, Code},
    http::{answer, extract},
    runtime::{Body, Request, Response},
    session::Caller,
    store::{Begun, Clerk, Consumed},
    types::{CardCode, CardId},
};

use crate::{CardFunction, card_id, code, consume::Try};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VerifyBody {
    code: Option<String>,
    card_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerifyAnswer {
    message: &'static str,
    card_info: CardInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CardInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    card_id: Option<CardId>,
    code: CardCode,
    consumed_at: String,
}

impl CardFunction {
    pub(crate) async fn verify(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let member = self.staff.member(caller).await?;
        let (code, given) = parse(extract::json(request)?)?;
        let clerk = Clerk { user_id: member.user_id, name: member.nick_name };
        let ours = match self.cards.begin(&code, &clerk).await? {
            Begun::Ours(ours) => ours,
            Begun::Pending => return Err(ApiError::new(Code::Conflict).saying("该券正在核销，请稍后查看")),
            Begun::Consumed(done) => return Err(already(&done)),
        };
        // WeChat wants to know the card only of codes that are the merchant's.
        let card_id = given.or_else(|| ours.card_id.clone());
        let (card_id, done) =
            self.consume(&Try { code: &code, card_id: card_id.as_ref(), clerk: &clerk, ours: &ours }).await?;
        let card_info = CardInfo { card_id, code, consumed_at: done.at.to_rfc3339() };
        Ok(answer::success(&VerifyAnswer { message: "核销成功", card_info }))
    }
}

/// `ALREADY_CONSUMED`, with when and by whom.
pub(crate) fn already(done: &Consumed) -> ApiError {
    let clerk = match &done.clerk.name {
        Some(name) => name.clone(),
        None => {
            let id = done.clerk.user_id.as_str();
            format!("店员{}", id.get(id.len().saturating_sub(6)..).unwrap_or_default())
        }
    };
    ApiError::new(Code::AlreadyConsumed).saying(format!("该券已于 {} 由 {clerk} 核销", done.at.to_beijing()))
}

fn parse(body: VerifyBody) -> Result<(CardCode, Option<CardId>), ApiError> {
    let code = code("code", body.code)?;
    // An empty one is no card, and WeChat takes it for one.
    let given = body.card_id.map(|text| card_id("cardId", Some(text))).transpose()?;
    Ok((code, given))
}
