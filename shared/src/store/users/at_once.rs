//! A user and their session, read together.

use super::{User, Users};
use crate::{
    store::{Session, StoreError, item},
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
        let user = (self.table.as_str(), "id", user_id.as_str());
        let session = (self.sessions.as_str(), "openid", openid.as_str());
        let (user, session) = item::get_both(&self.client, &self.host, READING, user, session).await?;
        Ok((user.map(item::read).transpose()?, session.map(item::read).transpose()?))
    }
}

const READING: &str = "reading a user and their session";
