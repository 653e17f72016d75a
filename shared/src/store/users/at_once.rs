//! A user and their session, read together.

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::{User, Users};
use crate::{
    store::{
        Session, StoreError,
        item::{self, Item},
    },
    types::{OpenId, UserId},
};

impl Users {
    /// The user's record and the session of `openid`, in one request.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn with_session(
        &self,
        user_id: &UserId,
        openid: &OpenId,
    ) -> Result<(Option<User>, Option<Session>), StoreError> {
        let answer = self
            .client
            .batch_get_item()
            .request_items(&self.table, key("id", user_id.as_str())?)
            .request_items(&self.sessions, key("openid", openid.as_str())?)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk(READING, error))?;
        if answer.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
            return Err(StoreError::contended(READING));
        }
        let mut tables = answer.responses.unwrap_or_default();
        let mut first = |table: &str| tables.remove(table).and_then(|rows| rows.into_iter().next());
        let (user, session) = (first(&self.table), first(&self.sessions));
        Ok((user.map(item::read).transpose()?, session.map(item::read).transpose()?))
    }
}

fn key(name: &str, value: &str) -> Result<KeysAndAttributes, StoreError> {
    KeysAndAttributes::builder()
        .keys(Item::from([(name.to_owned(), item::s(value))]))
        .consistent_read(true)
        .build()
        .map_err(|error| StoreError::new(READING, error))
}

const READING: &str = "reading a user and their session";
