//! Refunds: requests, WeChat Pay's answers and statuses.

use serde::{Deserialize, Serialize};

use super::{ApiVersion, Source, error::is_rate_limit};
use crate::types::{Fen, OutRefundNo, OutTradeNo, Secret, TransactionId, UnixSeconds};

/// The status of a refund.
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
    /// Requested, and not finished.
    Processing,
    /// The user has received the money.
    Success,
    /// The money can't reach the user: an operator must redirect it, here or in the merchant console.
    Abnormal,
    /// The refund failed, and the merchant keeps the money.
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

    /// Whether no other status can follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Closed)
    }
}

/// The request of a refund. A repetition with the same `out_refund_no` must be identical.
pub struct RefundRequest<'a> {
    /// Our number of the refund.
    pub out_refund_no: &'a OutRefundNo,
    /// The payment.
    pub transaction_id: &'a TransactionId,
    /// The amount to refund.
    pub refund_fee: Fen,
    /// The amount of the payment.
    pub total_fee: Fen,
    /// The reason that the user reads, at most 80 bytes.
    pub reason: Option<&'a str>,
    /// The address of the notice; `None` means the one that is set in the merchant console.
    pub notify_url: Option<&'a str>,
}

/// The payee that the money of an abnormal refund is redirected to.
#[derive(Debug)]
pub enum AbnormalPayee {
    /// To a bank card of the user's.
    UserCard {
        /// WeChat Pay's name of the bank, `ICBC_DEBIT`.
        bank_type: String,
        /// The card's number.
        bank_account: Secret,
        /// The name of the card's owner.
        real_name: Secret,
    },
    /// To the merchant's own bank account: the merchant gives it to the user in another way.
    Merchant,
}

/// WeChat Pay's answer to the request of a refund.
#[derive(Debug)]
pub enum RefundResponse {
    /// The refund is in progress, or finished.
    Accepted(Refund),
    /// The request came too soon after another refund or after the payment: repeat it in a minute. With WeChat Pay's code.
    RetryInOneMinute(String),
    /// WeChat Pay refuses for the reason of this code, which can end (a balance, a setting): repeat the request later.
    RetryLater(String),
    /// WeChat Pay refuses for ever, for the reason of this code.
    Refused(String),
}

impl RefundResponse {
    /// Reads an error code of the API version. Only the codes of [`FINAL_CODES`] end the refund. Every other code, also an unknown
    /// one, is repeated later, because a refund that waits costs an operator a look and one that is ended too early can be made
    /// twice.
    pub(super) fn from_error_code(version: ApiVersion, code: String) -> Self {
        if code == "ORDER_NOT_READY" || is_rate_limit(&code) {
            Self::RetryInOneMinute(code)
        } else if FINAL_CODES.contains(&(version, code.as_str())) {
            Self::Refused(code)
        } else {
            Self::RetryLater(code)
        }
    }
}

/// The codes after which the same request can never be accepted, by the interface that documents them.
///
/// WeChat Pay: 申请退款, "错误码", of APIv2 and APIv3.
const FINAL_CODES: [(ApiVersion, &str); 13] = [
    // The request is malformed, or differs from an earlier one with the same number.
    (ApiVersion::V2, "PARAM_ERROR"),
    (ApiVersion::V3, "PARAM_ERROR"),
    (ApiVersion::V3, "INVALID_REQUEST"),
    (ApiVersion::V2, "REFUND_FEE_MISMATCH"),
    // The payment does not exist.
    (ApiVersion::V2, "ORDERNOTEXIST"),
    (ApiVersion::V3, "ORDER_NOT_EXIST"),
    (ApiVersion::V3, "RESOURCE_NOT_EXISTS"),
    (ApiVersion::V2, "INVALID_TRANSACTIONID"),
    (ApiVersion::V3, "INVALID_TRANSACTIONID"),
    // The payment is more than a year old.
    (ApiVersion::V2, "TRADE_OVERDUE"),
    (ApiVersion::V3, "TRADE_OVERDUE"),
    // The user's account is closed.
    (ApiVersion::V2, "USER_ACCOUNT_ABNORMAL"),
    (ApiVersion::V3, "USER_ACCOUNT_ABNORMAL"),
];

