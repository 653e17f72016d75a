//! Messages of customer service (客服消息), sent within WeChat's windows.
//!
//! A place in the user's window is taken and the message is stored before WeChat is asked. The place is given back only when the message
//! was certainly not sent, so a lost answer can cost a place and never brings the user a message twice.

use super::{PlatformClient, PlatformError};
use crate::{
    host::{Host, HostError, RetryPolicy},
    store::{
        ClaimOutcome, Conversations, ConversationsError, CustomerMessageStatus as MessageStatus, NewMessage,
        SendClaim, SentMessage, TokenName, WindowLimit,
    },
    telemetry,
    wechat::customer_message::{self, CustomerMessage, SendRefusal},
};

/// A message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum CustomerMessageError {
    /// WeChat allows no message to the user now; the ledger says so, or WeChat does.
    #[error("WeChat allows no message to the user now")]
    WindowClosed {
        /// Which limit it is.
        limit: WindowLimit,
        /// WeChat's refusal, if WeChat was asked.
        #[source]
        cause: Option<PlatformError>,
    },
    /// The `Idempotency-Key` was used for another message to the same user.
    #[error("the Idempotency-Key was used for another message")]
    KeyReused,
    /// WeChat does not take a part of the message.
    #[error("WeChat does not take the message: {refusal:?}")]
    Refused {
        /// What WeChat says of it.
        refusal: SendRefusal,
        /// The part, such as `image.mediaId`.
        field: &'static str,
        /// WeChat's refusal.
        #[source]
        cause: PlatformError,
    },
    /// WeChat refuses for another reason or is not reached. The message was certainly not sent.
    #[error(transparent)]
    Platform(PlatformError),
    /// The conversation can't be read or written. WeChat was not asked.
    #[error(transparent)]
    Store(#[from] ConversationsError),
}

/// Sends messages of customer service.
pub struct CustomerMessageSender {
    conversations: Conversations,
    platform: PlatformClient,
}

impl CustomerMessageSender {
    /// Makes the [`Conversations`] and the [`PlatformClient`], which read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            conversations: Conversations::new(host)?,
            platform: PlatformClient::new(host, TokenName::MiniProgram)?,
        })
    }

    /// The conversations.
    #[must_use]
    pub fn conversations(&self) -> &Conversations {
        &self.conversations
    }

    /// The client with which messages are sent, for the other calls of customer service.
    #[must_use]
    pub fn platform(&self) -> &PlatformClient {
        &self.platform
    }

    /// Sends the message under its key, at most once; what is known of it then. A message whose status is [`MessageStatus::Sending`] or
    /// [`MessageStatus::Unknown`] may have been sent, and is not sent again.
    ///
    /// Two requests to DynamoDB and one to WeChat; one more to DynamoDB if another window is used than the one expected.
    ///
    /// # Errors
    /// [`CustomerMessageError`]: the message was not sent, and the same key may send it later. After an error of the store the message
    /// may be stored all the same; then the same key finds it.
    pub async fn send(&self, new: NewMessage<'_>) -> Result<SentMessage, CustomerMessageError> {
        let claim = match self.conversations.claim(new).await? {
            ClaimOutcome::Claimed(claim) => *claim,
            ClaimOutcome::AlreadyClaimed(message) => return Ok(*message),
            ClaimOutcome::KeyReused => return Err(CustomerMessageError::KeyReused),
            ClaimOutcome::Closed(limit) => {
                return Err(CustomerMessageError::WindowClosed { limit, cause: None });
            }
        };
        let body = new.message.to_json(new.openid);
        // A message that was sent twice can't be taken back, so after a lost answer it is not sent again.
        let answer =
            self.platform.post(customer_message::SEND, &body, RetryPolicy::UnlessOutcomeUnknown).await;
        match answer {
            Ok(_) => Ok(self.record_outcome(claim, MessageStatus::Sent).await),
            Err(error) if error.is_outcome_unknown() => {
                telemetry::handled_error("send-customer-message", &error);
                Ok(self.record_outcome(claim, MessageStatus::Unknown).await)
            }
            Err(error) => Err(self.give_back(new.message, &claim, error).await),
        }
    }

    /// Keeps what became of the message. If that fails, the message stays [`MessageStatus::Sending`] in the table, which says that it may
    /// have been sent.
    async fn record_outcome(&self, claim: SendClaim, status: MessageStatus) -> SentMessage {
        if let Err(error) = self.conversations.record_outcome(&claim, status).await {
            telemetry::handled_error("record-customer-message", &error);
        }
        let mut message = claim.message;
        message.status = status;
        message
    }

    async fn give_back(
        &self,
        message: &CustomerMessage,
        claim: &SendClaim,
        error: PlatformError,
    ) -> CustomerMessageError {
        let refusal = error.errcode().and_then(SendRefusal::named);
        let limit = match refusal {
            Some(SendRefusal::WindowClosed) => Some(WindowLimit::Time),
            Some(SendRefusal::CountUsed) => Some(WindowLimit::Count),
            _ => None,
        };
        if let Err(error) = self.conversations.give_back(claim, limit).await {
            telemetry::handled_error("give-back-customer-message", &error);
        }
        match (limit, refusal) {
            (Some(limit), _) => CustomerMessageError::WindowClosed { limit, cause: Some(error) },
            (None, Some(refusal)) => {
                CustomerMessageError::Refused { refusal, field: message.refused_field(refusal), cause: error }
            }
            (None, None) => CustomerMessageError::Platform(error),
        }
    }
}
