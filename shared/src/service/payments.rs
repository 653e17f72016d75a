//! Our books and WeChat Pay's, brought together: asking about an attempt, ending it, closing an order.
//!
//! The rule that keeps money: an attempt is given up only after WeChat Pay has said that it can't be paid any more.

use super::merchant::pay_client;
use crate::{
    host::{Host, HostError},
    order::{LatePaymentPolicy, Status},
    pay::{CloseResponse, PayClient, PayError, TradeState},
    store::{CloseWriteOutcome, Order, Orders, SettleOutcome, StoreError, WriteOutcome},
    telemetry,
    types::UnixSeconds,
};

/// What WeChat Pay says of an order's attempt. What it said is settled when this is returned.
#[derive(Debug)]
pub enum AttemptStatus {
    /// The order is paid; as it is now.
    Paid(Box<Order>),
    /// It can still be paid.
    Payable,
    /// It can't be paid any more.
    Closed,
    /// It was paid by what was not the order's payment, and all of that went back or is on its way back: the order is closed; as it
    /// is now.
    OrderClosed(Box<Order>),
    /// WeChat Pay has never heard of it.
    Unknown,
    /// Money was taken or given back in a way that only an operator can judge.
    Disputed,
}

/// What came of closing an order, or of going on to another attempt.
#[derive(Debug)]
pub enum CloseOutcome {
    /// Done; the order as it is now.
    Done(Box<Order>),
    /// It was paid; the order as it is now.
    Paid(Box<Order>),
    /// Only an operator can judge.
    Disputed,
}

/// WeChat Pay or the database could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum PaymentServiceError {
    /// WeChat Pay.
    #[error(transparent)]
    Pay(#[from] PayError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The order changed again and again.
    #[error("the order can't be brought to rest: {0}")]
    NoProgress(&'static str),
}

/// Asks, settles, ends attempts and closes orders.
pub struct PaymentService {
    /// The client of WeChat Pay.
    pub pay: PayClient,
    /// The orders.
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

    /// Asks what became of the order's attempt, and settles a payment.
    ///
    /// # Errors
    /// [`PaymentServiceError`].
    pub async fn refresh_attempt(&self, order: &Order) -> Result<AttemptStatus, PaymentServiceError> {
        let payment = match self.pay.query(order.out_trade_no).await? {
            TradeState::Paid(payment) => payment,
            TradeState::Unpaid => return Ok(AttemptStatus::Payable),
            TradeState::Closed => return Ok(AttemptStatus::Closed),
            TradeState::Unknown => return Ok(AttemptStatus::Unknown),
            TradeState::Refunded => {
                telemetry::attention("refunded-elsewhere", &order.out_trade_no);
                return Ok(AttemptStatus::Disputed);
            }
        };
        let settled = self.orders.settle(&payment, self.late_payment_policy).await?;
        // Whatever the payment meant, the order itself says whether it is paid.
        let order = self.current(order).await?;
        if order.status.was_paid() {
            return Ok(AttemptStatus::Paid(order));
        }
        if let SettleOutcome::FullyRefunded(_) = settled {
            return Ok(match self.orders.close(&order, self.now()).await? {
                CloseWriteOutcome::Closed(order) => AttemptStatus::OrderClosed(order),
                CloseWriteOutcome::Conflict(order) if order.status.was_paid() => AttemptStatus::Paid(order),
                // It is at another attempt meanwhile.
                CloseWriteOutcome::Conflict(_) => AttemptStatus::Closed,
            });
        }
        telemetry::attention("payment-not-for-the-order", &payment.out_trade_no());
        Ok(AttemptStatus::Disputed)
    }

    /// Closes the order: asks, closes the attempt at WeChat Pay, then in our books.
    ///
    /// # Errors
    /// [`PaymentServiceError`]; the order can be closed again later.
    pub async fn close(&self, order: &Order) -> Result<CloseOutcome, PaymentServiceError> {
        let mut order = order.clone();
        for _ in 0..ROUNDS {
            // WeChat Pay has not heard of what was never prepaid; if it hears of it now, closing finds that out.
            if order.terms.is_some() {
                match self.end_attempt(&order).await? {
                    AttemptStatus::Paid(order) => return Ok(CloseOutcome::Paid(order)),
                    AttemptStatus::OrderClosed(order) => return Ok(CloseOutcome::Done(order)),
                    AttemptStatus::Disputed => return Ok(CloseOutcome::Disputed),
                    AttemptStatus::Closed | AttemptStatus::Unknown | AttemptStatus::Payable => {}
                }
            }
            order = match self.orders.close(&order, self.now()).await? {
                CloseWriteOutcome::Closed(order) => return Ok(CloseOutcome::Done(order)),
                CloseWriteOutcome::Conflict(order) if order.status.was_paid() => {
                    return Ok(CloseOutcome::Paid(order));
                }
                // It was prepaid, or another attempt was begun, meanwhile: that must be ended as well.
                CloseWriteOutcome::Conflict(order) => *order,
            };
        }
        Err(PaymentServiceError::NoProgress("it was prepaid anew each time"))
    }

    /// Ends the order's attempt and begins the next: the number can't be used any more, or the request must change. An order whose
    /// numbers are used up is closed, because nothing can pay it any more.
    ///
    /// # Errors
    /// [`PaymentServiceError`].
    pub async fn begin_next_attempt(&self, order: &Order) -> Result<CloseOutcome, PaymentServiceError> {
        let ending = order.out_trade_no;
        let Some(next) = ending.next() else { return self.close(order).await };
        let mut order = order.clone();
        for _ in 0..ROUNDS {
            match self.end_attempt(&order).await? {
                AttemptStatus::Paid(order) => return Ok(CloseOutcome::Paid(order)),
                AttemptStatus::OrderClosed(order) => return Ok(CloseOutcome::Done(order)),
                AttemptStatus::Disputed => return Ok(CloseOutcome::Disputed),
                AttemptStatus::Closed | AttemptStatus::Unknown | AttemptStatus::Payable => {}
            }
            order = match self.orders.begin_attempt(&order, next).await? {
                WriteOutcome::Written => {
                    let order = Order { out_trade_no: next, terms: None, prepay: None, ..order };
                    return Ok(CloseOutcome::Done(Box::new(order)));
                }
                WriteOutcome::Conflict(order) if order.status.was_paid() => {
                    return Ok(CloseOutcome::Paid(order));
                }
                // A neighbour has stored the prepayment of just the number that was ended: it is dead, too.
                WriteOutcome::Conflict(order)
                    if order.status == Status::Unpaid && order.out_trade_no == ending =>
                {
                    *order
                }
                WriteOutcome::Conflict(order) => return Ok(CloseOutcome::Done(order)),
            };
        }
        Err(PaymentServiceError::NoProgress("it was prepaid anew each time"))
    }

    /// Sees to it that the attempt can't be paid any more, unless it was paid.
    async fn end_attempt(&self, order: &Order) -> Result<AttemptStatus, PaymentServiceError> {
        for _ in 0..ROUNDS {
            match self.refresh_attempt(order).await? {
                // A question can be answered from before the prepayment: closing what is not there does no harm.
                AttemptStatus::Payable | AttemptStatus::Unknown => {}
                ended => return Ok(ended),
            }
            match self.pay.close(order.out_trade_no).await? {
                CloseResponse::Closed => return Ok(AttemptStatus::Closed),
                // Paid between the question and the closing: ask again, to settle it.
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

const ROUNDS: usize = 3;
