//! `USERS_TABLE`: the users, and the user of each unionid.
//!
//! Key `id`: a user's id; `unionid#<unionid>` for the claim of a unionid by a user; `merge#<…>` for a record, for operators, that
//! two users are one person. A user who was erased leaves a row with `id` and `erased_at`, so that the id is never used again. The type
//! [`Users`] also writes `SESSIONS_TABLE`, which has the user of each openid.

mod chosen_profile;
mod login;
mod phone;
mod unionid;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::ReturnValue;
use serde::{Deserialize, Serialize};

use super::{
    Order, StoreError,
    item::{self, Item, UpdateOutcome},
    sessions::{self, Session},
};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    types::{Caller, ObjectKey, OpenId, OperatorArn, OrderId, TraceId, UnionId, UnixSeconds, UserId},
};

pub use chosen_profile::ChosenName;
pub use login::{LoginOutcome, NewLogin};
pub use phone::Phone;
pub(super) use unionid::{unionid_claim_id, users_of_merge_record};

/// The role of a user, which says what the user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A customer, who may use the routes of users.
    #[default]
    User,
    /// A person of the shop, who may also consume cards.
    Staff,
}

impl Role {
    /// The name that is stored and answered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Staff => "staff",
        }
    }
}

/// A user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// The user's id, which is the key.
    #[serde(rename = "id")]
    pub user_id: UserId,
    /// The user's role.
    #[serde(default)]
    pub role: Role,
    /// The operator who gave the role; `None` if the user has the role of a new user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_set_by: Option<OperatorArn>,
    /// When the role was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_set_at: Option<UnixSeconds>,
    /// When the user first logged in.
    pub created_at: UnixSeconds,
    /// The openids that log in as this user.
    #[serde(with = "serde_dynamo::string_set")]
    pub openids: BTreeSet<String>,
    /// The unionid, once WeChat has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unionid: Option<UnionId>,
    /// The keys of the records that this user and another one are one person.
    #[serde(default, with = "serde_dynamo::string_set", skip_serializing_if = "BTreeSet::is_empty")]
    pub merge_records: BTreeSet<String>,
    /// The name that WeChat gave for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nick_name: Option<String>,
    /// The address of the picture that WeChat gave for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// The picture that the user uploaded and WeChat has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_key: Option<ObjectKey>,
    /// The picture that WeChat is to judge, or a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_avatar: Option<PendingAvatar>,
    /// The name that the user chose and WeChat let pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_name: Option<String>,
    /// The name that the user chose last, if WeChat did not let it pass. Only the user may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_name: Option<String>,
    /// The user's phone number, once given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
}

/// A picture that its user wants to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingAvatar {
    /// The number of its check.
    pub trace_id: TraceId,
    /// Where it is.
    pub object_key: ObjectKey,
}

/// What WeChat gives for a user: for years now, the same name and picture for everybody.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// The name.
    pub nick_name: Option<String>,
    /// The address of the picture.
    pub avatar_url: Option<String>,
}

/// The tables of users and sessions.
pub struct Users {
    client: Client,
    table: String,
    sessions: String,
    host: Host,
}

impl Users {
    /// Reads `SESSIONS_TABLE` and `USERS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("USERS_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// The user's record.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get(&self, user_id: &UserId) -> Result<Option<User>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", item::s(user_id))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("reading a user", error))?;
        read(answer.item)
    }

    /// The session of `openid`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_session(&self, openid: &OpenId) -> Result<Option<Session>, StoreError> {
        sessions::get(&self.client, &self.sessions, openid).await
    }

    /// The user's record and the session of `openid`, in one request.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_with_session(
        &self,
        user_id: &UserId,
        openid: &OpenId,
    ) -> Result<(Option<User>, Option<Session>), StoreError> {
        let user = (self.table.as_str(), "id", user_id.as_str());
        let session = (self.sessions.as_str(), "openid", openid.as_str());
        let operation = "reading a user and their session";
        let (user, session) = item::get_both(&self.client, &self.host, operation, user, session).await?;
        Ok((read(user)?, session.map(item::read).transpose()?))
    }

    /// The caller's record and session, and an order, in one request. Reads `ORDERS_TABLE`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_with_session_and_order(
        &self,
        caller: &Caller,
        order_id: OrderId,
    ) -> Result<(Option<User>, Option<Session>, Option<Order>), StoreError> {
        let operation = "reading an order for a user";
        let orders = self.host.var("ORDERS_TABLE").map_err(|error| StoreError::new(operation, error))?;
        let order_id = order_id.to_string();
        let keys = [
            (self.table.as_str(), "id", caller.user_id.as_str()),
            (self.sessions.as_str(), "openid", caller.openid.as_str()),
            (orders, "order_id", order_id.as_str()),
        ];
        let [user, session, order] = item::get_each(&self.client, &self.host, operation, keys).await?;
        Ok((read(user)?, session.map(item::read).transpose()?, order.map(item::read).transpose()?))
    }

    /// Changes the user's role, and stores who changed it and when; the user as it is now. `None` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn set_role(
        &self,
        user_id: &UserId,
        role: Role,
        operator: &OperatorArn,
    ) -> Result<Option<User>, StoreError> {
        // `role` is a reserved word of expressions.
        let names = [("#role".to_owned(), "role".to_owned())].into();
        let values = [
            (":role".to_owned(), item::s(role.as_str())),
            (":operator".to_owned(), item::s(operator)),
            (":now".to_owned(), item::n(self.host.now().get())),
        ];
        let expression = "SET #role = :role, role_set_by = :operator, role_set_at = :now";
        self.update(user_id, expression, Some(names), values.into()).await
    }

    /// Stores the profile; a field that is `None` stays as it was. The user as it is now; `None` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn set_profile(&self, user_id: &UserId, profile: &Profile) -> Result<Option<User>, StoreError> {
        let fields = [("nick_name", &profile.nick_name), ("avatar_url", &profile.avatar_url)];
        let given: Vec<_> =
            fields.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect();
        if given.is_empty() {
            return self.get(user_id).await;
        }
        let sets: Vec<_> = given.iter().map(|(name, _)| format!("{name} = :{name}")).collect();
        let mut values: Item =
            given.iter().map(|(name, value)| (format!(":{name}"), item::s(value))).collect();
        values.insert(":now".to_owned(), item::n(self.host.now().get()));
        // `profile_given_at` tells a consent that was withdrawn before from one that was withdrawn after.
        let expression = format!("SET {}, profile_given_at = :now", sets.join(", "));
        self.update(user_id, &expression, None, values).await
    }

    async fn update(
        &self,
        user_id: &UserId,
        expression: &str,
        names: Option<std::collections::HashMap<String, String>>,
        values: Item,
    ) -> Result<Option<User>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", item::s(user_id))
            .update_expression(expression)
            // Only the row of a user has `created_at`; claims, records of merges and rows of erased users have none.
            .condition_expression("attribute_exists(created_at)")
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew);
        match item::update(&self.host, "changing a user", update).await? {
            UpdateOutcome::Done(item) => Ok(Some(item::read(item)?)),
            UpdateOutcome::ConditionFailed(_) => Ok(None),
        }
    }
}

/// The user in the row; `None` if there is no row, or the user was erased.
pub(super) fn read(row: Option<Item>) -> Result<Option<User>, StoreError> {
    row.filter(|row| !is_erased(row)).map(item::read).transpose()
}

/// Whether the row is what an erased user leaves.
pub(super) fn is_erased(row: &Item) -> bool {
    row.contains_key("erased_at")
}
