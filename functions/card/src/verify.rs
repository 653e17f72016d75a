//! `POST /api/cards/verify`: a clerk consumes a card, once.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    service::PlatformError,
    store::{BeginConsumptionOutcome, Clerk, ConsumptionRecord},
    types::{Caller, CardCode, CardId},
};

use crate::{
    CardFunction, card_id, code,
    consume::{ConsumeError, ConsumeRequest},
};

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
    pub(crate) async fn verify_card(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let member = self.staff.authorize(caller).await?;
        let (code, named_card) = parse(request::json(request)?)?;
        let clerk = Clerk { user_id: member.user_id, name: member.nick_name };
        let claim = match self.cards.begin_consumption(&code, &clerk).await? {
            BeginConsumptionOutcome::Claimed(claim) => claim,
            BeginConsumptionOutcome::Pending => {
                return Err(ApiError::new(Code::Conflict).with_message("该券正在核销，请稍后查看"));
            }
            BeginConsumptionOutcome::Consumed(record) => return Err(already_consumed(&record)),
        };
        // WeChat needs `card_id` only for cards with merchant-defined codes.
        let card_id = named_card.or_else(|| claim.card_id.clone());
        let consume = ConsumeRequest { code: &code, card_id: card_id.as_ref(), clerk: &clerk, claim: &claim };
        let (card_id, record) = self.consume_code(&consume).await.map_err(map_consume_error)?;
        let card_info = CardInfo { card_id, code, consumed_at: record.at.to_rfc3339() };
        Ok(response::success(&VerifyAnswer { message: "核销成功", card_info }))
    }
}

fn map_consume_error(error: ConsumeError) -> ApiError {
    match error {
        ConsumeError::AlreadyConsumed(record) => already_consumed(&record),
        ConsumeError::ConsumedElsewhere => Code::AlreadyConsumed.into(),
        ConsumeError::Unusable => ApiError::new(Code::Conflict).with_message("该券已过期、已转赠或已失效"),
        ConsumeError::Platform(error) => map_platform_error(error),
        ConsumeError::Store(error) => error.into(),
    }
}

fn map_platform_error(error: PlatformError) -> ApiError {
    let code = match error.errcode() {
        Some(40056 | 40073) => Code::NotFound,
        Some(40078 | 40127 | 40147) => Code::Conflict,
        Some(40099) => Code::AlreadyConsumed,
        Some(40146) => Code::Forbidden,
        _ => return error.into(),
    };
    ApiError::new(code).with_cause(error)
}

/// `ALREADY_CONSUMED`, with the time and the clerk.
fn already_consumed(record: &ConsumptionRecord) -> ApiError {
    let clerk = match &record.clerk.name {
        Some(name) => name.clone(),
        None => {
            let id = record.clerk.user_id.as_str();
            format!("店员{}", id.get(id.len().saturating_sub(6)..).unwrap_or_default())
        }
    };
    ApiError::new(Code::AlreadyConsumed)
        .with_message(format!("该券已于 {} 由 {clerk} 核销", record.at.to_beijing()))
}

fn parse(body: VerifyBody) -> Result<(CardCode, Option<CardId>), ApiError> {
    let code = code("code", body.code)?;
    // An empty `cardId` is rejected, not dropped: WeChat treats `""` as a card id.
    let card_id = body.card_id.map(|text| card_id("cardId", Some(text))).transpose()?;
    Ok((code, card_id))
}
