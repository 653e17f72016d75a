//! Every minute: asks WeChat Pay about the unpaid orders and the refunds that are due, and closes expired orders.
//!
//! A notice can be lost for good, so each order and refund says in `next_query_at` when to ask WeChat Pay again. An index lists those
//! that are due; nothing is searched. A run writes the next `next_query_at` before it asks, so a run that is killed loses nothing.
//! Orders that were never prepaid are swept last, because no notice of theirs can be lost and any user can place many.

mod orders;
mod refunds;
mod report;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use shared::{
    host::{Host, HostError},
    runtime::Task,
    service::{PaymentService, RefundService},
    store::{Cases, StoreError, WorkCursor, WorkPage, shards, unprepaid_shards},
    telemetry::{self, Metric},
    types::{BoxError, OrderId, OutRefundNo, UnixSeconds},
};

use crate::report::SweepOutcome;
pub use report::SweepReport;

/// Sweeps orders and refunds that are due.
pub struct OrderSweepTask {
    host: Host,
    payments: PaymentService,
    refunds: RefundService,
    cases: Cases,
}

/// The table whose index of due items is read.
#[derive(Clone, Copy)]
enum DueKind {
    Orders,
    Refunds,
}

/// An order or a refund that is due.
enum DueItem {
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
            payments: PaymentService::new(host)?,
            refunds: RefundService::new(host)?,
            cases: Cases::new(host)?,
        })
    }

    async fn run(&self, _: serde_json::Value) -> Result<SweepReport, BoxError> {
        let started_at = self.host.now();
        let prepaid =
            shards().flat_map(|shard| [(DueKind::Orders, shard.clone()), (DueKind::Refunds, shard)]);
        let report = self.sweep_shards(prepaid, started_at).await;
        let unprepaid = unprepaid_shards().map(|shard| (DueKind::Orders, shard));
        let report = report.plus(self.sweep_shards(unprepaid, started_at).await);
        telemetry::record_metric(Metric::SweepBacklog(u64::from(report.deferred) + u64::from(report.failed)));
        if report.attempted() > 0 {
            telemetry::record_metric(Metric::SweepQueries(report.attempted().into()));
            telemetry::record_metric(Metric::SweepFailures(report.failed.into()));
        }
        Ok(report)
    }
}

impl OrderSweepTask {
    async fn sweep_shards(
        &self,
        shards: impl Iterator<Item = (DueKind, String)> + Send,
        started_at: UnixSeconds,
    ) -> SweepReport {
        let reports = stream::iter(shards).map(|(kind, shard)| self.sweep_shard(kind, shard, started_at));
        let reports = reports.buffer_unordered(CONCURRENT_SHARDS);
        reports.fold(SweepReport::default(), async |sum, report| sum.plus(report)).await
    }

    /// Sweeps the shard page after page until nothing is due or the run is out of time; the next run comes in a minute. An item
    /// that fails does not delay those behind it.
    async fn sweep_shard(&self, kind: DueKind, shard: String, started_at: UnixSeconds) -> SweepReport {
        let mut report = SweepReport::default();
        let mut cursor: Option<WorkCursor> = None;
        loop {
            let page = match self.due_page(kind, &shard, started_at, cursor).await {
                Ok(page) => page,
                Err(error) => {
                    // The other shards are swept all the same.
                    telemetry::handled_error("read-due-page", &error);
                    report.count(SweepOutcome::Failed);
                    return report;
                }
            };
            for item in &page.rows {
                if self.host.now().since(started_at) > LAST_START {
                    report.count(SweepOutcome::Deferred);
                } else {
                    report.count(self.sweep_one(item).await);
                }
            }
            cursor = page.next;
            if cursor.is_none() || report.deferred > 0 {
                return report;
            }
        }
    }

    async fn due_page(
        &self,
        kind: DueKind,
        shard: &str,
        until: UnixSeconds,
        after: Option<WorkCursor>,
    ) -> Result<WorkPage<DueItem>, StoreError> {
        Ok(match kind {
            DueKind::Orders => {
                self.payments.orders.list_due(shard, until, after, PAGE_SIZE).await?.map(DueItem::Order)
            }
            DueKind::Refunds => {
                self.refunds.store.list_due(shard, until, after, PAGE_SIZE).await?.map(DueItem::Refund)
            }
        })
    }

    async fn sweep_one(&self, item: &DueItem) -> SweepOutcome {
        let outcome = match item {
            DueItem::Order(order_id) => self.sweep_order(*order_id).await,
            DueItem::Refund(out_refund_no) => self.sweep_refund(out_refund_no).await,
        };
        outcome.unwrap_or_else(|error| {
            telemetry::handled_error("sweep-item", &*error);
            SweepOutcome::Failed
        })
    }
}

/// Orders or refunds that are read from a shard in one request.
const PAGE_SIZE: u16 = 50;
/// Shards that are swept at the same time.
const CONCURRENT_SHARDS: usize = 32;
/// No item is begun after this time: the function's timeout is 55 seconds.
const LAST_START: Duration = Duration::from_secs(25);