/// A refund, read from verified bytes.
///
/// Code outside of `pay` can't make one.
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
    /// The merchant's number of the refund: made here, or by the merchant console.
    #[must_use]
    pub fn out_refund_no(&self) -> &OutRefundNo {
        &self.out_refund_no
    }

    /// WeChat Pay's number of the refund.
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

    /// The amount to refund.
    #[must_use]
    pub fn refund_fee(&self) -> Fen {
        self.refund_fee
    }

    /// The refund's status.
    #[must_use]
    pub fn status(&self) -> RefundStatus {
        self.status
    }

    /// When the user received the money.
    #[must_use]
    pub fn success_at(&self) -> Option<UnixSeconds> {
        self.success_at
    }

    /// How the refund became known.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_of_both_interfaces_waits_or_ends_as_documented() {
        const SOON: &str = "too soon";
        const WAIT: &str = "waits";
        const END: &str = "ends";
        let v2 = [
            ("SYSTEMERROR", WAIT),
            ("BIZERR_NEED_RETRY", WAIT),
            ("FREQUENCY_LIMITED", SOON),
            ("INVALID_REQ_TOO_MUCH", SOON),
            ("ORDER_NOT_READY", SOON),
            ("NOTENOUGH", WAIT),
            ("ERROR", WAIT),
            ("SIGNERROR", WAIT),
            ("CERT_ERROR", WAIT),
            ("NOAUTH", WAIT),
            ("MCHID_NOT_EXIST", WAIT),
            ("APPID_NOT_EXIST", WAIT),
            ("APPID_MCHID_NOT_MATCH", WAIT),
            ("XML_FORMAT_ERROR", WAIT),
            ("REQUIRE_POST_METHOD", WAIT),
            ("TRADE_OVERDUE", END),
            ("USER_ACCOUNT_ABNORMAL", END),
            ("ORDERNOTEXIST", END),
            ("INVALID_TRANSACTIONID", END),
            ("PARAM_ERROR", END),
            ("REFUND_FEE_MISMATCH", END),
            ("A_CODE_OF_TOMORROW", WAIT),
            ("", WAIT),
        ];
        let v3 = [
            ("SYSTEM_ERROR", WAIT),
            ("SERVICE_UNAVAILABLE", WAIT),
            ("BANK_ERROR", WAIT),
            ("FREQUENCY_LIMITED", SOON),
            ("RATELIMIT_EXCEEDED", SOON),
            ("ORDER_NOT_READY", SOON),
            ("NOT_ENOUGH", WAIT),
            ("SIGN_ERROR", WAIT),
            ("NO_AUTH", WAIT),
            ("RULE_LIMIT", WAIT),
            ("TRADE_ERROR", WAIT),
            ("ACCOUNT_ERROR", WAIT),
            ("REQUEST_BLOCKED", WAIT),
            ("MCH_NOT_EXISTS", WAIT),
            ("APPID_MCHID_NOT_MATCH", WAIT),
            ("TRADE_OVERDUE", END),
            ("USER_ACCOUNT_ABNORMAL", END),
            ("RESOURCE_NOT_EXISTS", END),
            ("ORDER_NOT_EXIST", END),
            ("INVALID_TRANSACTIONID", END),
            ("PARAM_ERROR", END),
            ("INVALID_REQUEST", END),
            ("A_CODE_OF_TOMORROW", WAIT),
            ("", WAIT),
        ];
        let all = v2.map(|row| (ApiVersion::V2, row)).into_iter().chain(v3.map(|row| (ApiVersion::V3, row)));
        for (api, (code, expected)) in all {
            let (meaning, kept) = match RefundResponse::from_error_code(api, code.to_owned()) {
                RefundResponse::RetryInOneMinute(code) => (SOON, code),
                RefundResponse::RetryLater(code) => (WAIT, code),
                RefundResponse::Refused(code) => (END, code),
                RefundResponse::Accepted(_) => ("accepted", String::new()),
            };
            assert_eq!((meaning, kept.as_str()), (expected, code), "{api:?} {code}");
        }
    }
}
