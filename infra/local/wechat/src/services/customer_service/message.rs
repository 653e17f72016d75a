//! A customer service message as a user gets it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A message of the mini program's customer service that a user received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerMessage {
    /// Unix milliseconds.
    pub time: u64,
    /// The recipient.
    pub openid: String,
    /// `text`, `image`, `link` or `miniprogrampage`.
    pub msgtype: String,
    /// The fields of the message, as they were sent.
    pub content: Map<String, Value>,
}
