//! Every minute: asks WeChat Pay about unpaid orders and about refunds whose time has come, and closes expired orders.
//!
//! A notice can be lost for good; the order or the refund itself says when to ask again (`next_query_at`), so nothing has to be
//! found by searching. A run that is killed leaves everything it took with a next time. Orders that were never prepaid come last: no
//! notice can be lost of them, and anybody can place some.

mod orders;
mod refunds;
mod report;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use shared::{
    error::BoxError,
    host::{Host, HostError},
    pay::{Cashier, Refunder},
    runtime::Task,
    store::{Cases, Cursor, Page, StoreError, shards, shards_of_unprepaid},
    telemetry::{self, Counted},
    types::{OrderId, OutRefundNo, UnixSeconds},
};

use crate::report::Swept;
pub use report::SweepReport;

/// Asks about orders and refunds.
pub struct OrderSweepTask {
    host: Host,
    cashier: Cashier,
    refunder: Refunder,
    cases: Cases,
}

/// What is swept.
#[derive(Clone, Copy)]
enum Kind {
    Orders,
    Refunds,
}

/// One whose time has come.
enum Due {
    Order(OrderId),
    Refund(OutRefundNo),
}

impl Task for OrderSweepTask {
    const NAME: &'static str = "order-sweep";
    type Event = serde_json::Value;
    type Report = SweepReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            cashier: Cashier::new(host)?,
            refunder: Refunder::new(host)?,
            cases: Cases::new(host)?,
        })
    }

    async fn run(&self, _: serde_json::Value) -> Result<SweepReport, BoxError> {
        let began = self.host.now();
        let parts = shards().flat_map(|shard| [(Kind::Orders, shard.clone()), (Kind::Refunds, shard)]);
        let report = self.sweep_shards(parts, began).await;
        let unprepaid = shards_of_unprepaid().map(|shard| (Kind::Orders, shard));
        let report = report.plus(self.sweep_shards(unprepaid, began).await);
        telemetry::count(Counted::SweepBacklog(u64::from(report.left) + u64::from(report.failed)));
        if report.looks() > 0 {
            telemetry::count(Counted::SweepLooks(report.looks().into()));
            telemetry::count(Counted::SweepFailures(report.failed.into()));
        }
        Ok(report)
    }
}

impl OrderSweepTask {
    async fn sweep_shards(
        &self,
        parts: impl Iterator<Item = (Kind, String)> + Send,
        began: UnixSeconds,
    ) -> SweepReport {
        let parts = stream::iter(parts).map(|(kind, shard)| self.sweep_shard(kind, shard, began));
        let parts = parts.buffer_unordered(AT_ONCE);
        parts.fold(SweepReport::default(), async |sum, one| sum.plus(one)).await
    }

    /// Page after page, until nothing is due, or the run has gone on for too long: the next one is near. What fails keeps
    /// nobody behind it waiting.
    async fn sweep_shard(&self, kind: Kind, shard: String, began: UnixSeconds) -> SweepReport {
        let mut report = SweepReport::default();
        let mut cursor: Option<Cursor> = None;
        loop {
            let due = match self.due(kind, &shard, began, cursor).await {
                Ok(due) => due,
                Err(error) => {
                    // The other shards go on.
                    telemetry::survived("sweep", &error);
                    report.count(Swept::Failed);
                    return report;
                }
            };
            for one in &due.rows {
                if self.host.now().since(began) > LAST_START {
                    report.count(Swept::Left);
                } else {
                    report.count(self.bring_on(one).await);
                }
            }
            cursor = due.next;
            if cursor.is_none() || report.left > 0 {
                return report;
            }
        }
    }

    async fn due(
        &self,
        kind: Kind,
        shard: &str,
        until: UnixSeconds,
        after: Option<Cursor>,
    ) -> Result<Page<Due>, StoreError> {
        Ok(match kind {
            Kind::Orders => self.cashier.orders.due(shard, until, after, PAGE).await?.map(Due::Order),
            Kind::Refunds => self.refunder.refunds.due(shard, until, after, PAGE).await?.map(Due::Refund),
        })
    }

    async fn bring_on(&self, due: &Due) -> Swept {
        let swept = match due {
            Due::Order(order_id) => self.sweep_order(*order_id).await,
            Due::Refund(number) => self.sweep_refund(number).await,
        };
        swept.unwrap_or_else(|error| {
            telemetry::survived("sweep", &*error);
            Swept::Failed
        })
    }
}

/// Orders or refunds read of a shard at once.
const PAGE: u16 = 50;
/// Parts under way at once.
const AT_ONCE: usize = 32;
/// Nothing new is begun after this: the function's time limit is 55 seconds.
const LAST_START: Duration = Duration::from_secs(25);
