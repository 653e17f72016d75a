//! WeChat's message push: events and messages that the platform sends to the address which the developer entered in the console.
//!
//! Documentation: "Message push" (消息推送). In plain mode the query signs token, timestamp and nonce, and the body is the message. In
//! secure mode the body is an encrypted envelope, which `msg_signature` covers. The console also says whether messages are JSON or
//! XML. The back end answers `success`, an empty body or a message within five seconds; otherwise WeChat sends the push again, three
//! times in all.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html>

mod answer;
mod envelope;
pub(crate) mod sender;
mod signer;
mod xml;

use serde::{Deserialize, Serialize};

/// What the developer entered in the console for the message push.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PushSettings {
    /// The address that gets every push; without one nothing is pushed.
    pub url: Option<String>,
    /// Whether messages are encrypted.
    pub mode: PushMode,
    /// The form of the messages.
    pub format: PushFormat,
    /// Whether subscribe messages cause their events: a user's choice, a user's change of the settings, a message that was sent.
    pub subscribe_events: bool,
}

/// Whether pushed messages are encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushMode {
    /// The body is the message, and no signature covers it.
    Plain,
    /// The body is an encrypted envelope.
    #[default]
    Secure,
}

/// The form of pushed messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushFormat {
    /// JSON objects.
    #[default]
    Json,
    /// XML with the root `<xml>`.
    Xml,
}

/// A pushed message, signed and encrypted as WeChat does it, that a test sends itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPush {
    /// The query of the request.
    pub query: String,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl PushFormat {
    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "text/xml",
        }
    }
}
