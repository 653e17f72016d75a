//! Prepaying an order: what each answer of WeChat Pay to 统一下单 means for the order.

use shared::{
    api::{ApiError, Code},
    order::Status,
    pay::{PayError, PrepayOutcome, PrepayRequest},
    service::{AttemptStatus, NextAttemptOutcome},
    store::{Order, Prepay, PrepayTerms, WriteOutcome},
    telemetry,
    types::PrepayId,
};

use crate::{UnifiedOrderFunction, prepay_input::PrepayInput};

/// What follows from one step of prepaying.
enum PrepayStep {
    /// The order can be paid with this `prepay_id`.
    Ready(PrepayId),
    /// Try again with this order, as it was read or changed last.
    Retry(Box<Order>),
}

impl UnifiedOrderFunction {
    /// Prepays the order. The order moves on to its next `out_trade_no` where WeChat Pay or the request requires that.
    ///
    /// # Errors
    /// `ORDER_PAID`, `ORDER_CLOSED`, or why WeChat Pay does not prepay. After `UPSTREAM_BUSY` the same request can be sent again.
    pub(crate) async fn prepay_order(
        &self,
        mut order: Order,
        input: &PrepayInput,
    ) -> Result<PrepayId, ApiError> {
        for _ in 0..MAX_STEPS {
            if order.is_over(self.host.now()) {
                return Err(Code::OrderClosed.into());
            }
            let description_changed = !input.has_same_description(&order);
            if description_changed && order.out_trade_no.attempt() >= MAX_ATTEMPTS_BY_DESCRIPTION {
                return Err(ApiError::new(Code::Conflict).with_message("订单说明更改过多，请重新下单"));
            }
            // At WeChat Pay a number belongs to one description and one signature type.
            let step = if description_changed || order.is_prepaid_otherwise(self.payments.pay.sign_type()) {
                self.move_to_next_attempt(&order).await?
            } else {
                self.prepay_attempt(&order, input).await?
            };
            match step {
                PrepayStep::Ready(prepay_id) => return Ok(prepay_id),
                PrepayStep::Retry(current) => order = *current,
            }
        }
        Err(ApiError::new(Code::UpstreamBusy).with_cause("the order changed with every attempt"))
    }

    /// Sends 统一下单 for the order's current `out_trade_no`.
    async fn prepay_attempt(&self, order: &Order, input: &PrepayInput) -> Result<PrepayStep, ApiError> {
        // The user was erased while this request ran.
        let openid = order.openid.as_ref().ok_or(Code::Unauthorized)?;
        let terms = input.terms(order, self.host.now());
        let request = PrepayRequest {
            out_trade_no: order.out_trade_no,
            description: &terms.description,
            total_fee: order.total_fee,
            openid,
            client_ip: &terms.client_ip,
            expires_at: terms.time_expire.unwrap_or(order.expires_at),
            notify_url: &input.notify_url,
            offers_invoice: terms.offers_invoice,
        };
        match self.payments.pay.prepay(&request).await {
            Ok(PrepayOutcome::Ready(prepay_id)) => self.store_prepay(order, &terms, prepay_id).await,
            Ok(PrepayOutcome::AlreadyPaid) => match self.payments.refresh_attempt(order).await? {
                AttemptStatus::Paid(_) => Err(Code::OrderPaid.into()),
                AttemptStatus::OrderClosed(_) => Err(Code::OrderClosed.into()),
                AttemptStatus::Disputed => Err(order_disputed()),
                _ => Err(ApiError::new(Code::UpstreamBusy).with_cause("WeChat Pay calls it paid and unpaid")),
            },
            Ok(PrepayOutcome::Closed | PrepayOutcome::NumberTaken) => self.move_to_next_attempt(order).await,
            Ok(PrepayOutcome::Differs) => self.resolve_parameter_conflict(order).await,
            Ok(PrepayOutcome::BalanceNotEnough) => Err(Code::BalanceNotEnough.into()),
            Err(error) => Err(self.store_terms_after_failure(order, &terms, error).await),
        }
    }

