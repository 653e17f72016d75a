//! The membership numbers of member cards. A code gets one number, however often it is activated.
//!
//! An activation does not prove who owns a code, because WeChat's ticket only says that a user filled in the form. The owner is the
//! user who has reported the sealed code. Until a user has, the number belongs to the user who activated the code first, or to the
//! user who asked for the card, if WeChat names that user.

use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem, Update};
use serde::Deserialize;

use super::{Cards, ROUNDS, UserCard, code_key, update_once};
use crate::{
    store::{
        CallerError, StoreError,
        item::{self, TransactionCancelled, UpdateOutcome},
    },
    types::{Caller, CardCode, UnixSeconds, UserId},
};

/// The membership of a code.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Membership {
    user_id: Option<UserId>,
    joined_by: Option<UserId>,
    membership_number: Option<String>,
    activated_at: Option<UnixSeconds>,
}

impl Membership {
    /// Whether the user owns the code, as far as that is known.
    #[must_use]
    pub fn ownership_of(&self, user_id: &UserId) -> CodeOwnership {
        match (&self.user_id, &self.joined_by) {
            (Some(owner), _) if owner == user_id => CodeOwnership::Owner,
            (Some(_), _) => CodeOwnership::Foreign,
            (None, Some(member)) if member == user_id => CodeOwnership::Member,
            (None, Some(_)) => CodeOwnership::Disputed,
            (None, None) => CodeOwnership::Unknown,
        }
    }

    /// The membership number, if WeChat has activated the card with it.
    #[must_use]
    pub fn activated_number(&self) -> Option<&str> {
        self.activated_at.and(self.membership_number.as_deref())
    }
}

/// Whether a user owns a code, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeOwnership {
    /// The user has reported the sealed code.
    Owner,
    /// Another user has reported the sealed code.
    Foreign,
    /// No user has reported the sealed code, and this user activated it.
    Member,
    /// No user has reported the sealed code, and another user activated it.
    Disputed,
    /// No user has reported the sealed code or activated it.
    Unknown,
}

impl Cards {
    /// The code's membership.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn membership(&self, code: &CardCode) -> Result<Membership, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(code_key(code)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("reading a membership", error))?;
        Ok(answer.item.map(item::read).transpose()?.unwrap_or_default())
    }

    /// Claims the number with which the code must be activated: `fresh`, or the number of an earlier attempt. `None` if the code is
    /// another user's. `is_asker` says that, according to WeChat, this user asked for the card; an activation by another user is
    /// replaced then.
    ///
    /// Condition: no other user has reported the sealed code, and no other user has activated it, unless `is_asker`. The caller's session
    /// honours the token.
    ///
    /// # Errors
    /// [`CallerError`]; `is_transient()` of its [`StoreError`] says whether to retry. After a timeout the write may have been applied.
    pub async fn claim_number(
        &self,
        code: &CardCode,
        caller: &Caller,
        is_asker: bool,
        fresh: &str,
    ) -> Result<Option<String>, CallerError> {
        let user_id = &caller.user_id;
        // First what leads from the user to the code, so that no code names a user from whom it can't be found.
        let pointer = self.pointer_part(NUMBERING, user_id, format!("member#{}", code.as_str()))?;
        self.transact_for(caller, NUMBERING, vec![pointer]).await?;
        let condition = if is_asker {
            "attribute_not_exists(user_id) OR user_id = :user"
        } else {
            "user_id = :user OR attribute_not_exists(user_id) AND \
             (attribute_not_exists(joined_by) OR joined_by = :user)"
        };
        let update = self
            .update(code_key(code))
            .update_expression(
                "SET joined_by = :user, membership_number = if_not_exists(membership_number, :fresh)",
            )
            .condition_expression(condition)
            .expression_attribute_values(":user", item::s(user_id))
            .expression_attribute_values(":fresh", item::s(fresh))
            .return_values(ReturnValue::AllNew);
        match update_once(NUMBERING, update).await? {
            UpdateOutcome::Done(row) => Ok(item::read::<Membership>(row)?.membership_number),
            UpdateOutcome::ConditionFailed(_) => Ok(None),
        }
    }

    /// Records that WeChat has activated the card with the number. If `is_asker`, the card is listed with the user. `false` if another
    /// user has become the owner meanwhile.
    ///
    /// Condition: no other user has reported the sealed code, and the last activation is this user's.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. The number stays claimed, and a retry activates the card with the
    /// same one.
    pub async fn record_activation(
        &self,
        user_id: &UserId,
        card: &UserCard,
        is_asker: bool,
    ) -> Result<bool, StoreError> {
        let list = if is_asker { ", listed_by = :user" } else { "" };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(code_key(&card.code)))
            .update_expression(format!("SET activated_at = :now, card_id = :card{list}"))
            .condition_expression("(attribute_not_exists(user_id) OR user_id = :user) AND joined_by = :user")
            .expression_attribute_values(":user", item::s(user_id))
            .expression_attribute_values(":card", item::s(card.card_id.as_str()))
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .build()
            .map_err(|error| StoreError::new(RECORDING, error))?;
        let mut parts = vec![TransactWriteItem::builder().update(update).build()];
        if is_asker {
            parts.push(self.card_part(user_id, card)?);
        }
        for _ in 0..ROUNDS {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else { return Ok(true) };
            match item::cancellation(RECORDING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(_) => return Ok(false),
            }
        }
        Err(StoreError::contended(RECORDING))
    }

    /// Deletes the user's attempt to activate the code, because WeChat has refused it. The code may be another user's, who can
    /// activate it then.
    ///
    /// Condition: the last attempt is this user's and was not recorded as successful.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn forget_activation(&self, code: &CardCode, user_id: &UserId) -> Result<(), StoreError> {
        let update = self
            .update(code_key(code))
            .update_expression("REMOVE joined_by, membership_number")
            .condition_expression("joined_by = :user AND attribute_not_exists(activated_at)")
            .expression_attribute_values(":user", item::s(user_id));
        update_once("deleting an activation", update).await.map(drop)
    }
}

const NUMBERING: &str = "numbering a member";
const RECORDING: &str = "recording an activation";
