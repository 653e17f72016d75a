//! The report of a run.

use serde::Serialize;

/// How many orders were due in a run, by what became of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShippingSweepReport {
    /// Orders whose money WeChat has released or given back.
    pub ended: u32,
    /// Orders whose money WeChat keeps, within its term.
    pub waiting: u32,
    /// Orders that staff did not ship in their term. Each has a case.
    pub not_shipped: u32,
    /// Orders whose money WeChat keeps beyond its term. Each has a case.
    pub frozen: u32,
    /// Orders whose user WeChat was made to remind, among those that wait.
    pub reminded: u32,
    /// Orders for which WeChat or DynamoDB gave no usable answer, and shards that could not be read. They are due again at once.
    pub failed: u32,
    /// Orders that were still due when the run was out of time, on the pages that were read. The next run takes them.
    pub deferred: u32,
    /// Orders that were changed meanwhile or are no longer due.
    pub skipped: u32,
}

/// What came of one order that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SweepOutcome {
    Ended,
    Waiting,
    NotShipped,
    Frozen,
    Reminded,
    Failed,
    Deferred,
    Skipped,
}

impl ShippingSweepReport {
    pub(crate) fn count(&mut self, outcome: SweepOutcome) {
        if outcome == SweepOutcome::Reminded {
            self.count(SweepOutcome::Waiting);
        }
        let count = match outcome {
            SweepOutcome::Ended => &mut self.ended,
            SweepOutcome::Waiting => &mut self.waiting,
            SweepOutcome::NotShipped => &mut self.not_shipped,
            SweepOutcome::Frozen => &mut self.frozen,
            SweepOutcome::Reminded => &mut self.reminded,
            SweepOutcome::Failed => &mut self.failed,
            SweepOutcome::Deferred => &mut self.deferred,
            SweepOutcome::Skipped => &mut self.skipped,
        };
        *count = count.saturating_add(1);
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            ended: self.ended.saturating_add(other.ended),
            waiting: self.waiting.saturating_add(other.waiting),
            not_shipped: self.not_shipped.saturating_add(other.not_shipped),
            frozen: self.frozen.saturating_add(other.frozen),
            reminded: self.reminded.saturating_add(other.reminded),
            failed: self.failed.saturating_add(other.failed),
            deferred: self.deferred.saturating_add(other.deferred),
            skipped: self.skipped.saturating_add(other.skipped),
        }
    }
}
