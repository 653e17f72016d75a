//! Every minute: asks WeChat Pay about the unpaid orders and the refunds that are due, and closes expired orders.
//!
//! A notice can be lost for good, so each order and refund says in `next_query_at` when to ask WeChat Pay again. An index lists those
//! that are due. A run writes the next `next_query_at` before it asks, so a run that is killed loses nothing, and of two runs one asks.
//!
//! ```text
//! schedule ─▶ run ─ little is due ─▶ asks
//!                 └ much is due ───▶ a worker for each share of the shards: this function, invoked without waiting for it
//! ```
//! A worker has a time, a number of items and a number of items at once, which bound it. What it leaves is found in the next minute.
//! Orders that were never prepaid are swept last, because no notice of theirs can be lost and any user can place many.

mod due;
mod find;
mod orders;
mod pace;
mod refunds;
mod report;
mod workers;

use futures_util::{Stream, StreamExt, stream};
use shared::{
    host::{Host, HostError},
    runtime::Task,
    service::{PaymentService, RefundService},
    store::{Cases, StoreError},
    telemetry::{self, Metric},
    types::BoxError,
};

use crate::{
    due::{DueClass, DueItem},
    pace::Pace,
    report::SweepOutcome,
    workers::Workers,
};
pub use crate::{
    report::SweepReport,
    workers::{DueKind, Shard, SweepEvent},
};

/// Sweeps orders and refunds that are due.
pub struct OrderSweepTask {
    host: Host,
    payments: PaymentService,
    refunds: RefundService,
    cases: Cases,
    workers: Workers,
}

impl Task for OrderSweepTask {
    const NAME: &'static str = "order-sweep";
    type Event = SweepEvent;
    type Report = SweepReport;

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            payments: PaymentService::new(host)?,
            refunds: RefundService::new(host)?,
            cases: Cases::new(host)?,
            workers: Workers::new(host)?,
        })
    }

    async fn run(&self, event: SweepEvent) -> Result<SweepReport, BoxError> {
        let pace = Pace::new(self.host.now());
        let report = match event.shards {
            Some(share) => self.sweep_share(share, &pace).await,
            None => self.sweep_all(&pace).await,
        };
        telemetry::record_metric(Metric::SweepBacklog(u64::from(report.deferred) + u64::from(report.failed)));
        if report.attempted() > 0 {
            telemetry::record_metric(Metric::SweepQueries(report.attempted().into()));
            telemetry::record_metric(Metric::SweepFailures(report.failed.into()));
        }
        Ok(report)
    }
}

impl OrderSweepTask {
    /// Sweeps what is due, or has workers sweep it.
    async fn sweep_all(&self, pace: &Pace) -> SweepReport {
        let due = self.find_due(pace.started_at).await;
        let report = self.sweep_class(due.prepaid, pace).await;
        report.plus(self.sweep_class(due.unprepaid, pace).await).plus(due.failures)
    }

    async fn sweep_class(&self, class: DueClass, pace: &Pace) -> SweepReport {
        if class.fits_one_run() {
            return self.sweep_items(stream::iter(class.into_items().map(Ok)), pace).await;
        }
        let mut report = SweepReport::default();
        let starts = stream::iter(class.into_shares()).map(|share| self.workers.start(share));
        let mut starts = starts.buffer_unordered(CONCURRENT_REQUESTS);
        let mut unstarted = Vec::new();
        while let Some(started) = starts.next().await {
            match started {
                Ok(()) => report.workers = report.workers.saturating_add(1),
                Err(share) => unstarted.extend(share),
            }
        }
        // Without workers the sweep is slow, and not over.
        report.plus(self.sweep_share(unstarted, pace).await)
    }

    /// Sweeps the shards in turns, until nothing is due or the run is over; the next one comes in a minute.
    async fn sweep_share(&self, share: Vec<Shard>, pace: &Pace) -> SweepReport {
        let shards = share.into_iter().map(|shard| self.list_due(shard, pace));
        self.sweep_items(stream::select_all(shards), pace).await
    }

    /// Sweeps the items, several at the same time. An item that fails does not delay those behind it.
    async fn sweep_items(
        &self,
        items: impl Stream<Item = Result<DueItem, StoreError>> + Send,
        pace: &Pace,
    ) -> SweepReport {
        let outcomes = items.map(|item| self.sweep_at_pace(item, pace));
        let outcomes = outcomes.buffer_unordered(pace::CONCURRENT_ITEMS);
        outcomes
            .fold(SweepReport::default(), async |mut report, outcome| {
                report.count(outcome);
                report
            })
            .await
    }

    async fn sweep_at_pace(&self, item: Result<DueItem, StoreError>, pace: &Pace) -> SweepOutcome {
        let permit = pace.acquire_permit().await;
        if pace.is_over(self.host.now()) {
            return SweepOutcome::Deferred;
        }
        let swept = match item {
            Ok(item) => {
                pace.count_item();
                self.sweep_item(&item).await
            }
            // The other shards are swept all the same.
            Err(error) => Err(error.into()),
        };
        match swept {
            Ok(outcome) => outcome,
            Err(error) => {
                telemetry::handled_error("sweep-item", &*error);
                if pace::is_rate_limit(&error) {
                    pace.slow_down(permit).await;
                }
                SweepOutcome::Failed
            }
        }
    }

    async fn sweep_item(&self, item: &DueItem) -> Result<SweepOutcome, BoxError> {
        match item {
            DueItem::Order(order_id) => self.sweep_order(*order_id).await,
            DueItem::Refund(out_refund_no) => self.sweep_refund(out_refund_no).await,
        }
    }
}

/// Requests for pages and for workers that are made at the same time.
const CONCURRENT_REQUESTS: usize = 32;
