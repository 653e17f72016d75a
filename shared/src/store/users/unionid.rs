//! The claims of unionids, so that one person is one user.

use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::Users;
use crate::{
    store::{
        Session, StoreError,
        item::{self, Item, TransactionCancelled},
    },
    telemetry,
    types::{UnionId, UnixSeconds, UserId},
};

#[derive(Serialize, Deserialize)]
struct UnionIdClaim {
    id: String,
    user_id: UserId,
    claimed_at: UnixSeconds,
}

/// A record, for operators, that two users are one person.
#[derive(Serialize)]
struct MergeRecord<'a> {
    id: String,
    user_id: &'a str,
    same_person_as: &'a str,
    /// `JOINED`: the openid logs in as the other user. `PENDING`: both have records, and an operator must decide.
    state: &'static str,
    noted_at: UnixSeconds,
}

impl Users {
    /// Stores the unionid of a known user, if it is not another user's. A unionid that is stored is never overwritten.
    ///
    /// Condition: no user has claimed the unionid, or this user has.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn learn_unionid(
        &self,
        session: &Session,
        unionid: &UnionId,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        if session.unionid.is_some() {
            // The unionid has changed, because the mini program was bound to another Open Platform account. An operator must decide
            // what that means.
            telemetry::operator_alert("unionid-changed", &session.user_id);
            return Ok(());
        }
        let user = Update::builder()
            .table_name(&self.table)
            .key("id", item::s(&session.user_id))
            .update_expression("SET unionid = if_not_exists(unionid, :unionid)")
            .expression_attribute_values(":unionid", item::s(unionid.as_str()))
            .condition_expression("attribute_exists(created_at)")
            .build()
            .map_err(|error| StoreError::new(CLAIMING, error))?;
        let parts = vec![
            self.claim(unionid, &session.user_id, now)?,
            TransactWriteItem::builder().update(user).build(),
            self.session_unionid_part(session, unionid)?,
        ];
        let request = self.client.transact_write_items().set_transact_items(Some(parts));
        let Err(error) = request.send().await else { return Ok(()) };
        let claim = match item::cancellation(CLAIMING, error)? {
            // Another transaction is writing one of the items. The next login tries again.
            TransactionCancelled::Conflict => return Ok(()),
            TransactionCancelled::ConditionsFailed(reasons) => item::failed_condition(&reasons, 0).flatten(),
        };
        match claim {
            Some(claim) => self.record_collision(session, unionid, &owner(claim)?, now).await,
            None => Err(StoreError::new(CLAIMING, "there is a session without a user")),
        }
    }

    /// Records that two existing users are one person, for an operator to decide. Both users stay as they are.
    async fn record_collision(
        &self,
        session: &Session,
        unionid: &UnionId,
        owner: &UserId,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        telemetry::operator_alert("two-users-with-one-unionid", &session.user_id);
        let parts = vec![
            self.merge_record_part(&session.user_id, owner, "PENDING", now)?,
            self.know_merge_part(&session.user_id, (&session.user_id, owner))?,
            self.know_merge_part(owner, (&session.user_id, owner))?,
            // The session gets the unionid, so that the next logins do not record the collision again.
            self.session_unionid_part(session, unionid)?,
        ];
        let request = self.client.transact_write_items().set_transact_items(Some(parts));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => item::cancellation(CLAIMING, error).map(|_| ()),
        }
    }

    /// The part of a transaction that claims `unionid` for the user. Condition: no user has claimed it, or this user has.
    pub(super) fn claim(
        &self,
        unionid: &UnionId,
        user_id: &UserId,
        now: UnixSeconds,
    ) -> Result<TransactWriteItem, StoreError> {
        let claim = UnionIdClaim { id: unionid_claim_id(unionid), user_id: user_id.clone(), claimed_at: now };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::write(&claim)?))
            .condition_expression("attribute_not_exists(id) OR user_id = :user")
            .expression_attribute_values(":user", item::s(user_id))
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new(CLAIMING, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The part of a transaction that records that two users are one person.
    pub(super) fn merge_record_part(
        &self,
        user_id: &UserId,
        owner: &UserId,
        state: &'static str,
        now: UnixSeconds,
    ) -> Result<TransactWriteItem, StoreError> {
        let row = MergeRecord {
            id: merge_record_id(user_id, owner),
            user_id: user_id.as_str(),
            same_person_as: owner.as_str(),
            state,
            noted_at: now,
        };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::write(&row)?))
            .build()
            .map_err(|error| StoreError::new(CLAIMING, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The part that keeps with `user_id`, who is one of the two, that there is a record of them, so that erasing the user finds it.
    fn know_merge_part(
        &self,
        user_id: &UserId,
        (one, owner): (&UserId, &UserId),
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("id", item::s(user_id))
            .update_expression("ADD merge_records :record")
            .expression_attribute_values(":record", AttributeValue::Ss(vec![merge_record_id(one, owner)]))
            .condition_expression("attribute_exists(created_at)")
            .build()
            .map_err(|error| StoreError::new(CLAIMING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn session_unionid_part(
        &self,
        session: &Session,
        unionid: &UnionId,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.sessions)
            .key("openid", item::s(session.openid.as_str()))
            .update_expression("SET unionid = :unionid")
            .expression_attribute_values(":unionid", item::s(unionid.as_str()))
            .condition_expression("attribute_exists(openid)")
            .build()
            .map_err(|error| StoreError::new(CLAIMING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// The user who has claimed the unionid.
pub(super) fn owner(claim: Item) -> Result<UserId, StoreError> {
    Ok(item::read::<UnionIdClaim>(claim)?.user_id)
}

/// The key of the record that `user_id` and `owner` are one person.
pub(super) fn merge_record_id(user_id: &UserId, owner: &UserId) -> String {
    format!("merge#{user_id}#{owner}")
}

/// The key of the claim of the unionid.
pub(in crate::store) fn unionid_claim_id(unionid: &UnionId) -> String {
    format!("unionid#{}", unionid.as_str())
}

/// The users of the record with this key.
pub(in crate::store) fn users_of_merge_record(id: &str) -> impl Iterator<Item = UserId> {
    id.split('#').skip(1).filter_map(|id| UserId::parse(id).ok())
}

const CLAIMING: &str = "claiming a unionid";
