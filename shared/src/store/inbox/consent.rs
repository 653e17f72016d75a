//! What a withdrawn consent changes: the personal data that the user gave are removed, and the push is finished, in one transaction.
//!
//! WeChat: `user_authorization_revoke`. WeChat does not publish all numbers of `RevokeInfo`, so whatever it names, the phone number, the name,
//! the picture and the steps go. Orders stay, because the shop must account for them.

use aws_sdk_dynamodb::{
    Client,
    types::{Delete, TransactWriteItem, Update},
};

use crate::{
    host::{Host, HostError},
    store::{
        StoreError,
        item::{self, TransactionCancelled},
        sessions,
    },
    types::{OpenId, UserId},
};

/// The inbox, and the tables with what users gave.
pub struct ConsentInbox {
    client: Client,
    inbox: String,
    sessions: String,
    users: String,
    steps: String,
    host: Host,
}

impl ConsentInbox {
    /// Reads `INBOX_TABLE`, `SESSIONS_TABLE`, `STEPS_TABLE` and `USERS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            inbox: host.var("INBOX_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            users: host.var("USERS_TABLE")?.to_owned(),
            steps: host.var("STEPS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// Removes the phone number, name, picture and steps of the user with this openid, and finishes the push. Does nothing if the push was
    /// finished before.
    ///
    /// Condition: the push is pending.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Either nothing has changed, or everything has and the answer was lost. The
    /// call can be repeated.
    pub async fn withdraw(&self, push_id: &str, openid: &OpenId) -> Result<(), StoreError> {
        let session = sessions::get(&self.client, &self.sessions, openid).await?;
        let user_id = session.map(|session| session.user_id);
        let mut has_user = user_id.is_some();
        for _ in 0..item::MAX_ATTEMPTS {
            let mut parts = vec![super::finish_part(&self.host, &self.inbox, push_id)?];
            if let Some(user_id) = user_id.as_ref().filter(|_| has_user) {
                parts.push(self.clear_user(user_id)?);
                parts.push(self.delete_steps(user_id)?);
            }
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else { return Ok(()) };
            match item::cancellation(WITHDRAWING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(reasons) => {
                    if item::failed_condition(&reasons, 0).is_some() {
                        return Ok(());
                    }
                    // The user's row is gone.
                    has_user = false;
                }
            }
        }
        Err(StoreError::contended(WITHDRAWING))
    }

    fn clear_user(&self, user_id: &UserId) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.users)
            .key("id", item::s(user_id.as_str()))
            .update_expression("REMOVE phone, nick_name, avatar_url")
            .condition_expression("attribute_exists(id)")
            .build()
            .map_err(|error| StoreError::new(WITHDRAWING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn delete_steps(&self, user_id: &UserId) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.steps)
            .key("user_id", item::s(user_id.as_str()))
            .build()
            .map_err(|error| StoreError::new(WITHDRAWING, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

const WITHDRAWING: &str = "removing what a user gave";
