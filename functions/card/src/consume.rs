//! Consuming a code at WeChat, by the claim that the journal has given.
//!
//! WeChat's consumption happens once and its answer can be lost. So the code's state is fetched before, and again when the answer did
//! not come: usable before and consumed after means that this request consumed it. Usable after proves nothing, because the
//! consumption may still reach WeChat: the journal stays open then, and the next request consumes the code, or finds that it was
//! consumed for the first clerk.

use serde_json::{Map, Value};
use shared::{
    host::RetryPolicy,
    service::PlatformError,
    store::{Clerk, ConsumptionClaim, ConsumptionRecord, StoreError},
    telemetry,
    types::{CardCode, CardId},
};

use crate::CardFunction;

/// A consumption that a clerk requests.
pub(crate) struct ConsumeRequest<'a> {
    pub(crate) code: &'a CardCode,
    pub(crate) card_id: Option<&'a CardId>,
    pub(crate) clerk: &'a Clerk,
    pub(crate) claim: &'a ConsumptionClaim,
}

/// The request did not consume the code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConsumeError {
    /// An earlier request of this shop consumed the code, as the record says.
    #[error("the code was consumed by an earlier request")]
    AlreadyConsumed(ConsumptionRecord),
    /// The code was consumed, and not by a request of this shop.
    #[error("the code was consumed elsewhere")]
    ConsumedElsewhere,
    /// The code was given away, has expired, or was deleted or made unavailable.
    #[error("the code is not usable")]
    Unusable,
    /// WeChat refused, or its answer was lost. After a lost answer the code may have been consumed; the next request finds out.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The code is consumed, but the journal could not record that; the next request does.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A code as WeChat has it.
struct CodeState {
    card_id: Option<CardId>,
    status: CodeStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CodeStatus {
    Normal,
    Consumed,
    /// Given away, expired, deleted, or made unavailable.
    Unusable,
}

impl CardFunction {
    /// Consumes the code, or finds that an earlier request of the same clerk did. Answers the card, if WeChat names it.
    ///
    /// # Errors
    /// [`ConsumeError`]: each variant says whether the code may have been consumed.
    pub(crate) async fn consume_code(
        &self,
        request: &ConsumeRequest<'_>,
    ) -> Result<(Option<CardId>, ConsumptionRecord), ConsumeError> {
        let state = match self.fetch_code_state(request).await {
            Ok(state) => state,
            Err(error) => return Err(self.release_claim(request, error.into()).await),
        };
        let record = match state.status {
            CodeStatus::Normal => self.spend_code(request).await?,
            CodeStatus::Consumed => self.resolve_earlier_attempt(request).await?,
            CodeStatus::Unusable => return Err(self.release_claim(request, ConsumeError::Unusable).await),
        };
        Ok((state.card_id, record))
    }

    async fn spend_code(&self, request: &ConsumeRequest<'_>) -> Result<ConsumptionRecord, ConsumeError> {
        let body = Value::Object(request.body());
        let Err(error) =
            self.platform.post("/card/code/consume", &body, RetryPolicy::UnlessOutcomeUnknown).await
        else {
            return self.record_consumption(request).await;
        };
        if error.errcode() == Some(40099) {
            return self.resolve_earlier_attempt(request).await;
        }
        if !error.is_outcome_unknown() {
            return Err(self.release_claim(request, error.into()).await);
        }
        telemetry::handled_error("consume-card-code", &error);
        let state = self.fetch_code_state(request).await;
        if matches!(state, Ok(CodeState { status: CodeStatus::Consumed, .. })) {
            return self.record_consumption(request).await;
        }
        self.leave_unresolved(request).await;
        Err(error.into())
    }

    async fn record_consumption(
        &self,
        request: &ConsumeRequest<'_>,
    ) -> Result<ConsumptionRecord, ConsumeError> {
        let record = ConsumptionRecord { clerk: request.clerk.clone(), at: self.host.now() };
        self.cards.record_consumption(request.claim, &record).await?;
        Ok(record)
    }

