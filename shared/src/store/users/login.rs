//! A login: one request to DynamoDB for a known openid, two for a new one.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};

use super::{Role, User, Users, unionid::merge_record_id};
use crate::{
    crypto::Sealed,
    store::{
        Session, StoreError,
        item::{self, TransactionCancelled, UpdateOutcome},
    },
    telemetry,
    types::{OpenId, UnionId, UnixSeconds, UserId},
};

/// A login that WeChat has confirmed.
#[derive(Clone)]
pub struct NewLogin {
    /// The user's openid.
    pub openid: OpenId,
    /// The user id that a new user gets.
    pub user_id: UserId,
    /// The unionid, if WeChat names one.
    pub unionid: Option<UnionId>,
    /// The new `session_key`, encrypted.
    pub session_key: Sealed,
    /// The time of the login, in milliseconds.
    pub at_millis: u64,
}

/// What came of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginOutcome {
    /// The user.
    pub user_id: UserId,
    /// Whether this login has created the user.
    pub is_new: bool,
}

enum CreateOutcome {
    Created,
    /// Another login has created the session of this openid, or is creating it.
    Conflict,
    /// The unionid belongs to this user, who has logged in with another openid.
    UnionIdOf(UserId),
    /// The user exists without a session, because the session was deleted, or lost with its table.
    WithoutSession,
    /// The user of this id was erased.
    Erased,
}

impl Users {
    /// Stores the session, and creates the user of a new openid. The openid of a user who was erased is a new one: its user gets an id that
    /// nobody had.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the login may be stored; repeating the call is
    /// harmless.
    pub async fn log_in(&self, login: &NewLogin) -> Result<LoginOutcome, StoreError> {
        let mut login = login.clone();
        for _ in 0..item::MAX_ATTEMPTS {
            if let Some(session) = self.refresh(&login).await? {
                let unionid = login.unionid.as_ref();
                if let Some(unionid) = unionid.filter(|id| session.unionid.as_ref() != Some(id)) {
                    // The login does not fail because of this, because the session is stored and the code used up. The next login
                    // stores the unionid.
                    if let Err(error) = self.learn_unionid(&session, unionid, now(&login)).await {
                        telemetry::handled_error("store-unionid", &error);
                    }
                }
                return Ok(LoginOutcome { user_id: session.user_id, is_new: false });
            }
            match self.create(&login).await? {
                CreateOutcome::Created => {
                    return Ok(LoginOutcome { user_id: login.user_id, is_new: true });
                }
                CreateOutcome::Erased => {
                    let random = self.host.random().map_err(|error| StoreError::new(LOGGING_IN, error))?;
                    login.user_id = UserId::from_random(random);
                }
                CreateOutcome::Conflict => {}
                CreateOutcome::WithoutSession => {
                    if self.restore(&login).await? {
                        return Ok(LoginOutcome { user_id: login.user_id, is_new: false });
                    }
                }
                CreateOutcome::UnionIdOf(owner) => {
                    if self.join(&login, &owner).await? {
                        return Ok(LoginOutcome { user_id: owner, is_new: false });
                    }
                }
            }
        }
        Err(StoreError::contended(LOGGING_IN))
    }

