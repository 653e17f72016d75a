//! A message between a user and customer service.

use serde::{Deserialize, Serialize};

use crate::{
    crypto::Sealed,
    types::{OpenId, OperatorArn, UnixSeconds},
};

/// What is known of a message to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageStatus {
    /// WeChat is being asked, or whoever asked was stopped: the message may have been sent.
    Sending,
    /// WeChat has taken the message.
    Sent,
    /// WeChat's answer was lost: the message may have been sent, and is not sent again.
    Unknown,
}

impl MessageStatus {
    /// As the table has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "SENDING",
            Self::Sent => "SENT",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Who wrote a message to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "direction", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageDirection {
    /// The user wrote to customer service.
    Received {
        /// Whether WeChat's signature covered the message. Otherwise whoever knows the address of one push may have written it.
        authenticated: bool,
    },
    /// Customer service wrote to the user.
    Sent {
        /// What is known of it.
        status: MessageStatus,
        /// The operator; `None` for the welcome text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_by: Option<OperatorArn>,
    },
}

/// A message as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredMessage {
    /// The user.
    pub openid: OpenId,
    /// The sort key, which begins with the time.
    pub(in crate::store) item: String,
    /// WeChat's word for the kind.
    pub msgtype: String,
    /// Who wrote it to whom.
    #[serde(flatten)]
    pub direction: MessageDirection,
    /// When it was written or claimed for sending.
    pub created_at: UnixSeconds,
    pub(in crate::store) content: Sealed,
    pub(in crate::store) expires_at: UnixSeconds,
}

/// A message that was claimed for sending, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The user.
    pub openid: OpenId,
    /// WeChat's word for the kind.
    pub msgtype: String,
    /// What is known of the message.
    pub status: MessageStatus,
    /// When the message was claimed.
    pub claimed_at: UnixSeconds,
}

impl StoredMessage {
    /// The message to the user; `None` if the user wrote it.
    pub(super) fn into_sent(self) -> Option<SentMessage> {
        let MessageDirection::Sent { status, .. } = self.direction else { return None };
        Some(SentMessage { openid: self.openid, msgtype: self.msgtype, status, claimed_at: self.created_at })
    }
}

/// The sort key of a message: its time, so that messages are in order, and what tells it from others of the same second.
pub(in crate::store) fn sort_key(at: UnixSeconds, hash: &str) -> String {
    let short: String = hash.chars().take(20).collect();
    format!("{:012}-{short}", at.get())
}

/// What the content of a message is sealed for.
pub(in crate::store) fn seal_context(openid: &OpenId, sort_key: &str) -> String {
    format!("{} {sort_key}", openid.as_str())
}

/// Which message was sent under an `Idempotency-Key`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeyRow {
    pub(super) openid: OpenId,
    pub(super) item: String,
    /// The sort key of the message.
    pub(super) message_item: String,
    /// The SHA-256 of the message in hexadecimal, so that another message under the same key is noticed.
    pub(super) message_hash: String,
    pub(super) expires_at: UnixSeconds,
}