    /// Stores the `prepay_id` with the order. If the order was changed meanwhile, its current state decides.
    async fn store_prepay(
        &self,
        order: &Order,
        terms: &PrepayTerms,
        prepay_id: PrepayId,
    ) -> Result<PrepayStep, ApiError> {
        let prepay =
            Prepay { prepay_id, at: self.host.now(), sign_type: self.payments.pay.sign_type().to_owned() };
        match self.payments.orders.store_prepay(order, terms, &prepay).await? {
            WriteOutcome::Written => Ok(PrepayStep::Ready(prepay.prepay_id)),
            WriteOutcome::Conflict(current) if current.status.was_paid() => self.step_for(current),
            WriteOutcome::Conflict(current) => {
                // The order was cancelled, or is at another number, so the new prepay must not be paid. If closing it fails, no
                // harm is done, because the phone never gets this `prepay_id`.
                if let Err(error) = self.payments.pay.close(order.out_trade_no).await {
                    telemetry::handled_error("close-superseded-prepay", &error);
                }
                self.step_for(current)
            }
        }
    }

    /// WeChat Pay says that the parameters differ from those that it has for this `out_trade_no`: a concurrent request used the
    /// number, or one whose answer was lost, or the shop has changed its interface since. Or this request is malformed.
    async fn resolve_parameter_conflict(&self, order: &Order) -> Result<PrepayStep, ApiError> {
        let current = self.payments.orders.get(order.order_id).await?.ok_or(Code::NotFound)?;
        let prepay_id = |order: &Order| order.prepay.as_ref().map(|prepay| prepay.prepay_id.clone());
        let has_changed =
            current.out_trade_no != order.out_trade_no || prepay_id(&current) != prepay_id(order);
        if current.status != Status::Unpaid || has_changed {
            return self.step_for(Box::new(current));
        }
        match self.payments.refresh_attempt(&current).await? {
            // WeChat Pay does not know the number, so the request itself is malformed. Stored terms are not judged here: they can
            // have become malformed, because their `time_expire` is too near by now, and the next attempt gets new ones.
            AttemptStatus::Unknown if order.terms.is_none() => {
                Err(if order.later_time_expire(self.host.now()).is_some() {
                    ApiError::new(Code::OrderClosed)
                        .with_cause("WeChat Pay refuses to prepay an order that ends so soon")
                } else {
                    ApiError::new(Code::Internal).with_cause("WeChat Pay finds the prepayment malformed")
                })
            }
            AttemptStatus::Paid(_) => Err(Code::OrderPaid.into()),
            AttemptStatus::OrderClosed(_) => Err(Code::OrderClosed.into()),
            _ => self.move_to_next_attempt(&current).await,
        }
    }

    async fn move_to_next_attempt(&self, order: &Order) -> Result<PrepayStep, ApiError> {
        match self.payments.begin_next_attempt(order).await? {
            NextAttemptOutcome::Begun(current) => self.step_for(current),
            NextAttemptOutcome::OrderClosed(_) => Err(Code::OrderClosed.into()),
            NextAttemptOutcome::Paid(_) => Err(Code::OrderPaid.into()),
            NextAttemptOutcome::Disputed => Err(order_disputed()),
        }
    }

    /// The next step for an order that was changed by another request or by closing an attempt.
    fn step_for(&self, order: Box<Order>) -> Result<PrepayStep, ApiError> {
        match order.status {
            Status::Paid | Status::Refunding | Status::Refunded => Err(Code::OrderPaid.into()),
            Status::Closed => Err(Code::OrderClosed.into()),
            Status::Unpaid => Ok(match order.live_prepay(self.host.now(), self.payments.pay.sign_type()) {
                Some(prepay) => PrepayStep::Ready(prepay.prepay_id.clone()),
                None => PrepayStep::Retry(order),
            }),
        }
    }

    /// Stores the terms if the outcome is unknown, so that the next request sends the same ones. Gives back the failure.
    async fn store_terms_after_failure(
        &self,
        order: &Order,
        terms: &PrepayTerms,
        error: PayError,
    ) -> ApiError {
        if error.is_transient()
            && order.terms.is_none()
            && let Err(error) = self.payments.orders.store_terms(order, terms).await
        {
            telemetry::handled_error("store-prepay-terms", &error);
        }
        error.into()
    }
}

/// Trying again does not help: an operator must look into the order's payments.
fn order_disputed() -> ApiError {
    ApiError::new(Code::Conflict).with_message("订单支付异常，请联系商家")
}

/// Steps after which the request is given up.
const MAX_STEPS: usize = 4;
/// The attempt after which another description begins no further attempt, because each one is another prepayment at WeChat Pay. A
/// number that WeChat Pay refuses still leads to a further attempt, up to `OutTradeNo::MAX_ATTEMPTS`.
const MAX_ATTEMPTS_BY_DESCRIPTION: u8 = 10;
