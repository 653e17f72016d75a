//! One unpaid order whose time has come: asked about while it can be paid, closed when it has expired.

use std::time::Duration;

use shared::{
    error::BoxError,
    pay::{Asked, Closing, order::Status},
    store::{Case, CaseKind, Order},
    telemetry,
    types::{OrderId, UnixSeconds},
};

use crate::{OrderSweepTask, report::Swept};

impl OrderSweepTask {
    pub(crate) async fn sweep_order(&self, order_id: OrderId) -> Result<Swept, BoxError> {
        let now = self.host.now();
        let Some(order) = self.cashier.orders.get(order_id).await? else { return Ok(Swept::Passed) };
        let is_due = order.next_query_at.is_some_and(|at| at <= now);
        if is_due && order.paid_withheld {
            return self.find_refunds(order, now).await;
        }
        if !is_due || order.status != Status::Unpaid {
            return Ok(Swept::Passed);
        }
        if order.terms.is_none() && now >= order.expires_at {
            // WeChat Pay is not asked about what was never prepaid, so that there is no turn to take.
            return Ok(match self.cashier.close(&order).await? {
                Closing::Done(_) => Swept::Closed,
                Closing::Paid(order) => self.paid(*order, now).await?,
                Closing::Disputed => self.put_off(&order, now).await?,
            });
        }
        if !self.cashier.orders.take_turn(&order, now).await? {
            return Ok(Swept::Passed);
        }
        if now >= order.expires_at {
            return Ok(match self.cashier.close(&order).await? {
                Closing::Done(_) => Swept::Closed,
                Closing::Paid(order) => self.paid(*order, now).await?,
                Closing::Disputed => self.put_off(&order, now).await?,
            });
        }
        if order.terms.is_none() {
            // WeChat Pay has never heard of it.
            return Ok(Swept::Waiting);
        }
        Ok(match self.cashier.ask(&order).await? {
            Asked::Paid(order) => self.paid(*order, now).await?,
            Asked::Returned(_) => Swept::Closed,
            // What the order shows can't be paid any more, and the order can: whoever asks next gets another number.
            Asked::Closed if !order.is_over(now) => match self.cashier.begin_again(&order).await? {
                Closing::Paid(order) => self.paid(*order, now).await?,
                Closing::Done(order) if order.status == Status::Closed => Swept::Closed,
                Closing::Done(_) => Swept::Waiting,
                Closing::Disputed => self.put_off(&order, now).await?,
            },
            Asked::Payable | Asked::Closed | Asked::Unknown => Swept::Waiting,
            Asked::Disputed => self.put_off(&order, now).await?,
        })
    }

    /// The order is paid. Something of the payment may have been given back already.
    async fn paid(&self, order: Order, now: UnixSeconds) -> Result<Swept, BoxError> {
        if order.paid_withheld { self.find_refunds(order, now).await } else { Ok(Swept::Paid) }
    }

    /// Looks for what was given back of the payment before it was recorded. If WeChat Pay does not list it, a notice or the bill will
    /// tell; until then an operator knows of it, and the order stays REFUNDING.
    async fn find_refunds(&self, order: Order, now: UnixSeconds) -> Result<Swept, BoxError> {
        if !self.cashier.orders.look_for_refunds(&order, now).await? {
            return Ok(Swept::Passed);
        }
        let are_listed = match self.refunder.take_over(order.paid_by.unwrap_or(order.out_trade_no)).await {
            Ok(are_listed) => are_listed,
            Err(error) => {
                if !error.is_transient() {
                    // It is looked at again, and may never go better: somebody must know of it.
                    self.open_case(&order, UNTOLD, now).await?;
                }
                return Err(error.into());
            }
        };
        let Some(order) = self.cashier.orders.get(order.order_id).await? else { return Ok(Swept::Passed) };
        if are_listed || order.refunds_known {
            self.refunder.refunds.conclude(order.order_id).await?;
        } else if order.paid_withheld {
            telemetry::attention("refunded-elsewhere", &order.out_trade_no);
            self.open_case(&order, UNTOLD, now).await?;
        }
        self.cashier.orders.stop_asking(&order).await?;
        Ok(Swept::Paid)
    }

    /// Only an operator can bring the order to rest: it is looked at again, but seldom. If the payment that is not the order's went
    /// back in the merchant console, the refunds are taken over, and with the last of it the order is closed.
    async fn put_off(&self, order: &Order, now: UnixSeconds) -> Result<Swept, BoxError> {
        self.open_case(
            order,
            "WeChat Pay says of the order what our books can't hold: look at its payments",
            now,
        )
        .await?;
        self.cashier.orders.postpone(order, now.plus(DISPUTED)).await?;
        self.refunder.take_over(order.out_trade_no).await?;
        Ok(Swept::Disputed)
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

/// Of an order whose payment may have gone back.
const UNTOLD: &str = "something of its payment was given back before the payment was recorded, and WeChat Pay does not say how \
    much: look into the merchant console, and ship nothing before the order is PAID; the notice of the refund or the next \
    day's bill makes it PAID or REFUNDED";
/// Between two looks at an order that an operator must bring to rest.
const DISPUTED: Duration = Duration::from_secs(6 * 60 * 60);
