//! Every minute: asks WeChat Pay about unpaid orders whose time has come, and closes the expired ones.
//!
//! A notice can be lost for good; the order itself says when to ask again (`next_query_at`), so nothing has to be found by
//! searching. A run that is killed leaves every order it took with a next time.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use shared::{
    error::BoxError,
    host::{Host, HostError},
    pay::{Asked, Cashier, CashierError, Closing, order::Status},
    runtime::Task,
    store::{StoreError, shards},
    telemetry,
    types::{OrderId, UnixSeconds},
};

/// Asks about unpaid orders.
pub struct OrderSweepTask {
    host: Host,
    cashier: Cashier,
}

/// How many orders a run came upon, by what became of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Were paid, and their notice had not come.
    pub paid: u32,
    /// Expired and were closed.
    pub closed: u32,
    /// Can still be paid.
    pub waiting: u32,
    /// Need an operator.
    pub disputed: u32,
    /// Could not be asked about; they have a next time.
    pub failed: u32,
    /// Were taken by another run, or came to rest meanwhile.
    pub passed: u32,
}

enum Swept {
    Paid,
    Closed,
    Waiting,
    Disputed,
    Passed,
}

impl Task for OrderSweepTask {
    const NAME: &'static str = "order-sweep";
    type Event = serde_json::Value;
    type Report = SweepReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self { host: host.clone(), cashier: Cashier::new(host)? })
    }

    async fn run(&self, _: serde_json::Value) -> Result<SweepReport, BoxError> {
        let began = self.host.now();
        let due = stream::iter(shards()).map(|shard| self.due(shard, began)).buffer_unordered(AT_ONCE);
        let due: Vec<Result<Vec<OrderId>, StoreError>> = due.collect().await;
        let orders = due.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
        let swept = stream::iter(orders).map(|order_id| self.sweep_in_time(order_id, began));
        let report =
            swept.buffer_unordered(AT_ONCE).fold(SweepReport::default(), async |mut report, swept| {
                let count = match swept {
                    Ok(Swept::Paid) => &mut report.paid,
                    Ok(Swept::Closed) => &mut report.closed,
                    Ok(Swept::Waiting) => &mut report.waiting,
                    Ok(Swept::Disputed) => &mut report.disputed,
                    Ok(Swept::Passed) => &mut report.passed,
                    Err(error) => {
                        telemetry::survived("sweep", &error);
                        &mut report.failed
                    }
                };
                *count = count.saturating_add(1);
                report
            });
        Ok(report.await)
    }
}

impl OrderSweepTask {
    async fn due(&self, shard: String, now: UnixSeconds) -> Result<Vec<OrderId>, StoreError> {
        self.cashier.orders.due(&shard, now, PER_SHARD).await
    }

    /// Sweeps the order unless the run has gone on for too long: the next one is near.
    async fn sweep_in_time(&self, order_id: OrderId, began: UnixSeconds) -> Result<Swept, CashierError> {
        if self.host.now().since(began) > LAST_START { Ok(Swept::Passed) } else { self.sweep(order_id).await }
    }

    async fn sweep(&self, order_id: OrderId) -> Result<Swept, CashierError> {
        let now = self.host.now();
        let Some(order) = self.cashier.orders.get(order_id).await? else { return Ok(Swept::Passed) };
        if order.status != Status::Unpaid || !self.cashier.orders.take_turn(&order, now).await? {
            return Ok(Swept::Passed);
        }
        if now >= order.expires_at {
            return Ok(match self.cashier.close(&order).await? {
                Closing::Done(_) => Swept::Closed,
                Closing::Paid(_) => Swept::Paid,
                Closing::Disputed => Swept::Disputed,
            });
        }
        if order.terms.is_none() {
            // WeChat Pay has never heard of it.
            return Ok(Swept::Waiting);
        }
        Ok(match self.cashier.ask(&order).await? {
            Asked::Paid(_) => Swept::Paid,
            Asked::Payable | Asked::Closed | Asked::Unknown => Swept::Waiting,
            Asked::Disputed => Swept::Disputed,
        })
    }
}

/// Orders taken of each shard in a run.
const PER_SHARD: u16 = 50;
/// Questions under way at once.
const AT_ONCE: usize = 8;
/// Nothing new is begun after this: the function's time limit is 55 seconds.
const LAST_START: Duration = Duration::from_secs(35);
