//! What WeChat pushes to the mini program's message callback: messages of users and events.
//!
//! WeChat: 消息推送 (message push), 消息加解密 (encryption of messages). Bytes become a [`VerifiedPush`] only in [`PushReceiver`], which
//! checks their signature first; a [`PushedMessage`] is read from a `VerifiedPush` and from the inbox, which keeps such messages.
//!
//! The signature of the plain mode covers neither the body nor its length. A message that came by it says so
//! ([`PushedMessage::is_authenticated`]), and is a hint to ask WeChat, never a fact.

mod customer_message;
mod envelope;
mod error;
mod fields;
mod form;
mod identity;
mod media_verdict;
mod message;
mod receiver;
mod reply;
mod secret;
mod settlement;
mod signature;
mod subscribe_events;
mod topic;
mod xml;

pub use customer_message::{IncomingContent, IncomingImage, IncomingMessage, IncomingPage, IncomingText};
pub use error::{EnvelopeError, FormError, PushError};
pub use fields::{integer, list, number, text};
pub use form::PushForm;
pub use media_verdict::{MediaVerdict, MediaVerdictKind};
pub use message::{MalformedField, PushedMessage};
pub use receiver::{PushMode, PushModeError, PushQuery, PushReceiver, VerifiedPush};
pub use reply::{PushReply, ReplyValue};
pub use secret::MessagePushSecret;
pub use settlement::SettlementNews;
pub use subscribe_events::{SubscribeEvent, SubscribeEventKind};
pub use topic::{PushTopic, carries_fact};
