//! Subscribe messages (订阅消息): one is sent for one that the user accepted.
//!
//! WeChat: 发送订阅消息 (`subscribeMessage.send`). A message is taken from the ledger before WeChat is asked and given back only
//! when it was certainly not sent, so a lost answer can cost the user a message and never brings them one twice.

use super::{PlatformClient, PlatformError};
use crate::{
    host::{Host, HostError, RetryPolicy},
    store::{StoreError, Subscriptions, TokenName},
    telemetry,
    wechat::{WeChatError, subscribe::Message},
};

/// A message was not sent, or perhaps so.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The user has accepted no message of the template that was not sent yet; WeChat says so (43101) or the ledger does.
    #[error("the user takes no such message")]
    NotSubscribed(#[source] Option<PlatformError>),
    /// WeChat does not take a part of the message.
    #[error("WeChat does not take {field}")]
    Refused {
        /// Which: `openid`, `templateId`, `page`, `data` or one of its keys, such as `data.thing1`.
        field: String,
        /// In WeChat's words.
        #[source]
        cause: PlatformError,
    },
    /// WeChat refuses for another reason, can't be asked, or does not answer: then the message may have been sent.
    #[error(transparent)]
    Platform(PlatformError),
    /// DynamoDB failed; nothing was sent.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SendError {
    /// Whether the message may have been sent all the same: it must not be sent again.
    #[must_use]
    pub fn may_have_been_sent(&self) -> bool {
        matches!(self, Self::Platform(error) if error.is_outcome_unknown())
    }
}

/// Sends messages to those who accepted them.
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

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Subscriptions {
        &self.ledger
    }

    /// Sends the message, if the user has one left: one request to the ledger and one to WeChat, a second one to the ledger if
    /// WeChat refuses.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, message: &Message) -> Result<(), SendError> {
        let Message { openid, template_id, .. } = message;
        if !self.ledger.take_message(openid, template_id).await? {
            return Err(SendError::NotSubscribed(None));
        }
        // What was sent twice can't be taken back: after a lost answer nobody asks again.
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

/// What WeChat's error number says is wrong with the message.
fn field(error: &PlatformError) -> Option<String> {
    let PlatformError::WeChat(WeChatError::Refused { errcode, detail, .. }) = error else { return None };
    let field = match (errcode.0, detail) {
        (40003, _) => "openid",
        (40037, _) => "templateId",
        (41030, _) => "page",
        (47003, Some(key)) => return Some(format!("data.{key}")),
        // 45168: a word that WeChat does not let through.
        (47003 | 45168, _) => "data",
        _ => return None,
    };
    Some(field.to_owned())
}

const PATH: &str = "/cgi-bin/message/subscribe/send";
