//! The membership numbers of member cards: each code gets one number, however often it is activated.
//!
//! An activation makes nobody the owner of a code: WeChat's ticket says that somebody filled in the form, and not whose the code
//! is. The owner is who has reported the sealed code. Until somebody has, the number is the one's who activated it first, or the
//! one's of whom WeChat says that they asked for the card.

use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem, Update};
use serde::Deserialize;

use super::{Cards, ROUNDS, UserCard, code_key, update_once};
use crate::{
    store::{
        StoreError,
        item::{self, TransactionCancelled, UpdateOutcome},
    },
    types::{CardCode, UnixSeconds, UserId},
};

/// What is known of a code's membership.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Membership {
    user_id: Option<UserId>,
    joined_by: Option<UserId>,
    membership_number: Option<String>,
    activated_at: Option<UnixSeconds>,
}

impl Membership {
    /// What the user is to the code.
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

    /// The number, once WeChat has taken it.
    #[must_use]
    pub fn activated_number(&self) -> Option<&str> {
        self.activated_at.and(self.membership_number.as_deref())
    }
}

/// What a user is to a code.
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

    /// The number that the code is to be activated with: `fresh`, or the one of an earlier try. `None` if the code is another
    /// user's. `is_asker` is whether WeChat says that the user asked for the card: then an activation by another user is put aside.
    ///
    /// Condition: nobody else has reported the sealed code, and nobody else has activated it, unless `is_asker`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn claim_number(
        &self,
        code: &CardCode,
        user_id: &UserId,
        is_asker: bool,
        fresh: &str,
    ) -> Result<Option<String>, StoreError> {
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
        match update_once("numbering a member", update).await? {
            UpdateOutcome::Done(row) => Ok(item::read::<Membership>(row)?.membership_number),
            UpdateOutcome::ConditionFailed(_) => Ok(None),
        }
    }

    /// Notes that WeChat has taken the number, and lists the card with the user if WeChat says that they asked for it. `false` if
    /// the code became another user's meanwhile.
    ///
    /// Condition: nobody else has reported the sealed code, and the last activation is the user's.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. The number stays, and a repetition activates the same.
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
            .map_err(|error| StoreError::new(ACTIVATED, error))?;
        let mut parts = vec![TransactWriteItem::builder().update(update).build()];
        if is_asker {
            parts.push(self.card_part(user_id, card)?);
        }
        for _ in 0..ROUNDS {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else { return Ok(true) };
            match item::cancellation(ACTIVATED, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(_) => return Ok(false),
            }
        }
        Err(StoreError::contended(ACTIVATED))
    }

    /// Forgets the user's try: WeChat refused the code, which may well be somebody else's.
    ///
    /// Condition: the try is the user's, and did not succeed.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn forget_activation(&self, code: &CardCode, user_id: &UserId) -> Result<(), StoreError> {
        let update = self
            .update(code_key(code))
            .update_expression("REMOVE joined_by, membership_number")
            .condition_expression("joined_by = :user AND attribute_not_exists(activated_at)")
            .expression_attribute_values(":user", item::s(user_id));
        update_once("forgetting a member", update).await.map(drop)
    }
}

const ACTIVATED: &str = "noting an activation";
