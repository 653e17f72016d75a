//! A subscribe message as a user gets it.

use std::collections::BTreeMap;

use serde::Serialize;

/// A subscribe message a user got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscribeMessage {
    /// 19 digits.
    pub msgid: u64,
    /// Unix milliseconds.
    pub time: u64,
    /// Who got it.
    pub openid: String,
    /// The template.
    pub template_id: String,
    /// The page it opens; without one it opens nothing.
    pub page: Option<String>,
    /// `formal`, `trial` or `developer`.
    pub miniprogram_state: String,
    /// `zh_CN`, `en_US`, `zh_HK` or `zh_TW`.
    pub lang: String,
    /// The values by keyword.
    pub data: BTreeMap<String, String>,
}
