//! Orders here and at WeChat Pay: asks about an attempt to pay, ends attempts and closes orders.
//!
//! An attempt is given up only after WeChat Pay has said that it can't be paid any more, because a later payment would be lost otherwise.

use super::merchant::pay_client;
use crate::{
    host::{Host, HostError},
    order::{LatePaymentPolicy, Status},
    pay::{CloseResponse, PayClient, PayError, TradeState},
    store::{CloseWriteOutcome, Order, Orders, SettleOutcome, StoreError, WriteOutcome},
    telemetry,
    types::UnixSeconds,
};

/// The state of an order's attempt at WeChat Pay. A payment that it names is recorded when this is returned.
#[derive(Debug)]
pub enum AttemptStatus {
    /// The order is paid; the order as it is now.
    Paid(Box<Order>),
    /// The attempt can still be paid.
    Payable,
    /// The attempt can't be paid any more.
    Closed,
    /// The attempt was paid with a wrong amount or by another user, and the whole payment is refunded or being refunded. The order is
    /// closed; the order as it is now.
    OrderClosed(Box<Order>),
    /// WeChat Pay does not know the attempt.
    Unknown,
    /// A payment or refund does not fit the order, so an operator must decide.
    Disputed,
}

/// What came of closing an order.
#[derive(Debug)]
pub enum CloseOutcome {
    /// The order is closed; the order as it is now.
    Closed(Box<Order>),
    /// The order was paid; the order as it is now.
    Paid(Box<Order>),
    /// A payment or refund does not fit the order, so an operator must decide.
    Disputed,
}

/// What came of beginning the next attempt of an order.
#[derive(Debug)]
pub enum NextAttemptOutcome {
    /// This request or another one has begun the next attempt; the order as it is now.
    Begun(Box<Order>),
    /// The order is closed, because no number is left, the whole payment is refunded, or another request closed it; the order as it is
    /// now.
    OrderClosed(Box<Order>),
    /// The order was paid; the order as it is now.
    Paid(Box<Order>),
    /// A payment or refund does not fit the order, so an operator must decide.
    Disputed,
}

impl From<CloseOutcome> for NextAttemptOutcome {
    fn from(outcome: CloseOutcome) -> Self {
        match outcome {
            CloseOutcome::Closed(order) => Self::OrderClosed(order),
            CloseOutcome::Paid(order) => Self::Paid(order),
            CloseOutcome::Disputed => Self::Disputed,
        }
    }
}

