//! `GET /api/orders/{orderId}`: reads one order. Because a notice of payment can be late or lost, reading an unpaid order queries WeChat
//! Pay.

use std::time::Duration;

use shared::{
    api::ApiError,
    order::{Status, query_schedule::USER_READ_PAUSE},
    runtime::{Body, Request, Response},
    service::{AttemptStatus, CloseOutcome, PaymentServiceError},
    store::Order,
    telemetry,
    types::Caller,
};

use crate::OrderFunction;

impl OrderFunction {
    pub(crate) async fn read_order(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let order = self.find_own_order(caller, request).await?;
        Ok(self.answer(self.refreshed(order).await).await)
    }

    /// The order with what WeChat Pay knows of it by now.
    pub(crate) async fn refreshed(&self, order: Order) -> Order {
        let refreshed =
            if self.may_be_stale(&order) { self.refresh_within_timeout(&order).await } else { None };
        refreshed.unwrap_or(order)
    }

    /// The order as WeChat Pay knows it; `None` if WeChat Pay does not answer within `REFRESH_TIMEOUT` or knows nothing new. The
    /// stored order is answered then.
    async fn refresh_within_timeout(&self, order: &Order) -> Option<Order> {
        match tokio::time::timeout(REFRESH_TIMEOUT, self.refresh(order)).await {
            Ok(Ok(refreshed)) => refreshed,
            Ok(Err(error)) => {
                telemetry::handled_error("refresh-order", &error);
                None
            }
            Err(error) => {
                telemetry::handled_error("refresh-order", &error);
                None
            }
        }
    }

    /// Whether WeChat Pay may know more about the order than our table does, and was not queried just now.
    fn may_be_stale(&self, order: &Order) -> bool {
        let now = self.host.now();
        let prepaid_at = order.prepay.as_ref().map_or(order.created_at, |prepay| prepay.at);
        let may_query = order.asked_at.is_none_or(|asked_at| now.since(asked_at) >= USER_READ_PAUSE);
        let has_expired = now >= order.expires_at;
        order.status == Status::Unpaid
            && may_query
            && now.since(prepaid_at) >= USER_READ_PAUSE
            && (has_expired || order.terms.is_some())
    }

    async fn refresh(&self, order: &Order) -> Result<Option<Order>, PaymentServiceError> {
        let now = self.host.now();
        if !self.payments.orders.claim_immediate_query(order, now).await? {
            return Ok(None);
        }
        if now >= order.expires_at {
            return Ok(match self.payments.close(order).await? {
                CloseOutcome::Closed(order) | CloseOutcome::Paid(order) => Some(*order),
                CloseOutcome::Disputed => None,
            });
        }
        Ok(match self.payments.refresh_attempt(order).await? {
            AttemptStatus::Paid(order) | AttemptStatus::OrderClosed(order) => Some(*order),
            AttemptStatus::Payable
            | AttemptStatus::Closed
            | AttemptStatus::Unknown
            | AttemptStatus::Disputed => None,
        })
    }
}

/// How long reading an order waits for WeChat Pay.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(4);
