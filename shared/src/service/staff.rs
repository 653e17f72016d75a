//! Checks that a caller is staff, by the user's row as it is now. A session token only says who the caller is, because a role can
//! be taken away while the token is valid.

use crate::{
    host::{Host, HostError},
    store::{Order, Role, Session, StoreError, User, Users},
    types::{Caller, OrderId},
};

/// The caller is not staff, or that could not be found out.
#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    /// The caller's token was made void after it was issued, or the user is gone.
    #[error("the caller's token was made void")]
    Revoked,
    /// The caller is a user without the role.
    #[error("the caller is not staff")]
    NotStaff,
    /// The tables can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Authorizes callers who are the shop's staff.
pub struct StaffGuard {
    users: Users,
}

impl StaffGuard {
    /// Makes the [`Users`], which read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { users: Users::new(host)? })
    }

    /// The caller's record, if the caller is staff. Makes one request to DynamoDB.
    ///
    /// # Errors
    /// [`StaffError`]: the caller is not staff, or the tables can't be read. Nothing was written.
    pub async fn authorize(&self, caller: &Caller) -> Result<User, StaffError> {
        let (user, session) = self.users.get_with_session(&caller.user_id, &caller.openid).await?;
        check(user, session, caller)
    }

    /// The order, if the caller is staff; `None` if there is no such order. Makes one request to DynamoDB. Reads `ORDERS_TABLE`.
    ///
    /// # Errors
    /// [`StaffError`]: the caller is not staff, or the tables can't be read. Nothing was written.
    pub async fn authorize_with_order(
        &self,
        caller: &Caller,
        order_id: OrderId,
    ) -> Result<Option<Order>, StaffError> {
        let (user, session, order) = self.users.get_with_session_and_order(caller, order_id).await?;
        check(user, session, caller)?;
        Ok(order)
    }
}

fn check(user: Option<User>, session: Option<Session>, caller: &Caller) -> Result<User, StaffError> {
    if !session.is_some_and(|session| session.honours(caller)) {
        return Err(StaffError::Revoked);
    }
    let user = user.ok_or(StaffError::Revoked)?;
    match user.role {
        Role::Staff => Ok(user),
        Role::User => Err(StaffError::NotStaff),
    }
}
