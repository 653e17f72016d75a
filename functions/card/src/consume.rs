//! One try to consume a code at WeChat, journalled. WeChat's consumption happens once and its answer can be lost, so the code's
//! state is looked at before, and after an answer that did not come: usable before and used up after means that it was us. Usable
//! after means nothing, because the consumption may still be on its way: the journal stays open then, and the next try spends the
//! code or finds it used up by the first clerk.

use serde_json::{Map, Value};
use shared::{
    error::{ApiError, Code},
    store::{Clerk, Consumed, Consumption},
    telemetry,
    types::{CardCode, CardId},
    wechat::{PlatformError, Repeat},
};

use crate::{CardFunction, verify::already};

/// What is to be consumed, and by whom.
pub(crate) struct Try<'a> {
    pub(crate) code: &'a CardCode,
    pub(crate) card_id: Option<&'a CardId>,
    pub(crate) clerk: &'a Clerk,
    pub(crate) ours: &'a Consumption,
}

/// A code as WeChat has it.
struct Found {
    card_id: Option<CardId>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Normal,
    Consumed,
    /// Given away, expired, deleted, made unavailable.
    Unusable,
}

impl CardFunction {
    /// Consumes it, or finds out that an earlier try did, whose clerk it is then.
    pub(crate) async fn consume(&self, this: &Try<'_>) -> Result<(Option<CardId>, Consumed), ApiError> {
        let found = match self.look(this).await {
            Ok(found) => found,
            Err(error) => return Err(self.release(this, refused(error)).await),
        };
        let done = match found.state {
            State::Normal => self.spend(this).await?,
            State::Consumed => self.earlier(this).await?,
            State::Unusable => {
                let error = ApiError::new(Code::Conflict).saying("该券已过期、已转赠或已失效");
                return Err(self.release(this, error).await);
            }
        };
        Ok((found.card_id, done))
    }

    async fn spend(&self, this: &Try<'_>) -> Result<Consumed, ApiError> {
        let body = Value::Object(this.body());
        let Err(error) = self.platform.post("/card/code/consume", &body, Repeat::UnlessLost).await else {
            return self.done(this).await;
        };
        if error.errcode() == Some(40099) {
            return self.earlier(this).await;
        }
        if !error.is_outcome_unknown() {
            return Err(self.release(this, refused(error)).await);
        }
        telemetry::survived("consume", &error);
        if matches!(self.look(this).await, Ok(Found { state: State::Consumed, .. })) {
            return self.done(this).await;
        }
        self.leave_open(this).await;
        Err(refused(error))
    }

    async fn done(&self, this: &Try<'_>) -> Result<Consumed, ApiError> {
        let done = Consumed { clerk: this.clerk.clone(), at: self.host.now() };
        self.cards.consumed(this.ours, &done).await?;
        Ok(done)
    }

    /// It was used up before this try: by an earlier one of ours, whose answer nobody had, or elsewhere.
    async fn earlier(&self, this: &Try<'_>) -> Result<Consumed, ApiError> {
        let Some(earlier) = &this.ours.earlier else {
            return Err(self.release(this, Code::AlreadyConsumed.into()).await);
        };
        self.cards.consumed(this.ours, earlier).await?;
        if earlier.clerk.user_id == this.clerk.user_id { Ok(earlier.clone()) } else { Err(already(earlier)) }
    }

    async fn look(&self, this: &Try<'_>) -> Result<Found, PlatformError> {
        let mut body = this.body();
        body.insert("check_consume".to_owned(), Value::Bool(false));
        Ok(found(&self.platform.post("/card/code/get", &Value::Object(body), Repeat::Always).await?))
    }

    /// Nothing happened in this try: the code is anybody's to try again. What an earlier try left open stays open.
    async fn release(&self, this: &Try<'_>, error: ApiError) -> ApiError {
        if let Err(error) = self.cards.release(this.ours).await {
            telemetry::survived("release", &error);
        }
        error
    }

    async fn leave_open(&self, this: &Try<'_>) {
        if let Err(error) = self.cards.leave_open(this.ours).await {
            telemetry::survived("leave-open", &error);
        }
    }
}

impl Try<'_> {
    fn body(&self) -> Map<String, Value> {
        let code = ("code".to_owned(), Value::from(self.code.as_str()));
        // An empty card_id is not an absent one.
        let card_id = self.card_id.map(|card_id| ("card_id".to_owned(), Value::from(card_id.as_str())));
        std::iter::once(code).chain(card_id).collect()
    }
}

/// What the caller is told of WeChat's refusal.
fn refused(error: PlatformError) -> ApiError {
    let code = match error.errcode() {
        Some(40056 | 40073) => Code::NotFound,
        Some(40078 | 40127 | 40147) => Code::Conflict,
        Some(40099) => Code::AlreadyConsumed,
        Some(40146) => Code::Forbidden,
        _ => return error.into(),
    };
    ApiError::new(code).because(error)
}

/// The state stands beside the card or, in older answers, in it; texts stand for truth values there.
fn found(answer: &Map<String, Value>) -> Found {
    let card = answer.get("card").and_then(Value::as_object);
    let field = |name: &str| answer.get(name).or_else(|| card?.get(name));
    let can_consume = || match field("can_consume") {
        Some(Value::Bool(can)) => *can,
        Some(Value::String(text)) => text == "true",
        _ => false,
    };
    let state = match field("user_card_status").and_then(Value::as_str) {
        Some("NORMAL") => State::Normal,
        Some("CONSUMED") => State::Consumed,
        None if can_consume() => State::Normal,
        _ => State::Unusable,
    };
    let card_id = card.and_then(|card| CardId::parse(card.get("card_id")?.as_str()?).ok());
    Found { card_id, state }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_state_is_found_beside_the_card_and_in_it() {
        for (answer, state) in [
            (json!({ "user_card_status": "NORMAL", "can_consume": true }), State::Normal),
            (json!({ "card": { "user_card_status": "CONSUMED", "can_consume": "false" } }), State::Consumed),
            (json!({ "card": { "can_consume": "true" } }), State::Normal),
            (json!({ "user_card_status": "GIFTING", "can_consume": true }), State::Unusable),
            (json!({}), State::Unusable),
        ] {
            assert_eq!(found(answer.as_object().unwrap()).state, state, "{answer}");
        }
    }
}
