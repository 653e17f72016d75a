//! Who is staff, by the rows of this moment: a token says who somebody is, never what they may do.

use super::Caller;
use crate::{
    error::{ApiError, Code},
    host::{Host, HostError},
    store::{Role, User, Users},
};

/// Knows the shop's people.
pub struct Staff {
    users: Users,
}

impl Staff {
    /// Reads the settings.
    ///
    /// # Errors
    /// One is missing.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { users: Users::new(host)? })
    }

    /// The caller's record, if the caller is staff: one request.
    ///
    /// # Errors
    /// `UNAUTHORIZED` if the caller's token was made void; `FORBIDDEN` for who is not staff.
    pub async fn member(&self, caller: &Caller) -> Result<User, ApiError> {
        let (user, session) = self.users.with_session(&caller.user_id, &caller.openid).await?;
        if !session.is_some_and(|session| session.honours(caller)) {
            return Err(Code::Unauthorized.into());
        }
        let user = user.ok_or(Code::Unauthorized)?;
        match user.role {
            Role::Staff => Ok(user),
            Role::User => Err(Code::Forbidden.into()),
        }
    }
}
