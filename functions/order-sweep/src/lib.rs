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
    store::{Order, shards},
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
        let shards = stream::iter(shards()).map(|shard| self.sweep_shard(shard, began));
        Ok(shards
            .buffer_unordered(AT_ONCE)
            .fold(SweepReport::default(), async |sum, one| sum.plus(one))
            .await)
    }
}

impl OrderSweepTask {
    /// Page after page, until nothing is due, or the run has gone on for too long: the next one is near.
    async fn sweep_shard(&self, shard: String, began: UnixSeconds) -> SweepReport {
        let mut report = SweepReport::default();
        loop {
            let due = match self.cashier.orders.due(&shard, self.host.now(), PAGE).await {
                Ok(due) => due,
                Err(error) => {
                    // The other shards go on.
                    telemetry::survived("sweep", &error);
                    report.failed = report.failed.saturating_add(1);
                    return report;
                }
            };
            let passed = report.passed;
            for order_id in &due {
                if self.host.now().since(began) > LAST_START {
                    return report;
                }
                report.count(self.sweep(*order_id).await);
            }
            let all_passed =
                usize::try_from(report.passed.saturating_sub(passed)).is_ok_and(|n| n == due.len());
            // The index is a moment behind: what was just swept can stand in it once more.
            if due.len() < usize::from(PAGE) || all_passed {
                return report;
            }
        }
    }

    async fn sweep(&self, order_id: OrderId) -> Result<Swept, CashierError> {
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
            Asked::Payable | Asked::Closed | Asked::Unknown => Swept::Waiting,
            Asked::Disputed => self.put_off(&order, now).await?,
        })
    }

    /// Only an operator can bring the order to rest: it is looked at again, but seldom.
    async fn put_off(&self, order: &Order, now: UnixSeconds) -> Result<Swept, CashierError> {
        self.cashier.orders.postpone(order, now.plus(DISPUTED)).await?;
        Ok(Swept::Disputed)
    }
}

impl SweepReport {
    fn count(&mut self, swept: Result<Swept, CashierError>) {
        let count = match swept {
            Ok(Swept::Paid) => &mut self.paid,
            Ok(Swept::Closed) => &mut self.closed,
            Ok(Swept::Waiting) => &mut self.waiting,
            Ok(Swept::Disputed) => &mut self.disputed,
            Ok(Swept::Passed) => &mut self.passed,
            Err(error) => {
                telemetry::survived("sweep", &error);
                &mut self.failed
            }
        };
        *count = count.saturating_add(1);
    }

    fn plus(self, other: Self) -> Self {
        Self {
            paid: self.paid.saturating_add(other.paid),
            closed: self.closed.saturating_add(other.closed),
            waiting: self.waiting.saturating_add(other.waiting),
            disputed: self.disputed.saturating_add(other.disputed),
            failed: self.failed.saturating_add(other.failed),
            passed: self.passed.saturating_add(other.passed),
        }
    }
}

/// Orders read of a shard at once.
const PAGE: u16 = 50;
/// Shards under way at once.
const AT_ONCE: usize = 8;
/// Nothing new is begun after this: the function's time limit is 55 seconds.
const LAST_START: Duration = Duration::from_secs(25);
/// Between two looks at an order that an operator must bring to rest.
const DISPUTED: Duration = Duration::from_secs(6 * 60 * 60);
