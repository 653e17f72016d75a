//! The states of a refund. WeChat Pay and the faults use them.

use serde::{Deserialize, Serialize};

/// The state of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RefundStatus {
    /// Accepted.
    Processing,
    /// The user has the money.
    Success,
    /// The money does not reach the user without the merchant's help; Pay v2 calls it CHANGE.
    Abnormal,
    /// The refund was closed; the amount can be refunded again. Pay v2 calls it REFUNDCLOSE.
    Closed,
}

impl RefundStatus {
    /// The value of Pay v3's `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Abnormal => "ABNORMAL",
            Self::Closed => "CLOSED",
        }
    }

    /// The value of Pay v2's `refund_status`.
    pub(crate) fn v2(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Abnormal => "CHANGE",
            Self::Closed => "REFUNDCLOSE",
        }
    }
}
