//! One order that is due: WeChat is asked, and what it says is written. A push that comes meanwhile wins, because the write's condition is
//! that the shipping is unchanged.

use shared::{
    order::{ShippingState, Status},
    service::ReminderOutcome,
    store::{Case, CaseKind, Order, Shipping, ShippingWrite},
    telemetry,
    types::{BoxError, Delivery, OrderId, TransactionId, UnixSeconds},
    wechat::shipping::{TradeOrder, TradeState},
};

use crate::{ShippingSweepTask, report::SweepOutcome};

impl ShippingSweepTask {
    pub(crate) async fn sweep_order(&self, order_id: OrderId) -> Result<SweepOutcome, BoxError> {
        let now = self.host.now();
        let Some(order) = self.orders.get(order_id).await? else { return Ok(SweepOutcome::Skipped) };
        let (Some(shipping), Some(payment)) = (&order.shipping, &order.transaction_id) else {
            return Ok(SweepOutcome::Skipped);
        };
        if shipping.next_query_at.is_none_or(|at| at > now) {
            return Ok(SweepOutcome::Skipped);
        }
        let known = self.wechat.find_order(payment).await?;
        let next = known.as_ref().map_or_else(|| shipping.clone(), |known| with_look(shipping, known, now));
        let progress = order.shipping_progress(&next);
        let is_over =
            progress.is_over || known.as_ref().is_some_and(|known| known.state == TradeState::Refunded);
        let outcome = match self.case_of(&order, &next, known.as_ref(), now).filter(|_| !is_over) {
            Some(case) => {
                // Before the order is written, so that a run that is killed in between opens it again, which is harmless.
                self.cases.open(&case).await?;
                if case.kind == CaseKind::Frozen { SweepOutcome::Frozen } else { SweepOutcome::NotShipped }
            }
            None if is_over => SweepOutcome::Ended,
            None => SweepOutcome::Waiting,
        };
        let next_query_at = self.policy.next_query(progress, now).filter(|_| !is_over);
        let next = next.with_next_query(next_query_at);
        match self.remind_at(&order, &next, known.as_ref()) {
            Some(at) if at <= now => self.remind(&order, &next, payment, at).await,
            Some(at) => {
                let next = next.with_next_query(next_query_at.map(|query| query.min(at)));
                self.write(&order, next, outcome).await
            }
            None => self.write(&order, next, outcome).await,
        }
    }

    async fn write(
        &self,
        order: &Order,
        next: Shipping,
        outcome: SweepOutcome,
    ) -> Result<SweepOutcome, BoxError> {
        Ok(match self.orders.write_shipping(order, next, None).await? {
            ShippingWrite::Written(_) => outcome,
            ShippingWrite::Changed(_) => SweepOutcome::Skipped,
        })
    }

    /// The case of an order that waits for too long, if it does. An order whose money is going back waits for nothing.
    fn case_of(
        &self,
        order: &Order,
        next: &Shipping,
        known: Option<&TradeOrder>,
        now: UnixSeconds,
    ) -> Option<Case> {
        let progress = order.shipping_progress(next);
        let ship_by = self.policy.ship_by(progress.paid_at).filter(|_| progress.is_to_ship);
        let (kind, what) = if progress.frozen_at().is_some_and(|at| at <= now) {
            let what = match progress.received_at {
                _ if known.is_some_and(|known| known.is_in_complaint) => {
                    "WeChat keeps the money of the order, because the user complains of it"
                }
                Some(_) => "the receipt is confirmed, and WeChat does not release the money",
                None => {
                    "the order is shipped, and WeChat neither confirms the receipt nor releases the money"
                }
            };
            (CaseKind::Frozen, what)
        } else if ship_by.is_some_and(|at| at <= now) {
            (
                CaseKind::NotShipped,
                "the order is paid and not shipped, and WeChat keeps its money until it is",
            )
        } else {
            return None;
        };
        (order.status == Status::Paid).then(|| Case {
            order_id: Some(order.order_id),
            out_trade_no: order.paid_by,
            transaction_id: order.transaction_id.clone(),
            ..Case::new(kind, &order.order_id, what, now)
        })
    }

    /// When the user is to be reminded of the receipt, if that is to be done: once, of what a courier company carries, and while WeChat
    /// waits for nothing else.
    fn remind_at(&self, order: &Order, next: &Shipping, known: Option<&TradeOrder>) -> Option<UnixSeconds> {
        let waits = known.is_some_and(|known| known.state == TradeState::Shipped && !known.is_in_complaint);
        let is_wanted = waits
            && order.status == Status::Paid
            && next.delivery == Delivery::Express
            && next.state == ShippingState::Shipped
            && next.reminded_at.is_none();
        let signed_for = next.shipped_at?.plus(self.remind_after?);
        is_wanted.then_some(signed_for)
    }

    /// Makes WeChat remind the user of what was signed for at `signed_for`. The reminder is written first, because WeChat reminds once and
    /// an answer can be lost. It is taken back if WeChat certainly did not remind.
    async fn remind(
        &self,
        order: &Order,
        next: &Shipping,
        payment: &TransactionId,
        signed_for: UnixSeconds,
    ) -> Result<SweepOutcome, BoxError> {
        let claimed = Shipping { reminded_at: Some(self.host.now()), ..next.clone() };
        let ShippingWrite::Written(order) = self.orders.write_shipping(order, claimed, None).await? else {
            return Ok(SweepOutcome::Skipped);
        };
        match self.wechat.remind_of_receipt(payment, signed_for).await {
            ReminderOutcome::Reminded => return Ok(SweepOutcome::Reminded),
            ReminderOutcome::Refused(error) | ReminderOutcome::Unknown(error) => {
                telemetry::handled_error("remind-of-receipt", &error);
            }
            ReminderOutcome::Busy(error) => {
                telemetry::handled_error("remind-of-receipt", &error);
                if let Some(shipping) = &order.shipping {
                    let unclaimed = Shipping { reminded_at: None, ..shipping.clone() };
                    self.orders.write_shipping(&order, unclaimed, None).await?;
                }
            }
        }
        Ok(SweepOutcome::Waiting)
    }
}

/// The shipping after a look at what WeChat knows.
fn with_look(shipping: &Shipping, known: &TradeOrder, now: UnixSeconds) -> Shipping {
    match known.state {
        TradeState::Shipped => shipping.with_news(ShippingState::Shipped, now),
        TradeState::Received => shipping.with_news(ShippingState::Received, now),
        TradeState::Done => shipping.with_news(ShippingState::Settled, now),
        TradeState::ToShip | TradeState::Refunded | TradeState::Other => shipping.clone(),
    }
}
