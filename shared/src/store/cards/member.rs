//! The membership numbers of member cards: each code gets one number, however often it is activated.

use aws_sdk_dynamodb::types::ReturnValue;
use serde::Deserialize;

use super::{Cards, Outcome, code_key, outcome};
use crate::{
    store::{StoreError, item},
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
    /// Whether the code is another user's.
    #[must_use]
    pub fn is_foreign(&self, user_id: &UserId) -> bool {
        [&self.user_id, &self.joined_by].into_iter().flatten().any(|holder| holder != user_id)
    }

    /// The number, once WeChat has taken it.
    #[must_use]
    pub fn activated(&self) -> Option<&str> {
        self.activated_at.and(self.membership_number.as_deref())
    }
}

impl Cards {
    /// The code's membership.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
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

    /// The number that the user's code is to be activated with: `fresh`, or the one of an earlier try. `None` if the code is
    /// another user's.
    ///
    /// Condition: the code is nobody's, or the user's.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn join(
        &self,
        code: &CardCode,
        user_id: &UserId,
        fresh: &str,
    ) -> Result<Option<String>, StoreError> {
        let update = self
            .update(code_key(code))
            .update_expression(
                "SET joined_by = :user, membership_number = if_not_exists(membership_number, :fresh)",
            )
            .condition_expression(
                "(attribute_not_exists(user_id) OR user_id = :user) AND \
                 (attribute_not_exists(joined_by) OR joined_by = :user)",
            )
            .expression_attribute_values(":user", item::s(user_id))
            .expression_attribute_values(":fresh", item::s(fresh))
            .return_values(ReturnValue::AllNew);
        match outcome("numbering a member", update).await? {
            Outcome::Done(row) => Ok(item::read::<Membership>(row)?.membership_number),
            Outcome::Stopped(_) => Ok(None),
        }
    }

    /// Forgets the user's try: WeChat refused the code, which may well be somebody else's.
    ///
    /// Condition: the try is the user's, and did not succeed.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn forget_member(&self, code: &CardCode, user_id: &UserId) -> Result<(), StoreError> {
        let update = self
            .update(code_key(code))
            .update_expression("REMOVE joined_by, membership_number")
            .condition_expression("joined_by = :user AND attribute_not_exists(activated_at)")
            .expression_attribute_values(":user", item::s(user_id));
        outcome("forgetting a member", update).await.map(drop)
    }
}
