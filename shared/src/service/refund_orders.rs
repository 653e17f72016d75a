//! What an operator's wish for a refund leads to: a refund that begins, one that goes on, or a reason why there is none. The
//! `out_refund_no` follows from the wish, so the same wish again means the same refund.

use super::{RefundService, RefundServiceError};
use crate::{
    pay::PayError,
    store::{BeginRefundOutcome, NewRefund, Order, PaymentRow, RefundRefusal, RefundRow},
    telemetry,
    types::OutTradeNo,
};

/// What came of an operator's wish for a refund.
#[derive(Debug)]
pub enum RefundOrderOutcome {
    /// The refund as it is now.
    Refund(Box<RefundRow>),
    /// There is no such order.
    NoSuchOrder,
    /// The attempt is not paid.
    NotPaid,
    /// The number belongs to a refund of another sum or reason.
    NumberTaken,
    /// The refund can't be begun.
    Refused(RefundRefusal),
}

impl RefundService {
    /// Begins the refund in our tables, then requests it from WeChat Pay; a refund that was begun before goes on.
    ///
    /// # Errors
    /// [`RefundServiceError`]: configuration is missing, or DynamoDB failed. The refund may be begun. Repeating the call is harmless.
    pub async fn order_refund(
        &self,
        out_trade_no: OutTradeNo,
        new: &NewRefund,
    ) -> Result<RefundOrderOutcome, RefundServiceError> {
        // Fails if the merchant's certificate or keys are not configured, before the amount is claimed.
        self.pay.can_refund().await?;
        let (order, known) = self.store.get_with_order(out_trade_no.order_id(), &new.out_refund_no).await?;
        if let Some(row) = known {
            return self.repeat_refund(row, new).await;
        }
        let Some(order) = order else { return Ok(RefundOrderOutcome::NoSuchOrder) };
        let Some(payment) = self.find_payment(&order, out_trade_no).await? else {
            return Ok(RefundOrderOutcome::NotPaid);
        };
        match self.store.begin(&order, &payment, new).await? {
            BeginRefundOutcome::Begun(row) => {
                Ok(RefundOrderOutcome::Refund(Box::new(self.advance_begun(*row).await?)))
            }
            BeginRefundOutcome::AlreadyBegun(row) => self.repeat_refund(*row, new).await,
            BeginRefundOutcome::Refused(refusal) => Ok(RefundOrderOutcome::Refused(refusal)),
        }
    }

    /// The payment of the attempt, if it was paid.
    ///
    /// # Errors
    /// [`RefundServiceError`]; nothing was written.
    pub async fn find_payment(
        &self,
        order: &Order,
        out_trade_no: OutTradeNo,
    ) -> Result<Option<PaymentRow>, RefundServiceError> {
        Ok(match &order.transaction_id {
            Some(transaction_id) if order.paid_by == Some(out_trade_no) => {
                self.store.payment(transaction_id).await?
            }
            // A second payment is refunded by itself; a payment with a wrong amount is refunded here.
            _ => self.store.find_payment(out_trade_no).await?,
        })
    }

    /// Requests a refund that has begun from WeChat Pay; the refund as it is then. `order-sweep` goes on with it, so a failure is the
    /// refund with the reason in its field `failure`.
    ///
    /// # Errors
    /// [`RefundServiceError`]: configuration is missing, or a row is broken. The refund is begun.
    pub async fn advance_begun(&self, row: RefundRow) -> Result<RefundRow, RefundServiceError> {
        let error = match self.advance(&row).await {
            Ok(row) => return Ok(row),
            Err(error) => error,
        };
        match error {
            RefundServiceError::Pay(PayError::NotConfigured(_)) => Err(error),
            RefundServiceError::Store(store) if !store.is_transient() => Err(store.into()),
            error => {
                telemetry::handled_error("advance-refund", &error);
                let failure = error.reason().or_else(|| row.failure.clone());
                Ok(RefundRow { failure, ..row })
            }
        }
    }

    async fn repeat_refund(
        &self,
        row: RefundRow,
        new: &NewRefund,
    ) -> Result<RefundOrderOutcome, RefundServiceError> {
        if row.asked_fee != new.refund_fee || row.reason != new.reason {
            return Ok(RefundOrderOutcome::NumberTaken);
        }
        // One request at a time asks WeChat Pay; a concurrent one answers the refund's stored state.
        if row.status.is_final() || !self.store.claim_query(&row, self.now()).await? {
            return Ok(RefundOrderOutcome::Refund(Box::new(row)));
        }
        Ok(RefundOrderOutcome::Refund(Box::new(self.advance_begun(row).await?)))
    }
}
