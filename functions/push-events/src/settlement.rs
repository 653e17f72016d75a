//! What WeChat says of an order's shipping: it is shipped, received, its money released, or it waits for too long.

use shared::{
    host::{Host, HostError},
    order::ShippingState,
    service::{EventError, EventOutcome},
    store::{Case, CaseKind, Cases, Order, Orders, PendingPush, Shipping, ShippingWrite, StoreError},
    telemetry,
    types::UnixSeconds,
    wechat::push::{PushTopic, SettlementNews},
};

/// Keeps the shipping of orders in step with what WeChat says.
pub(crate) struct SettlementKeeper {
    host: Host,
    orders: Orders,
    cases: Cases,
}

impl SettlementKeeper {
    /// The constructors of the tables read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), orders: Orders::new(host)?, cases: Cases::new(host)? })
    }

    /// Applies the push to its order. A push about a payment that is not ours means nothing, nor does one that only repeats what is known;
    /// the same push may be applied twice.
    ///
    /// # Errors
    /// [`EventError`]: the order may have changed. Process the push again.
    pub(crate) async fn apply(&self, push: &PendingPush) -> Result<EventOutcome, EventError> {
        let failed = |cause: StoreError| EventError::at("applying the push", &push.push_id, cause);
        if !push.message.is_authenticated() {
            // Any body can be sent in the plain mode. WeChat is asked later, as it is when a push is lost.
            telemetry::operator_alert("push-not-authenticated", &push.message.name());
            return Ok(EventOutcome::Completed);
        }
        let Some(news) = push.message.settlement_news() else { return Ok(EventOutcome::Completed) };
        let order = self.orders.get(news.out_trade_no.order_id()).await.map_err(failed)?;
        let Some(order) = order.filter(|order| order.transaction_id.as_ref() == Some(&news.transaction_id))
        else {
            return Ok(EventOutcome::Completed);
        };
        if push.message.topic() == Some(PushTopic::ShippingReminder) {
            self.open_not_shipped(&order).await.map_err(failed)?;
            return Ok(EventOutcome::Completed);
        }
        let shipping = order.shipping.clone().unwrap_or_default();
        let next = with_settlement(&shipping, &news);
        if next == shipping {
            return Ok(EventOutcome::Completed);
        }
        // An order about which WeChat is asked is asked about at another time now, or not any more.
        let is_watched = shipping.next_query_at.is_some();
        let progress = order.shipping_progress(&next);
        let next_query_at = progress.next_query(self.host.now()).filter(|_| is_watched);
        let next = next.with_next_query(next_query_at);
        match self.orders.write_shipping(&order, next, None).await.map_err(failed)? {
            ShippingWrite::Written(_) => Ok(EventOutcome::Completed),
            ShippingWrite::Changed(_) => {
                Err(EventError::at("applying the push", &push.push_id, "the order has changed meanwhile"))
            }
        }
    }

    async fn open_not_shipped(&self, order: &Order) -> Result<(), StoreError> {
        let is_to_ship = order.shipping.as_ref().is_none_or(Shipping::is_to_ship);
        if !is_to_ship {
            return Ok(());
        }
        let case = Case {
            order_id: Some(order.order_id),
            out_trade_no: order.paid_by,
            transaction_id: order.transaction_id.clone(),
            ..Case::new(
                CaseKind::NotShipped,
                &order.order_id,
                "WeChat wants to know when the order is shipped, and keeps its money until then",
                self.host.now(),
            )
        };
        self.cases.open(&case).await.map(drop)
    }
}

/// The shipping after the news. Each time that WeChat names is a step, and steps that were not heard of are skipped.
fn with_settlement(shipping: &Shipping, news: &SettlementNews) -> Shipping {
    let steps: [(Option<UnixSeconds>, ShippingState); 3] = [
        (news.shipped_at, ShippingState::Shipped),
        (news.received_at, ShippingState::Received),
        (news.settled_at, ShippingState::Settled),
    ];
    let known = steps.into_iter().filter_map(|(at, state)| Some((at?, state)));
    known.fold(shipping.clone(), |shipping, (at, state)| shipping.with_news(state, at))
}
