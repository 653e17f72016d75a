//! The report of a run.

use serde::Serialize;

/// How many orders and refunds were due in a run, by what became of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// Orders that turned out to be paid, and paid orders whose earlier refunds were looked up.
    pub paid: u32,
    /// Orders that were closed, because they expired or because their payment was refunded.
    pub closed: u32,
    /// Orders that can still be paid, or are to be closed later.
    pub waiting: u32,
    /// Orders that need an operator.
    pub disputed: u32,
    /// Refunds that ended.
    pub refunded: u32,
    /// Refunds that have not ended yet.
    pub refunding: u32,
    /// Orders and refunds for which WeChat Pay or DynamoDB gave no usable answer, and shards that could not be read. They are due
    /// again at once, or at the `next_query_at` that was written before the failure.
    pub failed: u32,
    /// Orders and refunds of the pages read that were still due when the run was out of time. The next run takes them.
    pub deferred: u32,
    /// Orders and refunds that another run took, or that are no longer due.
    pub skipped: u32,
    /// Workers that were started. Their orders and refunds stand in their own reports.
    pub workers: u32,
}

/// What came of sweeping one order or refund that was due. Each variant is a field of [`SweepReport`].
pub(crate) enum SweepOutcome {
    Paid,
    Closed,
    Waiting,
    Disputed,
    Refunded,
    Refunding,
    Failed,
    Deferred,
    Skipped,
}

impl SweepReport {
    pub(crate) fn count(&mut self, outcome: SweepOutcome) {
        let count = match outcome {
            SweepOutcome::Paid => &mut self.paid,
            SweepOutcome::Closed => &mut self.closed,
            SweepOutcome::Waiting => &mut self.waiting,
            SweepOutcome::Disputed => &mut self.disputed,
            SweepOutcome::Refunded => &mut self.refunded,
            SweepOutcome::Refunding => &mut self.refunding,
            SweepOutcome::Failed => &mut self.failed,
            SweepOutcome::Deferred => &mut self.deferred,
            SweepOutcome::Skipped => &mut self.skipped,
        };
        *count = count.saturating_add(1);
    }

    /// Orders and refunds that the run swept, with or without success: neither deferred nor skipped.
    pub(crate) fn attempted(&self) -> u32 {
        let Self { paid, closed, waiting, disputed, refunded, refunding, failed, .. } = *self;
        [paid, closed, waiting, disputed, refunded, refunding, failed]
            .into_iter()
            .fold(0, u32::saturating_add)
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            paid: self.paid.saturating_add(other.paid),
            closed: self.closed.saturating_add(other.closed),
            waiting: self.waiting.saturating_add(other.waiting),
            disputed: self.disputed.saturating_add(other.disputed),
            refunded: self.refunded.saturating_add(other.refunded),
            refunding: self.refunding.saturating_add(other.refunding),
            failed: self.failed.saturating_add(other.failed),
            deferred: self.deferred.saturating_add(other.deferred),
            skipped: self.skipped.saturating_add(other.skipped),
            workers: self.workers.saturating_add(other.workers),
        }
    }
}
