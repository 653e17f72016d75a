//! The journal of consumptions. A request claims a consumption here before it calls WeChat, because WeChat's answer can be lost and
//! a second call is refused.
//!
//! A row without `state` was not consumed here. PENDING means that one request has the claim until `free_at`; after that the
//! request is dead, and another one must find out whether the code is consumed. CONSUMED is final. Once the answer of a consumption
//! was lost, only CONSUMED can follow on PENDING: whatever WeChat answers about the code then, the lost call can still take effect.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::{Cards, ROUNDS, code_key, update_once, user_cards::card_key};
use crate::{
    crypto::hex,
    store::{
        StoreError,
        item::{self, Item, TransactionCancelled, UpdateOutcome},
    },
    types::{CardCode, CardId, UnixSeconds, UserId},
};

/// The clerk who consumes a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clerk {
    /// The clerk's user id.
    pub user_id: UserId,
    /// The name that the clerk chose as a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The record of a consumption, or of an attempt whose outcome is unknown.
#[derive(Debug, Clone)]
pub struct ConsumptionRecord {
    /// The clerk.
    pub clerk: Clerk,
    /// The time.
    pub at: UnixSeconds,
}

/// The claim of a consumption: only its holder may consume the code, as long as the request lives.
#[derive(Debug)]
pub struct ConsumptionClaim {
    code: CardCode,
    attempt: String,
    holder: Option<UserId>,
    /// The kind of card, if it is known for certain.
    pub card_id: Option<CardId>,
    /// An earlier attempt whose answer was lost, so that the code may be consumed already.
    pub unresolved_attempt: Option<ConsumptionRecord>,
}

/// What came of claiming the consumption of a code.
#[derive(Debug)]
pub enum BeginConsumptionOutcome {
    /// This request may consume the code.
    Claimed(ConsumptionClaim),
    /// Another request is consuming the code.
    Pending,
    /// The code was consumed before.
    Consumed(ConsumptionRecord),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Pending,
    Consumed,
}

#[derive(Deserialize)]
struct Row {
    state: Option<State>,
    clerk: Option<Clerk>,
    begun_at: Option<UnixSeconds>,
    consumed_at: Option<UnixSeconds>,
    attempt: Option<String>,
    user_id: Option<UserId>,
    listed_by: Option<UserId>,
    card_id: Option<CardId>,
}

impl Row {
    /// The user with whom the card is listed.
    fn holder(&self) -> Option<UserId> {
        self.user_id.clone().or_else(|| self.listed_by.clone())
    }

    fn done(&self) -> Option<ConsumptionRecord> {
        Some(ConsumptionRecord { clerk: self.clerk.clone()?, at: self.consumed_at.or(self.begun_at)? })
    }
}

impl Cards {
    /// Claims the consumption of the code for `clerk`.
    ///
    /// Condition: the code was not consumed, and no living request has the claim.
    ///
    /// # Errors
    /// [`StoreError`]: there is no randomness, or DynamoDB failed; `is_transient()` says whether to retry. After a timeout the
    /// write may have been applied; the claim then ends by itself.
    pub async fn begin_consumption(
        &self,
        code: &CardCode,
        clerk: &Clerk,
    ) -> Result<BeginConsumptionOutcome, StoreError> {
        let random = self.host.random::<8>().map_err(|error| StoreError::new(BEGINNING, error))?;
        let attempt = hex(&random);
        let now = self.host.now();
        let update = self
            .update(code_key(code))
            // The clerk and time of an earlier attempt stay, because that attempt may have consumed the code.
            .update_expression(
                "SET #state = :pending, attempt = :attempt, clerk = if_not_exists(clerk, :clerk), \
                 begun_at = if_not_exists(begun_at, :now), free_at = :free",
            )
            .condition_expression("attribute_not_exists(#state) OR (#state = :pending AND free_at <= :now)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pending", item::s("PENDING"))
            .expression_attribute_values(":attempt", item::s(&attempt))
            // The name comes with the consumption, together with the row that leads from the clerk to the code.
            .expression_attribute_values(":clerk", item::map(&Clerk { name: None, ..clerk.clone() })?)
            .expression_attribute_values(":now", item::n(now.get()))
            .expression_attribute_values(":free", item::n(now.plus(CLAIM_LIFETIME).get()))
            .return_values(ReturnValue::AllOld);
        let (is_claimed, row) = match update_once(BEGINNING, update).await? {
            UpdateOutcome::Done(old) => (true, item::read::<Row>(old)?),
            UpdateOutcome::ConditionFailed(known) => (false, item::read::<Row>(known.unwrap_or_default())?),
        };
        Ok(match (is_claimed, row.state) {
            (true, state) => {
                let unresolved_attempt = state.and_then(|_| row.done());
                let (holder, card_id) = (row.holder(), row.card_id);
                BeginConsumptionOutcome::Claimed(ConsumptionClaim {
                    code: code.clone(),
                    attempt,
                    holder,
                    card_id,
                    unresolved_attempt,
                })
            }
            (false, Some(State::Consumed)) => {
                row.done().map_or(BeginConsumptionOutcome::Pending, BeginConsumptionOutcome::Consumed)
            }
            (false, _) => BeginConsumptionOutcome::Pending,
        })
    }