/// The state of an attempt or an order could not be found out or changed.
#[derive(Debug, thiserror::Error)]
pub enum PaymentServiceError {
    /// WeChat Pay refuses the request or does not answer.
    #[error(transparent)]
    Pay(#[from] PayError),
    /// DynamoDB failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The order changed with each of `MAX_ROUNDS` tries, is gone, or is paid and unpaid by WeChat Pay's own answers.
    #[error("the order makes no progress: {0}")]
    NoProgress(&'static str),
}

/// Asks WeChat Pay about attempts, ends them and closes orders.
pub struct PaymentService {
    /// The client of WeChat Pay.
    pub pay: PayClient,
    /// The table of orders.
    pub orders: Orders,
    late_payment_policy: LatePaymentPolicy,
    host: Host,
}

impl PaymentService {
    /// [`pay_client`], [`Orders::new`] and [`LatePaymentPolicy::from_host`] read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            pay: pay_client(host)?,
            orders: Orders::new(host)?,
            late_payment_policy: LatePaymentPolicy::from_host(host)?,
            host: host.clone(),
        })
    }

    /// Asks WeChat Pay about the order's attempt, and records a payment that it names.
    ///
    /// # Errors
    /// [`PaymentServiceError`]. The payment may have been recorded; repeating the call is harmless.
    pub async fn refresh_attempt(&self, order: &Order) -> Result<AttemptStatus, PaymentServiceError> {
        let payment = match self.pay.query(order.out_trade_no).await? {
            TradeState::Paid(payment) => payment,
            TradeState::Unpaid => return Ok(AttemptStatus::Payable),
            TradeState::Closed => return Ok(AttemptStatus::Closed),
            TradeState::Unknown => return Ok(AttemptStatus::Unknown),
            TradeState::Refunded => {
                telemetry::operator_alert("payment-refunded-elsewhere", &order.out_trade_no);
                return Ok(AttemptStatus::Disputed);
            }
        };
        let settled = self.orders.settle(&payment, self.late_payment_policy).await?;
        // The order's row decides: it may be paid although this payment is a second one.
        let order = self.current(order).await?;
        if order.status.was_paid() {
            return Ok(AttemptStatus::Paid(order));
        }
        if let SettleOutcome::FullyRefunded(_) = settled {
            return Ok(match self.orders.close(&order, self.now()).await? {
                CloseWriteOutcome::Closed(order) => AttemptStatus::OrderClosed(order),
                CloseWriteOutcome::Conflict(order) if order.status.was_paid() => AttemptStatus::Paid(order),
                // Another request has begun the next attempt.
                CloseWriteOutcome::Conflict(_) => AttemptStatus::Closed,
            });
        }
        telemetry::operator_alert("queried-payment-mismatch", &payment.out_trade_no());
        Ok(AttemptStatus::Disputed)
    }

    /// Closes the order: asks WeChat Pay about the attempt, closes the attempt there, then closes the order in the table.
    ///
    /// # Errors
    /// [`PaymentServiceError`]; the order can be closed again later.
    pub async fn close(&self, order: &Order) -> Result<CloseOutcome, PaymentServiceError> {
        let mut order = order.clone();
        for _ in 0..MAX_ROUNDS {
            // An attempt without terms was never sent to WeChat Pay. If another request sends it now, the condition of closing fails.
            if order.terms.is_some() {
                match self.end_attempt(&order).await? {
                    AttemptStatus::Paid(order) => return Ok(CloseOutcome::Paid(order)),
                    AttemptStatus::OrderClosed(order) => return Ok(CloseOutcome::Closed(order)),
                    AttemptStatus::Disputed => return Ok(CloseOutcome::Disputed),
                    AttemptStatus::Closed | AttemptStatus::Unknown | AttemptStatus::Payable => {}
                }
            }
            order = match self.orders.close(&order, self.now()).await? {
                CloseWriteOutcome::Closed(order) => return Ok(CloseOutcome::Closed(order)),
                CloseWriteOutcome::Conflict(order) if order.status.was_paid() => {
                    return Ok(CloseOutcome::Paid(order));
                }
                // Another request has prepaid the attempt or begun the next one, which must be ended as well.
                CloseWriteOutcome::Conflict(order) => *order,
            };
        }
        Err(PaymentServiceError::NoProgress("it was prepaid anew each time"))
    }

    /// Ends the order's attempt and begins the next one, because the `out_trade_no` can't be used any more or the request must change. An
    /// order whose numbers are used up is closed, because nothing can pay it any more.
    ///
    /// # Errors
    /// [`PaymentServiceError`]; the call can be repeated.
    pub async fn begin_next_attempt(&self, order: &Order) -> Result<NextAttemptOutcome, PaymentServiceError> {
        let ending = order.out_trade_no;
        let Some(next) = ending.next() else { return Ok(self.close(order).await?.into()) };
        let mut order = order.clone();
        for _ in 0..MAX_ROUNDS {
            match self.end_attempt(&order).await? {
                AttemptStatus::Paid(order) => return Ok(NextAttemptOutcome::Paid(order)),
                AttemptStatus::OrderClosed(order) => return Ok(NextAttemptOutcome::OrderClosed(order)),
                AttemptStatus::Disputed => return Ok(NextAttemptOutcome::Disputed),
                AttemptStatus::Closed | AttemptStatus::Unknown | AttemptStatus::Payable => {}
            }
            order = match self.orders.begin_attempt(&order, next).await? {
                WriteOutcome::Written => {
                    let order = Order { out_trade_no: next, terms: None, prepay: None, ..order };
                    return Ok(NextAttemptOutcome::Begun(Box::new(order)));
                }
                WriteOutcome::Conflict(order) if order.status.was_paid() => {
                    return Ok(NextAttemptOutcome::Paid(order));
                }
                // A concurrent request has stored a prepayment of the number that was ended, so end it once more.
                WriteOutcome::Conflict(order)
                    if order.status == Status::Unpaid && order.out_trade_no == ending =>
                {
                    *order
                }
                WriteOutcome::Conflict(order) if order.status == Status::Closed => {
                    return Ok(NextAttemptOutcome::OrderClosed(order));
                }
                WriteOutcome::Conflict(order) => return Ok(NextAttemptOutcome::Begun(order)),
            };
        }
        Err(PaymentServiceError::NoProgress("it was prepaid anew each time"))
    }

    /// Closes the attempt at WeChat Pay, unless it was paid or has ended.
    async fn end_attempt(&self, order: &Order) -> Result<AttemptStatus, PaymentServiceError> {
        for _ in 0..MAX_ROUNDS {
            match self.refresh_attempt(order).await? {
                // The query may return a state older than our prepay call. Closing an unknown attempt is harmless, so close here.
                AttemptStatus::Payable | AttemptStatus::Unknown => {}
                ended => return Ok(ended),
            }
            match self.pay.close(order.out_trade_no).await? {
                CloseResponse::Closed => return Ok(AttemptStatus::Closed),
                // The attempt was paid between the query and the close: ask again, to record the payment.
                CloseResponse::AskAgain => {}
            }
        }
        Err(PaymentServiceError::NoProgress("WeChat Pay calls it paid and unpaid"))
    }

    async fn current(&self, order: &Order) -> Result<Box<Order>, PaymentServiceError> {
        Ok(Box::new(
            self.orders.get(order.order_id).await?.ok_or(PaymentServiceError::NoProgress("it is gone"))?,
        ))
    }

    fn now(&self) -> UnixSeconds {
        self.host.now()
    }
}

const MAX_ROUNDS: usize = 3;
