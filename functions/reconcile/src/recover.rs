//! Recovers payments and refunds that stand in the bill and not in our tables: WeChat Pay is queried, and its answer is recorded.
//!
//! A payment is missing when its notice was lost. A refund is missing when it was made in the merchant console and its notice was
//! lost, or came before the payment's. WeChat Pay answers queries for either kind by its number, in both interfaces.

use shared::{
    order::PaymentVerdict,
    pay::{PaymentLine, RefundLine, TradeState},
    store::{RefundSettleOutcome, SettleOutcome, StoreError},
    telemetry,
    types::{Day, OutRefundNo, OutTradeNo},
};

use crate::ReconcileTask;

/// What came of querying WeChat Pay for a payment that our tables lacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaymentRecovery {
    /// The bill's `out_trade_no` is not a number of this shop, so WeChat Pay was not queried.
    ForeignNumber,
    /// The payment is recorded now. The verdict says what it meant for its order.
    Recorded(PaymentVerdict),
    /// The payment was recorded by another function meanwhile.
    AlreadyRecorded,
    /// Our tables have no order for the payment.
    NoSuchOrder,
    /// WeChat Pay's answer to the query does not confirm its bill, for this reason.
    NotConfirmed(&'static str),
    /// WeChat Pay or DynamoDB gave no usable answer. The next run tries again.
    Failed,
}

impl PaymentRecovery {
    /// Whether the payment is recorded now.
    pub(crate) fn is_recorded(self) -> bool {
        matches!(self, Self::Recorded(_) | Self::AlreadyRecorded)
    }

    /// The part of a case's text that says what was done.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::ForeignNumber => "the number is not one of ours",
            Self::Recorded(verdict) => match verdict {
                PaymentVerdict::PaysOrder | PaymentVerdict::AlreadyApplied => {
                    "WeChat Pay was asked, and the payment paid its order"
                }
                PaymentVerdict::RevivesOrder => {
                    "WeChat Pay was asked, and the payment opened its closed order again"
                }
                PaymentVerdict::SecondPayment => {
                    "WeChat Pay was asked; the order was paid before, so the money goes back"
                }
                PaymentVerdict::PaymentAfterClose => {
                    "WeChat Pay was asked; the order was closed, so the money goes back"
                }
                PaymentVerdict::AmountDiffers | PaymentVerdict::PayerDiffers => {
                    "WeChat Pay was asked; the payment is not its order's and waits for review"
                }
            },
            Self::AlreadyRecorded => "it was recorded in our tables meanwhile",
            Self::NoSuchOrder => "WeChat Pay was asked and says the same, and there is no such order",
            Self::NotConfirmed(reason) => reason,
            Self::Failed => "WeChat Pay could not be asked: run the day again",
        }
    }
}

/// What came of querying WeChat Pay for a refund that our tables lacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefundRecovery {
    /// The refund is recorded now.
    Recorded,
    /// The refund can't be recorded, for this reason.
    NotRecorded(&'static str),
    /// WeChat Pay or DynamoDB gave no usable answer. The next run tries again.
    Failed,
}

impl RefundRecovery {
    /// The part of a case's text that says what was done.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Recorded => "WeChat Pay was asked, and the refund is in our tables now",
            Self::NotRecorded(reason) => reason,
            Self::Failed => "WeChat Pay could not be asked: run the day again",
        }
    }
}

impl ReconcileTask {
    /// Queries WeChat Pay for the payment, and records it.
    ///
    /// If the run is killed between this and recording the difference, the payment is recorded and only the log mentions it.
    pub(crate) async fn recover_payment(&self, line: &PaymentLine) -> PaymentRecovery {
        telemetry::operator_alert("billed-payment-not-recorded", &line.transaction_id);
        let Ok(out_trade_no) = OutTradeNo::parse(&line.out_trade_no) else {
            return PaymentRecovery::ForeignNumber;
        };
        let payment = match self.pay.query(out_trade_no).await {
            Ok(TradeState::Paid(payment)) if *payment.transaction_id() == line.transaction_id => payment,
            Ok(TradeState::Paid(_)) => {
                return PaymentRecovery::NotConfirmed(
                    "WeChat Pay was asked and names another payment of that number",
                );
            }
            Ok(TradeState::Refunded) => {
                return PaymentRecovery::NotConfirmed(
                    "WeChat Pay was asked and says that it was given back since",
                );
            }
            Ok(TradeState::Unpaid | TradeState::Closed | TradeState::Unknown) => {
                return PaymentRecovery::NotConfirmed("WeChat Pay was asked and says that it is not paid");
            }
            Err(error) => {
                telemetry::handled_error("recover-payment", &error);
                return PaymentRecovery::Failed;
            }
        };
        match self.orders.settle(&payment, self.late_payment_policy).await {
            Ok(SettleOutcome::Recorded(verdict)) => PaymentRecovery::Recorded(verdict),
            Ok(SettleOutcome::AlreadyRecorded(_) | SettleOutcome::FullyRefunded(_)) => {
                PaymentRecovery::AlreadyRecorded
            }
            Ok(SettleOutcome::NoSuchOrder) => PaymentRecovery::NoSuchOrder,
            Err(error) => {
                telemetry::handled_error("recover-payment", &error);
                PaymentRecovery::Failed
            }
        }
    }

    /// Queries WeChat Pay for the refund, and records it.
    ///
    /// # Errors
    /// [`StoreError`]: the refund is recorded, but not marked as found in the bill. Go through the day again.
    pub(crate) async fn recover_refund(
        &self,
        day: Day,
        line: &RefundLine,
    ) -> Result<RefundRecovery, StoreError> {
        let (Ok(out_refund_no), Ok(_)) =
            (OutRefundNo::parse(&line.out_refund_no), OutTradeNo::parse(&line.out_trade_no))
        else {
            return Ok(RefundRecovery::NotRecorded("the number is not one of ours"));
        };
        let refund = match self.pay.query_refund(&out_refund_no).await {
            Ok(Some(refund)) => refund,
            Ok(None) => {
                return Ok(RefundRecovery::NotRecorded("WeChat Pay was asked and knows no such refund"));
            }
            Err(error) => {
                telemetry::handled_error("recover-refund", &error);
                return Ok(RefundRecovery::Failed);
            }
        };
        if *refund.transaction_id() != line.transaction_id || refund.refund_fee().get() != line.refund_fee {
            return Ok(RefundRecovery::NotRecorded(
                "WeChat Pay was asked and says something else than its bill",
            ));
        }
        match self.refunds.settle(&refund).await {
            Ok(RefundSettleOutcome::Changed(_) | RefundSettleOutcome::AlreadyRecorded(_)) => {
                // The bill has the refund, so it must not be reported as missing there.
                self.bills.mark_refund_billed(day, &out_refund_no).await?;
                Ok(RefundRecovery::Recorded)
            }
            Ok(RefundSettleOutcome::Differs) => {
                Ok(RefundRecovery::NotRecorded("it is of another payment or sum than our tables hold"))
            }
            Ok(RefundSettleOutcome::NoSuchPayment) => {
                Ok(RefundRecovery::NotRecorded("our tables have no such payment"))
            }
            Err(error) => {
                telemetry::handled_error("recover-refund", &error);
                Ok(RefundRecovery::Failed)
            }
        }
    }
}
