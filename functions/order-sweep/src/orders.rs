//! One unpaid order whose time has come: asked about while it can be paid, closed when it has expired.

use std::time::Duration;

use shared::{
    error::BoxError,
    pay::{Asked, Closing, order::Status},
    store::{Case, CaseKind, Order},
    types::{OrderId, UnixSeconds},
};

use crate::{OrderSweepTask, report::Swept};

impl OrderSweepTask {
    pub(crate) async fn sweep_order(&self, order_id: OrderId) -> Result<Swept, BoxError> {
        let now = self.host.now();
        let Some(order) = self.cashier.orders.get(order_id).await? else { return Ok(Swept::Passed) };
        let is_due = order.status == Status::Unpaid && order.next_query_at.is_some_and(|at| at <= now);
        if !is_due || !self.cashier.orders.take_turn(&order, now).await? {
            return Ok(Swept::Passed);
        }
        if now >= order.expires_at {
            return Ok(match self.cashier.close(&order).await? {
                Closing::Done(_) => Swept::Closed,
                Closing::Paid(_) => Swept::Paid,
                Closing::Disputed => self.put_off(&order, now).await?,
            });
        }
        if order.terms.is_none() {
            // WeChat Pay has never heard of it.
            return Ok(Swept::Waiting);
        }
        Ok(match self.cashier.ask(&order).await? {
            Asked::Paid(_) => Swept::Paid,
            // What the order shows can't be paid any more, and the order can: whoever asks next gets another number.
            Asked::Closed if !order.is_over(now) => match self.cashier.begin_again(&order).await? {
                Closing::Paid(_) => Swept::Paid,
                Closing::Done(_) => Swept::Waiting,
                Closing::Disputed => self.put_off(&order, now).await?,
            },
            Asked::Payable | Asked::Closed | Asked::Unknown => Swept::Waiting,
            Asked::Disputed => self.put_off(&order, now).await?,
        })
    }

    /// Only an operator can bring the order to rest: it is looked at again, but seldom.
    async fn put_off(&self, order: &Order, now: UnixSeconds) -> Result<Swept, BoxError> {
        let what = "WeChat Pay says of the order what our books can't hold: look at its payments";
        let case = Case {
            order_id: Some(order.order_id),
            out_trade_no: Some(order.out_trade_no),
            ..Case::new(CaseKind::OrderDisputed, &order.order_id, what, now)
        };
        self.cases.open(&case).await?;
        self.cashier.orders.postpone(order, now.plus(DISPUTED)).await?;
        Ok(Swept::Disputed)
    }
}

/// Between two looks at an order that an operator must bring to rest.
const DISPUTED: Duration = Duration::from_secs(6 * 60 * 60);
