//! What a run came upon.

use serde::Serialize;

/// How many orders and refunds a run came upon, by what became of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// Orders that were paid, and their notice had not come.
    pub paid: u32,
    /// Orders that expired and were closed.
    pub closed: u32,
    /// Orders that can still be paid.
    pub waiting: u32,
    /// Orders that need an operator.
    pub disputed: u32,
    /// Refunds that are at their end.
    pub refunded: u32,
    /// Refunds that are under way.
    pub refunding: u32,
    /// Could not be asked about; they have a next time.
    pub failed: u32,
    /// Were due when the run ended; the next one takes them.
    pub left: u32,
    /// Were taken by another run, or came to rest meanwhile.
    pub passed: u32,
}

/// What became of one.
pub(crate) enum Swept {
    Paid,
    Closed,
    Waiting,
    Disputed,
    Refunded,
    Refunding,
    Failed,
    Left,
    Passed,
}

impl SweepReport {
    pub(crate) fn count(&mut self, swept: Swept) {
        let count = match swept {
            Swept::Paid => &mut self.paid,
            Swept::Closed => &mut self.closed,
            Swept::Waiting => &mut self.waiting,
            Swept::Disputed => &mut self.disputed,
            Swept::Refunded => &mut self.refunded,
            Swept::Refunding => &mut self.refunding,
            Swept::Failed => &mut self.failed,
            Swept::Left => &mut self.left,
            Swept::Passed => &mut self.passed,
        };
        *count = count.saturating_add(1);
    }

    /// Orders and refunds that WeChat Pay was asked about, or was to be.
    pub(crate) fn looks(&self) -> u32 {
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
            left: self.left.saturating_add(other.left),
            passed: self.passed.saturating_add(other.passed),
        }
    }
}