    /// Makes the current key the previous one and stores the new one; the session, if the openid is known. If a newer login is stored,
    /// nothing is changed.
    ///
    /// Condition: the openid is known, and its last login is older than this one. A repetition of the same write must fail, because
    /// it would make the new key the previous one as well.
    async fn refresh(&self, login: &NewLogin) -> Result<Option<Session>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.sessions)
            .key("openid", item::s(login.openid.as_str()))
            .update_expression(
                "SET previous_session_key = session_key, previous_login_at = login_at, \
                 session_key = :key, login_at = :at",
            )
            .condition_expression("attribute_exists(openid) AND login_at < :at")
            .expression_attribute_values(":key", item::map(&login.session_key)?)
            .expression_attribute_values(":at", item::n(login.at_millis))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(AllOld);
        match item::update(&self.host, LOGGING_IN, update).await? {
            UpdateOutcome::Done(item) | UpdateOutcome::ConditionFailed(Some(item)) => {
                Ok(Some(item::read(item)?))
            }
            UpdateOutcome::ConditionFailed(None) => Ok(None),
        }
    }

    /// Creates the session, the user and the claim of the unionid in one transaction.
    ///
    /// Condition: none of them exists.
    async fn create(&self, login: &NewLogin) -> Result<CreateOutcome, StoreError> {
        let user = User {
            user_id: login.user_id.clone(),
            role: Role::User,
            role_set_by: None,
            role_set_at: None,
            created_at: now(login),
            openids: [login.openid.as_str().to_owned()].into(),
            unionid: login.unionid.clone(),
            merge_records: BTreeSet::new(),
            nick_name: None,
            avatar_url: None,
            avatar_key: None,
            pending_avatar: None,
            chosen_name: None,
            pending_name: None,
            phone: None,
        };
        let user = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::write(&user)?))
            .condition_expression("attribute_not_exists(id)")
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new(LOGGING_IN, error))?;
        let mut parts =
            vec![self.put_session(login, &login.user_id)?, TransactWriteItem::builder().put(user).build()];
        if let Some(unionid) = &login.unionid {
            parts.push(self.claim(unionid, &login.user_id, now(login))?);
        }
        let request = self.client.transact_write_items().set_transact_items(Some(parts));
        let Err(error) = request.send().await else { return Ok(CreateOutcome::Created) };
        let reasons = match item::cancellation(LOGGING_IN, error)? {
            TransactionCancelled::ConditionsFailed(reasons) => reasons,
            TransactionCancelled::Conflict => {
                item::sleep_jittered(&self.host).await;
                return Ok(CreateOutcome::Conflict);
            }
        };
        if item::failed_condition(&reasons, 0).is_some() {
            return Ok(CreateOutcome::Conflict);
        }
        if let Some(claim) = item::failed_condition(&reasons, 2).flatten() {
            return Ok(CreateOutcome::UnionIdOf(super::unionid::owner(claim)?));
        }
        let known = item::failed_condition(&reasons, 1).flatten();
        Ok(if known.is_some_and(|row| super::is_erased(&row)) {
            CreateOutcome::Erased
        } else {
            CreateOutcome::WithoutSession
        })
    }

    /// Creates the session of a user who exists; `false` if there is a session. The next login stores the unionid.
    ///
    /// Condition: the openid has no session.
    async fn restore(&self, login: &NewLogin) -> Result<bool, StoreError> {
        let session = NewLogin { unionid: None, ..login.clone() };
        let parts = vec![self.put_session(&session, &login.user_id)?];
        let request = self.client.transact_write_items().set_transact_items(Some(parts));
        let Err(error) = request.send().await else { return Ok(true) };
        item::cancellation(LOGGING_IN, error)?;
        item::sleep_jittered(&self.host).await;
        Ok(false)
    }

    /// Adds a new openid to the user who has the unionid, and records that for operators; `false` if there is a session of the openid.
    ///
    /// Condition: the openid has no session.
    async fn join(&self, login: &NewLogin, owner: &UserId) -> Result<bool, StoreError> {
        let user = Update::builder()
            .table_name(&self.table)
            .key("id", item::s(owner))
            .update_expression("ADD openids :openid, merge_records :record")
            .expression_attribute_values(
                ":openid",
                AttributeValue::Ss(vec![login.openid.as_str().to_owned()]),
            )
            .expression_attribute_values(
                ":record",
                AttributeValue::Ss(vec![merge_record_id(&login.user_id, owner)]),
            )
            .condition_expression("attribute_exists(created_at)")
            .build()
            .map_err(|error| StoreError::new(LOGGING_IN, error))?;
        let parts = vec![
            self.put_session(login, owner)?,
            TransactWriteItem::builder().update(user).build(),
            self.merge_record_part(&login.user_id, owner, "JOINED", now(login))?,
        ];
        let request = self.client.transact_write_items().set_transact_items(Some(parts));
        let Err(error) = request.send().await else {
            telemetry::unusual_event("openid-linked-to-existing-user", owner);
            return Ok(true);
        };
        match item::cancellation(LOGGING_IN, error)? {
            TransactionCancelled::Conflict => Ok(false),
            TransactionCancelled::ConditionsFailed(reasons)
                if item::failed_condition(&reasons, 0).is_some() =>
            {
                Ok(false)
            }
            TransactionCancelled::ConditionsFailed(_) => {
                Err(StoreError::new(LOGGING_IN, "a unionid is claimed by a user who does not exist"))
            }
        }
    }

    fn put_session(&self, login: &NewLogin, user_id: &UserId) -> Result<TransactWriteItem, StoreError> {
        let NewLogin { openid, unionid, session_key, at_millis, .. } = login;
        let row = Session::first(openid, user_id, unionid.as_ref(), session_key, *at_millis);
        let put = Put::builder()
            .table_name(&self.sessions)
            .set_item(Some(item::write(&row)?))
            .condition_expression("attribute_not_exists(openid)")
            .build()
            .map_err(|error| StoreError::new(LOGGING_IN, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

fn now(login: &NewLogin) -> UnixSeconds {
    UnixSeconds::new(login.at_millis / 1000)
}

const LOGGING_IN: &str = "logging in";
