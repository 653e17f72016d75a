//! Use cases: what several functions do with WeChat and the tables together.

mod access_tokens;
mod merchant;
mod payments;
mod platform;
mod refunds;
mod session_tokens;
mod staff;
mod subscribe_messages;
mod wechat_session;

pub use access_tokens::{AccessTokenError, AccessTokens};
pub use merchant::{notice_receiver, pay_client};
pub use payments::{Asked, Cashier, CashierError, Closing};
pub use platform::{Platform, PlatformError};
pub use refunds::{GiveUpOutcome, Redirected, Refunder, RefunderError};
pub use session_tokens::{SessionTokenError, SessionTokens, TokenError};
pub use staff::{StaffError, StaffGuard};
pub use subscribe_messages::{SendError, Subscriber};
pub use wechat_session::{MAX_AGE, WeChatSession, WeChatSessionError, WeChatSessions};