    /// Records that the code is consumed, in its row and in the list of the user who has the card.
    ///
    /// Condition: this request has the claim, and the card is listed with the user with whom it was read.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Otherwise the next request must find out whether the code is consumed.
    pub async fn record_consumption(
        &self,
        claim: &ConsumptionClaim,
        done: &ConsumptionRecord,
    ) -> Result<(), StoreError> {
        let mut holder = claim.holder.clone();
        for _ in 0..ROUNDS {
            let pointer = format!("clerk#{}", claim.code.as_str());
            let mut parts = vec![
                self.mark_code(claim, holder.as_ref(), done)?,
                self.pointer_part(RECORDING, &done.clerk.user_id, pointer)?,
            ];
            if let Some(holder) = &holder {
                parts.push(self.mark_card(holder, &claim.code, done.at)?);
            }
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else { return Ok(()) };
            let reasons = match item::cancellation(RECORDING, error)? {
                TransactionCancelled::Conflict => {
                    item::sleep_jittered(&self.host).await;
                    continue;
                }
                TransactionCancelled::ConditionsFailed(reasons) => reasons,
            };
            let row = item::failed_condition(&reasons, 0).flatten().map(item::read::<Row>).transpose()?;
            match row {
                // Another user has reported the code meanwhile, so the card is in that user's list.
                Some(row) if row.attempt.as_ref() == Some(&claim.attempt) => holder = row.holder(),
                _ => return Err(StoreError::new(RECORDING, "the consumption is claimed by another request")),
            }
        }
        Err(StoreError::contended(RECORDING))
    }

    /// Ends the claim of a consumption that certainly had no effect, so that another request can consume the code. If the outcome
    /// of an earlier attempt is unknown, the attempt stays in the row as in [`Cards::leave_unresolved`].
    ///
    /// Condition: this request has the claim.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Otherwise the claim ends by itself at `free_at`.
    pub async fn release_consumption(&self, claim: &ConsumptionClaim) -> Result<(), StoreError> {
        if claim.unresolved_attempt.is_some() {
            return self.leave_unresolved(claim).await;
        }
        let update = self
            .if_still_claimed(claim)
            .update_expression("REMOVE #state, attempt, clerk, begun_at, free_at")
            .expression_attribute_names("#state", "state");
        update_once("releasing a card", update).await.map(drop)
    }

    /// Ends the claim of a consumption whose answer was lost, so that the next request can find out at once whether the code is
    /// consumed.
    ///
    /// Condition: this request has the claim.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Otherwise the claim ends by itself at `free_at`.
    pub async fn leave_unresolved(&self, claim: &ConsumptionClaim) -> Result<(), StoreError> {
        let update = self
            .if_still_claimed(claim)
            .update_expression("SET free_at = :now")
            .expression_attribute_values(":now", item::n(self.host.now().get()));
        update_once("leaving a card open", update).await.map(drop)
    }

    fn if_still_claimed(&self, claim: &ConsumptionClaim) -> crate::host::dynamodb::UpdateItemFluentBuilder {
        self.update(code_key(&claim.code))
            .condition_expression("attempt = :attempt")
            .expression_attribute_values(":attempt", item::s(&claim.attempt))
    }

    fn mark_code(
        &self,
        claim: &ConsumptionClaim,
        holder: Option<&UserId>,
        done: &ConsumptionRecord,
    ) -> Result<TransactWriteItem, StoreError> {
        let held = match holder {
            Some(_) => "(user_id = :holder OR attribute_not_exists(user_id) AND listed_by = :holder)",
            None => "attribute_not_exists(user_id) AND attribute_not_exists(listed_by)",
        };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(code_key(&claim.code)))
            .update_expression("SET #state = :consumed, clerk = :clerk, consumed_at = :at REMOVE free_at")
            .condition_expression(format!("attempt = :attempt AND {held}"))
            .return_values_on_condition_check_failure(AllOld)
            .expression_attribute_names("#state", "state")
            .set_expression_attribute_values(
                holder.map(|holder| [(":holder".to_owned(), item::s(holder))].into()),
            )
            .expression_attribute_values(":consumed", item::s("CONSUMED"))
            .expression_attribute_values(":clerk", item::map(&done.clerk)?)
            .expression_attribute_values(":at", item::n(done.at.get()))
            .expression_attribute_values(":attempt", item::s(&claim.attempt))
            .build()
            .map_err(|error| StoreError::new(RECORDING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn mark_card(
        &self,
        holder: &UserId,
        code: &CardCode,
        at: UnixSeconds,
    ) -> Result<TransactWriteItem, StoreError> {
        let key: Item = card_key(holder, code);
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression("SET consumed_at = :at")
            .condition_expression("attribute_exists(id)")
            .expression_attribute_values(":at", item::n(at.get()))
            .build()
            .map_err(|error| StoreError::new(RECORDING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

const BEGINNING: &str = "beginning to consume a card";
const RECORDING: &str = "recording a consumption";
/// How long a claim lasts. That is longer than a request can live, because the function's timeout is 29 seconds.
const CLAIM_LIFETIME: Duration = Duration::from_secs(35);
