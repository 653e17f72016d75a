//! `CARDS_TABLE`: the cards and offers of each user, and the owner, consumption and membership of each code.
//!
//! Key `holder`, `id`. Under a user's id: `card#<code>`, a card that the user added; `offer#<card_id>`, an offered code with which
//! the user may add a card. Under `code#<code>`: `code`, the row of the code, with its owner, the journal of its consumption, and
//! its membership.
//!
//! The owner of a code (`user_id`) is the user who first reported it as WeChat had sealed it; a card that is given away gets
//! another code. A member card that was activated before any user reported its sealed code is listed with the user who asked for it
//! (`listed_by`), until the owner reports it.

mod consume;
mod member;
mod user_cards;

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::AttributeValue,
};

use super::{
    StoreError,
    item::{self, Item, UpdateOutcome},
};
use crate::{
    host::{Host, HostError},
    types::CardCode,
};

pub use consume::{BeginConsumptionOutcome, Clerk, ConsumptionClaim, ConsumptionRecord};
pub use member::{CodeOwnership, Membership};
pub use user_cards::{CardReport, Offer, UserCard, UserCards};

/// The table.
pub struct Cards {
    client: Client,
    table: String,
    host: Host,
}

impl Cards {
    /// Reads `CARDS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { client: host.dynamodb()?, table: host.var("CARDS_TABLE")?.to_owned(), host: host.clone() })
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

fn key(holder: &str, id: String) -> Item {
    Item::from([("holder".to_owned(), item::s(holder)), ("id".to_owned(), item::s(id))])
}

/// The key of the code's row.
fn code_key(code: &CardCode) -> Item {
    key(&format!("code#{}", code.as_str()), "code".to_owned())
}

const ROUNDS: usize = 5;