    /// The code was consumed before this request: by an earlier request whose answer was lost, or elsewhere.
    async fn resolve_earlier_attempt(
        &self,
        request: &ConsumeRequest<'_>,
    ) -> Result<ConsumptionRecord, ConsumeError> {
        let Some(earlier) = &request.claim.unresolved_attempt else {
            return Err(self.release_claim(request, ConsumeError::ConsumedElsewhere).await);
        };
        self.cards.record_consumption(request.claim, earlier).await?;
        if earlier.clerk.user_id == request.clerk.user_id {
            Ok(earlier.clone())
        } else {
            Err(ConsumeError::AlreadyConsumed(earlier.clone()))
        }
    }

    async fn fetch_code_state(&self, request: &ConsumeRequest<'_>) -> Result<CodeState, PlatformError> {
        let mut body = request.body();
        body.insert("check_consume".to_owned(), Value::Bool(false));
        let answer =
            self.platform.post("/card/code/get", &Value::Object(body), RetryPolicy::AnyFailure).await?;
        Ok(CodeState::read(&answer))
    }

    /// This request consumed nothing, so any request may claim the code again. What an earlier request left open stays open.
    /// Gives back the error.
    async fn release_claim(&self, request: &ConsumeRequest<'_>, error: ConsumeError) -> ConsumeError {
        if let Err(error) = self.cards.release_consumption(request.claim).await {
            telemetry::handled_error("release-card-claim", &error);
        }
        error
    }

    async fn leave_unresolved(&self, request: &ConsumeRequest<'_>) {
        if let Err(error) = self.cards.leave_unresolved(request.claim).await {
            telemetry::handled_error("mark-consumption-open", &error);
        }
    }
}

impl ConsumeRequest<'_> {
    fn body(&self) -> Map<String, Value> {
        let code = ("code".to_owned(), Value::from(self.code.as_str()));
        // Without a card the field is absent, because WeChat treats `""` as a card id.
        let card_id = self.card_id.map(|card_id| ("card_id".to_owned(), Value::from(card_id.as_str())));
        std::iter::once(code).chain(card_id).collect()
    }
}

impl CodeState {
    /// Reads the answer of `card/code/get`. The status stands beside the card or, in older answers, in it. Truth values can be texts.
    fn read(answer: &Map<String, Value>) -> Self {
        let card = answer.get("card").and_then(Value::as_object);
        let field = |name: &str| answer.get(name).or_else(|| card?.get(name));
        let can_consume = || match field("can_consume") {
            Some(Value::Bool(can)) => *can,
            Some(Value::String(text)) => text == "true",
            _ => false,
        };
        let status = match field("user_card_status").and_then(Value::as_str) {
            Some("NORMAL") => CodeStatus::Normal,
            Some("CONSUMED") => CodeStatus::Consumed,
            None if can_consume() => CodeStatus::Normal,
            _ => CodeStatus::Unusable,
        };
        let card_id = card.and_then(|card| CardId::parse(card.get("card_id")?.as_str()?).ok());
        Self { card_id, status }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_status_is_found_beside_the_card_and_in_it() {
        for (answer, status) in [
            (json!({ "user_card_status": "NORMAL", "can_consume": true }), CodeStatus::Normal),
            (
                json!({ "card": { "user_card_status": "CONSUMED", "can_consume": "false" } }),
                CodeStatus::Consumed,
            ),
            (json!({ "card": { "can_consume": "true" } }), CodeStatus::Normal),
            (json!({ "user_card_status": "GIFTING", "can_consume": true }), CodeStatus::Unusable),
            (json!({}), CodeStatus::Unusable),
        ] {
            assert_eq!(CodeState::read(answer.as_object().unwrap()).status, status, "{answer}");
        }
    }
}
