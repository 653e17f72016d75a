//! `CARDS_TABLE`: the cards and offers of each user, and the owner, consumption and membership of each code.
//!
//! Key `holder`, `id`. Under a user's id: `card#<code>`, a card that the user added; `offer#<card_id>`, an offered code with which
//! the user may add a card. Under `code#<code>`: `code`, the row of the code, with its owner, the journal of its consumption, and
//! its membership.
//!
//! So that all rows of a user are found by one query, there are rows without content under the user's id as well: `member#<code>`, a code that
//! the user has begun to activate; `clerk#<code>`, a code that the user has consumed as a clerk.
//!
//! The owner of a code (`user_id`) is the user who first reported it as WeChat had sealed it; a card that is given away gets
//! another code. A member card that was activated before any user reported its sealed code is listed with the user who asked for it
//! (`listed_by`), until the owner reports it.

mod consume;
mod member;
mod user_cards;

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, CancellationReason, Put, TransactWriteItem},
};

use super::{
    CallerError, StoreError,
    item::{self, Item, UpdateOutcome},
    sessions,
};
use crate::{
    host::{
        Host, HostError,
        dynamodb::{Client, UpdateItemFluentBuilder},
    },
    types::{Caller, CardCode, UserId},
};

pub use consume::{BeginConsumptionOutcome, Clerk, ConsumptionClaim, ConsumptionRecord};
pub use member::{CodeOwnership, Membership};
pub use user_cards::{CardReport, Offer, UserCard, UserCards};

/// The table.
pub struct Cards {
    client: Client,
    table: String,
    sessions: String,
    host: Host,
}

impl Cards {
    /// Reads `CARDS_TABLE` and `SESSIONS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("CARDS_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// Writes the parts, if the caller's session honours the token.
    async fn transact_for(
        &self,
        caller: &Caller,
        operation: &'static str,
        parts: Vec<TransactWriteItem>,
    ) -> Result<Option<Vec<CancellationReason>>, CallerError> {
        let checked = (self.sessions.as_str(), caller);
        sessions::transact_for_caller((&self.client, &self.host), operation, checked, parts).await
    }

    /// The part that puts a row without content under the user's id, which leads to the code.
    fn pointer_part(
        &self,
        operation: &'static str,
        user_id: &UserId,
        id: String,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(key(user_id.as_str(), id))).build();
        let put = put.map_err(|error| StoreError::new(operation, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn update(&self, key: HashMap<String, AttributeValue>) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .return_values_on_condition_check_failure(
                aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld,
            )
    }
}

/// Sends the update once. If a transaction is writing the item, the update fails at once.
async fn update_once(
    operation: &'static str,
    update: UpdateItemFluentBuilder,
) -> Result<UpdateOutcome, StoreError> {
    match update.send().await {
        Ok(answer) => Ok(UpdateOutcome::Done(answer.attributes.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(UpdateOutcome::ConditionFailed(failed.item().cloned()))
            }
            _ => Err(StoreError::from_sdk(operation, error)),
        },
    }
}

pub(super) fn key(holder: &str, id: String) -> Item {
    Item::from([("holder".to_owned(), item::s(holder)), ("id".to_owned(), item::s(id))])
}

/// The key of the code's row.
pub(super) fn code_key(code: &CardCode) -> Item {
    key(&format!("code#{}", code.as_str()), "code".to_owned())
}

const ROUNDS: usize = 5;
