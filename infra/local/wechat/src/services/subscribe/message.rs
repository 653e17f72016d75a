//! A subscribe message as a user gets it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A subscribe message that a user received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribeMessage {
    /// The message id: 19 digits.
    pub msgid: u64,
    /// Unix milliseconds.
    pub time: u64,
    /// The recipient.
    pub openid: String,
    /// The template.
    pub template_id: String,
    /// The page that a tap on the message opens, if any.
    pub page: Option<String>,
    /// `formal`, `trial` or `developer`.
    pub miniprogram_state: String,
    /// `zh_CN`, `en_US`, `zh_HK` or `zh_TW`.
    pub lang: String,
    /// The values by keyword.
    pub data: BTreeMap<String, String>,
}
