//! The holder of a session token.

use super::{OpenId, UnixSeconds, UserId};

/// The holder of a valid session token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// The user's openid, which WeChat answered at the login.
    pub openid: OpenId,
    /// When the token was issued. A session's row can say that tokens from before a time are void.
    pub issued_at: UnixSeconds,
}
