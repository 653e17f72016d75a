//! The holder of a session token.

use super::{OpenId, UnixSeconds, UserId};

/// The holder of a valid session token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// The user's openid, as the login had it from WeChat.
    pub openid: OpenId,
    /// When the token was issued: a row can say that tokens before a time are void.
    pub issued_at: UnixSeconds,
}
