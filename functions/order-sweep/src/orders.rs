//! One unpaid order that is due: WeChat Pay is asked about it while it can be paid, and it is closed when it has expired.

use shared::{
    order::{Status, query_schedule::DISPUTED_ORDER_INTERVAL},
    service::{AttemptStatus, CloseOutcome, NextAttemptOutcome},
    store::{Case, CaseKind, Order},
    telemetry,
    types::{BoxError, OrderId, UnixSeconds},
};

use crate::{OrderSweepTask, report::SweepOutcome};

impl OrderSweepTask {
    pub(crate) async fn sweep_order(&self, order_id: OrderId) -> Result<SweepOutcome, BoxError> {
        let now = self.host.now();
        let Some(order) = self.payments.orders.get(order_id).await? else { return Ok(SweepOutcome::Skipped) };
        let is_due = order.next_query_at.is_some_and(|at| at <= now);
        if is_due && order.paid_withheld {
            return self.find_refunds(order, now).await;
        }
        if !is_due || order.status != Status::Unpaid {
            return Ok(SweepOutcome::Skipped);
        }
        if order.terms.is_none() && now >= order.expires_at {
            // WeChat Pay does not know an order that was never prepaid and is not asked about it, so there is no turn to take.
            return self.close_expired(&order, now).await;
        }
        if !self.payments.orders.claim_query(&order, now).await? {
            return Ok(SweepOutcome::Skipped);
        }
        if now >= order.expires_at {
            return self.close_expired(&order, now).await;
        }
        if order.terms.is_none() {
            // The order was never prepaid, so WeChat Pay does not know it.
            return Ok(SweepOutcome::Waiting);
        }
        Ok(match self.payments.refresh_attempt(&order).await? {
            AttemptStatus::Paid(order) => self.after_payment(*order, now).await?,
            AttemptStatus::OrderClosed(_) => SweepOutcome::Closed,
            // WeChat Pay closed this `out_trade_no`, but the order has not expired: move on to the next number.
            AttemptStatus::Closed if !order.is_over(now) => {
                match self.payments.begin_next_attempt(&order).await? {
                    NextAttemptOutcome::Begun(_) => SweepOutcome::Waiting,
                    NextAttemptOutcome::OrderClosed(_) => SweepOutcome::Closed,
                    NextAttemptOutcome::Paid(order) => self.after_payment(*order, now).await?,
                    NextAttemptOutcome::Disputed => self.postpone_disputed(&order, now).await?,
                }
            }
            AttemptStatus::Payable | AttemptStatus::Closed | AttemptStatus::Unknown => SweepOutcome::Waiting,
            AttemptStatus::Disputed => self.postpone_disputed(&order, now).await?,
        })
    }

    async fn close_expired(&self, order: &Order, now: UnixSeconds) -> Result<SweepOutcome, BoxError> {
        Ok(match self.payments.close(order).await? {
            CloseOutcome::Closed(_) => SweepOutcome::Closed,
            CloseOutcome::Paid(order) => self.after_payment(*order, now).await?,
            CloseOutcome::Disputed => self.postpone_disputed(order, now).await?,
        })
    }

    /// The order is paid. If a part of the payment may have been refunded before it was recorded, those refunds are looked up.
    async fn after_payment(&self, order: Order, now: UnixSeconds) -> Result<SweepOutcome, BoxError> {
        if order.paid_withheld { self.find_refunds(order, now).await } else { Ok(SweepOutcome::Paid) }
    }

    /// Looks up refunds of the payment that were made before the payment was recorded. If WeChat Pay does not list them, a case
    /// is opened and the order stays REFUNDING, until a refund notice or the bill names them.
    async fn find_refunds(&self, order: Order, now: UnixSeconds) -> Result<SweepOutcome, BoxError> {
        if !self.payments.orders.claim_refund_lookup(&order, now).await? {
            return Ok(SweepOutcome::Skipped);
        }
        let are_listed = match self.refunds.import_refunds(order.paid_by.unwrap_or(order.out_trade_no)).await
        {
            Ok(are_listed) => are_listed,
            Err(error) => {
                if !error.is_transient() {
                    // The order is due again later, but the same error may come each time, so an operator must know of it.
                    self.open_case(&order, UNLISTED_REFUND, now).await?;
                }
                return Err(error.into());
            }
        };
        let Some(order) = self.payments.orders.get(order.order_id).await? else {
            return Ok(SweepOutcome::Skipped);
        };
        if are_listed || order.refunds_known {
            self.refunds.store.conclude_refund_lookup(order.order_id).await?;
        } else if order.paid_withheld {
            telemetry::operator_alert("payment-refunded-elsewhere", &order.out_trade_no);
            self.open_case(&order, UNLISTED_REFUND, now).await?;
        }
        self.payments.orders.stop_queries(&order).await?;
        Ok(SweepOutcome::Paid)
    }

    /// Only an operator can resolve the dispute, so the order is swept again every `DISPUTED_ORDER_INTERVAL` only. If the operator has
    /// refunded the disputed payment in the merchant console, the refunds are taken over, and the last of them closes the order.
    async fn postpone_disputed(&self, order: &Order, now: UnixSeconds) -> Result<SweepOutcome, BoxError> {
        self.open_case(
            order,
            "WeChat Pay's answer about the order contradicts our tables: look at its payments",
            now,
        )
        .await?;
        self.payments.orders.postpone(order, now.plus(DISPUTED_ORDER_INTERVAL)).await?;
        self.refunds.import_refunds(order.out_trade_no).await?;
        Ok(SweepOutcome::Disputed)
    }

    async fn open_case(&self, order: &Order, what: &str, now: UnixSeconds) -> Result<(), BoxError> {
        let case = Case {
            order_id: Some(order.order_id),
            out_trade_no: Some(order.out_trade_no),
            transaction_id: order.transaction_id.clone(),
            ..Case::new(CaseKind::OrderDisputed, &order.order_id, what, now)
        };
        self.cases.open(&case).await?;
        Ok(())
    }
}

/// The case of an order whose payment was refunded, in part or in full, before it was recorded.
const UNLISTED_REFUND: &str = "something of its payment was given back before the payment was recorded, and WeChat Pay does not say how \
    much: look into the merchant console, and ship nothing before the order is PAID; the notice of the refund or the next \
    day's bill makes it PAID or REFUNDED";
