//! Use cases: what several functions do with WeChat and the tables together.

mod access_tokens;
mod complaints;
mod content_check;
mod customer_messages;
mod event_bus;
mod event_queue;
mod media_check;
mod merchant;
mod payments;
mod platform;
mod refund_orders;
mod refunds;
mod session_tokens;
mod share_ids;
mod shipping;
mod staff;
mod subscribe_messages;
mod wechat_session;

pub use access_tokens::{AccessTokenError, AccessTokens};
pub use complaints::{ComplaintError, ComplaintService};
pub use content_check::ContentChecker;
pub use customer_messages::{CustomerMessageError, CustomerMessageSender};
pub use event_bus::{BusEvent, CustomerEventKind, EventBus, EventBusError};
pub use event_queue::{
    Deadline, EventError, EventOutcome, EventProcessor, EventQueue, EventsReport, ItemFailure, MAX_BATCH,
    concurrently,
};
pub use media_check::{AvatarChecker, MediaAsker, MediaCheckError, MediaChecker, StartedCheck};
pub use merchant::{notice_receiver, pay_client};
pub use payments::{AttemptStatus, CloseOutcome, NextAttemptOutcome, PaymentService, PaymentServiceError};
pub use platform::{PlatformClient, PlatformError};
pub use refund_orders::RefundOrderOutcome;
pub use refunds::{GiveUpOutcome, RedirectOutcome, RefundService, RefundServiceError};
pub use session_tokens::{SessionTokenError, SessionTokens, TokenError};
pub use share_ids::{NONCE, ShareIdOutcome, ShareIds};
pub use shipping::{ReminderOutcome, ShippingClient, UploadOutcome};
pub use staff::{StaffError, StaffGuard};
pub use subscribe_messages::{SendError, SubscribeMessageSender};
pub use wechat_session::{OPEN_DATA_MAX_AGE, WeChatSession, WeChatSessionError, WeChatSessions};
