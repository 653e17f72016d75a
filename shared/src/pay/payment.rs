//! Payments and failed attempts to pay, as WeChat Pay reports them.

use crate::types::{Fen, IdError, OpenId, OutTradeNo, TransactionId, UnixSeconds};

/// How a payment or refund became known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// By a notice.
    Notice,
    /// By a query.
    Query,
}

impl Source {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "NOTICE",
            Self::Query => "QUERY",
        }
    }
}

/// A successful payment, read from verified bytes.
///
/// Code outside of `pay` can't make one.
#[derive(Debug, Clone)]
pub struct Payment {
    pub(super) out_trade_no: OutTradeNo,
    pub(super) transaction_id: TransactionId,
    pub(super) total_fee: Fen,
    pub(super) currency: String,
    pub(super) openid: OpenId,
    pub(super) paid_at: UnixSeconds,
    pub(super) source: Source,
    pub(super) has_refunds: bool,
}

impl Payment {
    /// The attempt that was paid.
    #[must_use]
    pub fn out_trade_no(&self) -> OutTradeNo {
        self.out_trade_no
    }

    /// WeChat Pay's number of the payment.
    #[must_use]
    pub fn transaction_id(&self) -> &TransactionId {
        &self.transaction_id
    }

    /// The order's amount at WeChat Pay, which must equal the amount in our table. It includes coupons, so it can be more than the
    /// cash that was paid.
    #[must_use]
    pub fn total_fee(&self) -> Fen {
        self.total_fee
    }

    /// The currency; every order here is in `CNY`.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// The openid of the payer.
    #[must_use]
    pub fn openid(&self) -> &OpenId {
        &self.openid
    }

    /// When.
    #[must_use]
    pub fn paid_at(&self) -> UnixSeconds {
        self.paid_at
    }

    /// Whether a part of the payment was refunded since, or is being refunded.
    #[must_use]
    pub fn has_refunds(&self) -> bool {
        self.has_refunds
    }

    /// How the payment became known.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }
}

/// An attempt to pay that failed, read from a verified notice of APIv2.
///
/// Code outside of `pay` can't make one.
#[derive(Debug, Clone)]
pub struct FailedAttempt {
    pub(super) out_trade_no: Result<OutTradeNo, IdError>,
    pub(super) err_code: String,
}

impl FailedAttempt {
    /// The attempt.
    ///
    /// # Errors
    /// [`IdError`]: the number is not one of ours but of another system of the merchant.
    pub fn out_trade_no(&self) -> Result<OutTradeNo, &IdError> {
        self.out_trade_no.as_ref().copied()
    }

    /// WeChat Pay's code for the failure, such as `NOTENOUGH`.
    #[must_use]
    pub fn err_code(&self) -> &str {
        &self.err_code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::OrderId;

    /// Payments for tests of the layers above, which can't receive one.
    impl Payment {
        /// A payment of `total_fee` in `currency` by `openid`, of which nothing was given back unless `has_refunds` says so.
        pub(crate) fn for_test(
            transaction_id: &str,
            (total_fee, currency): (u64, &str),
            openid: &str,
            has_refunds: bool,
        ) -> Self {
            Self {
                out_trade_no: OutTradeNo::first(OrderId::new(UnixSeconds::new(1), [0; 10])),
                transaction_id: TransactionId::parse(transaction_id).unwrap(),
                total_fee: Fen::new(total_fee).unwrap(),
                currency: currency.to_owned(),
                openid: OpenId::parse(openid).unwrap(),
                paid_at: UnixSeconds::new(2),
                source: Source::Notice,
                has_refunds,
            }
        }
    }
}
