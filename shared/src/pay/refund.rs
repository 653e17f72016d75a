//! Money that goes back.

use serde::{Deserialize, Serialize};

use super::{Source, error::is_rate_limit};
use crate::types::{Fen, OutRefundNo, OutTradeNo, TransactionId, UnixSeconds};

/// Where a refund stands.
///
/// ```text
/// PROCESSING ──▶ SUCCESS
///     │    └───▶ ABNORMAL ──▶ SUCCESS
///     │              │
///     └──▶ CLOSED ◀──┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RefundStatus {
    /// Asked for, and not through.
    Processing,
    /// The user has the money.
    Success,
    /// The money can't reach the user: an operator must help it on in the merchant console.
    Abnormal,
    /// It came to nothing.
    Closed,
}

impl RefundStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Processing, Self::Success, Self::Abnormal, Self::Closed];

    /// As stored and answered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Abnormal => "ABNORMAL",
            Self::Closed => "CLOSED",
        }
    }

    /// Whether a refund may go from this status to `next`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Processing, Self::Success | Self::Abnormal | Self::Closed)
                | (Self::Abnormal, Self::Success | Self::Closed)
        )
    }

    /// Whether nothing follows any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Closed)
    }
}

/// What a refund is asked for. The same number must always be asked with the same.
pub struct RefundRequest<'a> {
    /// Our number of it.
    pub out_refund_no: &'a OutRefundNo,
    /// The payment.
    pub transaction_id: &'a TransactionId,
    /// How much goes back.
    pub refund_fee: Fen,
    /// How much was paid.
    pub total_fee: Fen,
    /// What the user reads, at most 80 bytes.
    pub reason: Option<&'a str>,
    /// Where WeChat Pay sends its notice; `None` is what the merchant console says.
    pub notify_url: Option<&'a str>,
}

/// What came of asking for a refund.
#[derive(Debug)]
pub enum Requested {
    /// It is under way, or done.
    Accepted(Refund),
    /// Too soon after another: the same request again, in a minute.
    TooSoon(String),
    /// Not now, for the reason of this code: the same request again, later.
    NotNow(String),
    /// Not at all, for the reason of this code.
    Refused(String),
}

impl Requested {
    /// What a code of either interface means for the request.
    pub(super) fn refused(code: String) -> Self {
        match code.as_str() {
            // The merchant's account can't give it at the moment.
            "NOTENOUGH" | "NOT_ENOUGH" => Self::NotNow(code),
            limit if is_rate_limit(limit) => Self::TooSoon(code),
            _ => Self::Refused(code),
        }
    }
}

/// A refund, read from verified bytes.
///
/// Outside of this module's parent it can't be made, only received.
#[derive(Debug, Clone)]
pub struct Refund {
    pub(super) out_refund_no: OutRefundNo,
    pub(super) refund_id: String,
    pub(super) out_trade_no: OutTradeNo,
    pub(super) transaction_id: TransactionId,
    pub(super) refund_fee: Fen,
    pub(super) status: RefundStatus,
    pub(super) success_at: Option<UnixSeconds>,
    pub(super) source: Source,
}

impl Refund {
    /// The merchant's number of it: ours, or one of the merchant console's.
    #[must_use]
    pub fn out_refund_no(&self) -> &OutRefundNo {
        &self.out_refund_no
    }

    /// WeChat Pay's number of it.
    #[must_use]
    pub fn refund_id(&self) -> &str {
        &self.refund_id
    }

    /// The attempt that was paid.
    #[must_use]
    pub fn out_trade_no(&self) -> OutTradeNo {
        self.out_trade_no
    }

    /// The payment.
    #[must_use]
    pub fn transaction_id(&self) -> &TransactionId {
        &self.transaction_id
    }

    /// How much goes back.
    #[must_use]
    pub fn refund_fee(&self) -> Fen {
        self.refund_fee
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> RefundStatus {
        self.status
    }

    /// When the user had the money.
    #[must_use]
    pub fn success_at(&self) -> Option<UnixSeconds> {
        self.success_at
    }

    /// How we know.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }
}
