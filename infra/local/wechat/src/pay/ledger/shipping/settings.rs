//! What WeChat says about the mini program as a seller.

use serde::{Deserialize, Serialize};

/// What WeChat says about the mini program as a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ShippingSettings {
    /// Whether WeChat freezes what the mini program takes until it is shipped and received.
    pub managed: bool,
    /// Whether the seller has confirmed that in the console.
    pub confirmed: bool,
    /// How long after a payment the order-shipping management knows of it, in seconds.
    pub ingest_seconds: u64,
    /// How many payments may wait to be shipped before WeChat lets nobody pay any more.
    pub unshipped_limit: Option<usize>,
}

impl Default for ShippingSettings {
    fn default() -> Self {
        Self { managed: false, confirmed: true, ingest_seconds: 60, unshipped_limit: None }
    }
}
