//! Refunds that stand in the bill and not in our books: made in the merchant console, and their notices were lost or came before
//! their payments. The bill tells their numbers, and for a number WeChat Pay answers by either interface.

use shared::{
    pay::RefundLine,
    store::SettledRefund,
    telemetry,
    types::{Day, OutRefundNo, OutTradeNo},
};

use crate::{ReconcileTask, compare::CompareError};

/// What came of asking WeChat Pay about a refund that our books lacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adoption {
    /// It is in our books now.
    Adopted,
    /// It can't be in our books, for this reason.
    Not(&'static str),
    /// WeChat Pay or the database could not be asked.
    Failed,
}

impl Adoption {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Adopted => "WeChat Pay was asked, and the refund is in our books now",
            Self::Not(why) => why,
            Self::Failed => "WeChat Pay could not be asked: run the day again",
        }
    }
}

impl ReconcileTask {
    /// Asks WeChat Pay about the refund, and takes it over.
    pub(crate) async fn adopt(&self, day: Day, line: &RefundLine) -> Result<Adoption, CompareError> {
        let (Ok(number), Ok(_)) =
            (OutRefundNo::parse(&line.out_refund_no), OutTradeNo::parse(&line.out_trade_no))
        else {
            return Ok(Adoption::Not("the number is not one of ours"));
        };
        let refund = match self.pay.query_refund(&number).await {
            Ok(Some(refund)) => refund,
            Ok(None) => return Ok(Adoption::Not("WeChat Pay was asked and knows no such refund")),
            Err(error) => {
                telemetry::survived("bill-adopt", &error);
                return Ok(Adoption::Failed);
            }
        };
        if *refund.transaction_id() != line.transaction_id || refund.refund_fee().get() != line.refund_fee {
            return Ok(Adoption::Not("WeChat Pay was asked and says something else than its bill"));
        }
        match self.refunder.settle(&refund).await {
            Ok(SettledRefund::Changed(_) | SettledRefund::Again(_)) => {
                // It is in the bill, so it is not missing there.
                self.bills.found_refund(day, &number).await?;
                Ok(Adoption::Adopted)
            }
            Ok(SettledRefund::Differs) => {
                Ok(Adoption::Not("it is of another payment or sum than our books hold"))
            }
            Ok(SettledRefund::NoSuchPayment) => Ok(Adoption::Not("our books have no such payment")),
            Err(error) => {
                telemetry::survived("bill-adopt", &error);
                Ok(Adoption::Failed)
            }
        }
    }
}
