//! Subscribe messages (订阅消息): the user gets one message for each one that the user accepted.
//!
//! WeChat: 发送订阅消息 (`subscribeMessage.send`). A message is taken from the user's count before WeChat is called, and returned only if it
//! was certainly not sent. So after a lost answer the user may miss a message, but never gets one twice.

use super::{PlatformClient, PlatformError};
use crate::{
    host::{Host, HostError, RetryPolicy},
    store::{StoreError, Subscriptions, TokenName},
    telemetry,
    wechat::{WeChatError, subscribe::Message},
};

/// A message was not sent, or may have been sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The user accepts no further message of the template: the count is zero, or WeChat says so (43101).
    #[error("the user takes no such message")]
    NotSubscribed(#[source] Option<PlatformError>),
    /// WeChat refuses a part of the message.
    #[error("WeChat does not take {field}")]
    Refused {
        /// The part: `openid`, `templateId`, `page`, `data` or one of its keys, such as `data.thing1`.
        field: String,
        /// WeChat's answer.
        #[source]
        cause: PlatformError,
    },
    /// WeChat refuses for another reason, can't be called, or does not answer. Without an answer the message may have been sent.
    #[error(transparent)]
    Platform(PlatformError),
    /// DynamoDB failed; nothing was sent.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SendError {
    /// Whether the message may have been sent although the call failed. It must not be sent again then.
    #[must_use]
    pub fn may_have_been_sent(&self) -> bool {
        matches!(self, Self::Platform(error) if error.is_outcome_unknown())
    }
}

/// Sends messages to users who accepted them.
pub struct SubscribeMessageSender {
    ledger: Subscriptions,
    platform: PlatformClient,
}

impl SubscribeMessageSender {
    /// Makes the [`Subscriptions`] and the [`PlatformClient`], which read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            ledger: Subscriptions::new(host)?,
            platform: PlatformClient::new(host, TokenName::MiniProgram)?,
        })
    }

    /// The table that counts the messages that users accepted.
    #[must_use]
    pub fn ledger(&self) -> &Subscriptions {
        &self.ledger
    }

    /// Sends the message, if the user accepts one more. Makes one request to DynamoDB and one to WeChat, and a second one to
    /// DynamoDB if WeChat refuses.
    ///
    /// # Errors
    /// [`SendError`]; [`SendError::may_have_been_sent`] says whether the message must not be sent again.
    pub async fn send(&self, message: &Message) -> Result<(), SendError> {
        let Message { openid, template_id, .. } = message;
        if !self.ledger.take_message(openid, template_id).await? {
            return Err(SendError::NotSubscribed(None));
        }
        // After a lost answer the call is not repeated, because the user would get the message twice.
        let answer = self.platform.post(PATH, &message.to_json(), RetryPolicy::UnlessOutcomeUnknown).await;
        let Err(error) = answer else { return Ok(()) };
        if error.is_outcome_unknown() {
            return Err(SendError::Platform(error));
        }
        let refused = error.errcode() == Some(43101);
        let corrected = if refused {
            self.ledger.clear_remaining(openid, template_id).await
        } else {
            self.ledger.return_message(openid, template_id).await
        };
        if let Err(error) = corrected {
            telemetry::handled_error("correct-subscription-count", &error);
        }
        Err(match field(&error) {
            _ if refused => SendError::NotSubscribed(Some(error)),
            Some(field) => SendError::Refused { field, cause: error },
            None => SendError::Platform(error),
        })
    }
}

/// The part of the message that is wrong according to WeChat's errcode.
fn field(error: &PlatformError) -> Option<String> {
    let PlatformError::WeChat(WeChatError::Refused { errcode, detail, .. }) = error else { return None };
    let field = match (errcode.0, detail) {
        (40003, _) => "openid",
        (40037, _) => "templateId",
        (41030, _) => "page",
        (47003, Some(key)) => return Some(format!("data.{key}")),
        // 45168: the text has a word that WeChat forbids.
        (47003 | 45168, _) => "data",
        _ => return None,
    };
    Some(field.to_owned())
}

const PATH: &str = "/cgi-bin/message/subscribe/send";
