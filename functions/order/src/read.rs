//! `GET /api/orders/{orderId}`: one order. A notice of payment can be late or lost, so a look at an unpaid order asks WeChat.

use std::time::Duration;

use shared::{
    error::ApiError,
    pay::{Asked, CashierError, Closing, order::Status},
    runtime::{Body, Request, Response},
    session::Caller,
    store::Order,
    telemetry,
};

use crate::{OrderFunction, view};

impl OrderFunction {
    pub(crate) async fn read(&self, caller: &Caller, request: &Request) -> Result<Response<Body>, ApiError> {
        let order = self.own_order(caller, request).await?;
        let healed = if self.is_doubtful(&order) { self.heal_in_time(&order).await } else { None };
        Ok(view::answer(healed.unwrap_or(order)))
    }

    /// What WeChat Pay says, if it says it soon: the order as we know it is an answer too.
    async fn heal_in_time(&self, order: &Order) -> Option<Order> {
        match tokio::time::timeout(PATIENCE, self.heal(order)).await {
            Ok(Ok(healed)) => healed,
            Ok(Err(error)) => {
                telemetry::survived("heal", &error);
                None
            }
            Err(error) => {
                telemetry::survived("heal", &error);
                None
            }
        }
    }

    /// Whether WeChat Pay may know more about the order than we do, and was not asked just now.
    fn is_doubtful(&self, order: &Order) -> bool {
        let now = self.host.now();
        let begun = order.prepay.as_ref().map_or(order.created_at, |prepay| prepay.at);
        let asked = order.asked_at.is_none_or(|asked_at| now.since(asked_at) >= QUIET);
        let over = now >= order.expires_at;
        order.status == Status::Unpaid
            && asked
            && now.since(begun) >= QUIET
            && (over || order.terms.is_some())
    }

    async fn heal(&self, order: &Order) -> Result<Option<Order>, CashierError> {
        let now = self.host.now();
        if !self.cashier.orders.ask_now(order, now).await? {
            return Ok(None);
        }
        if now >= order.expires_at {
            return Ok(match self.cashier.close(order).await? {
                Closing::Done(order) | Closing::Paid(order) => Some(*order),
                Closing::Disputed => None,
            });
        }
        Ok(match self.cashier.ask(order).await? {
            Asked::Paid(order) | Asked::Returned(order) => Some(*order),
            Asked::Payable | Asked::Closed | Asked::Unknown | Asked::Disputed => None,
        })
    }
}

/// How long an order is left alone after it was prepaid, or asked about.
const QUIET: Duration = Duration::from_secs(5);
/// How long a reader waits for WeChat Pay.
const PATIENCE: Duration = Duration::from_secs(4);
