//! What is due, and how it is divided among workers.

use std::collections::BTreeMap;

use shared::{
    store::{StoreError, WorkPage, WorkRow, is_unprepaid},
    telemetry,
    types::{OrderId, OutRefundNo},
};

use crate::{
    report::{SweepOutcome, SweepReport},
    workers::{DueKind, Shard},
};

/// An order or a refund that is due.
#[derive(Debug)]
pub(crate) enum DueItem {
    Order(OrderId),
    Refund(OutRefundNo),
}

/// What is due, as far as a run looks before it sweeps.
#[derive(Default)]
pub(crate) struct DueWork {
    /// Refunds, and orders that were prepaid.
    pub(crate) prepaid: DueClass,
    /// Orders that were never prepaid.
    pub(crate) unprepaid: DueClass,
    /// Shards and indexes that could not be read.
    pub(crate) failures: SweepReport,
}

/// What is due in some shards.
#[derive(Default)]
pub(crate) struct DueClass {
    rows: Vec<WorkRow<DueItem>>,
    shards: BTreeMap<Shard, ShardLoad>,
}

/// How much is due in a shard.
#[derive(Debug, Default, Clone, Copy)]
struct ShardLoad {
    rows: usize,
    has_more: bool,
}

impl DueWork {
    fn class(&mut self, shard: &str) -> &mut DueClass {
        if is_unprepaid(shard) { &mut self.unprepaid } else { &mut self.prepaid }
    }

    pub(crate) fn add_row(&mut self, kind: DueKind, row: WorkRow<DueItem>) {
        let class = self.class(&row.shard);
        let shard = Shard { kind, name: row.shard.clone() };
        let load = class.shards.entry(shard).or_default();
        load.rows = load.rows.saturating_add(1);
        class.rows.push(row);
    }

    pub(crate) fn add_page(&mut self, shard: Shard, page: Result<WorkPage<DueItem>, StoreError>) {
        match page {
            Ok(page) => {
                let has_more = page.next.is_some();
                for row in page.rows {
                    self.add_row(shard.kind, row);
                }
                if has_more {
                    self.class(&shard.name).shards.entry(shard.clone()).or_default().has_more = true;
                }
            }
            Err(error) => self.add_failure(&error),
        }
    }

    pub(crate) fn add_failure(&mut self, error: &StoreError) {
        telemetry::handled_error("read-due-page", error);
        self.failures.count(SweepOutcome::Failed);
    }
}

impl DueClass {
    /// Whether one run can sweep all of it.
    pub(crate) fn fits_one_run(&self) -> bool {
        self.rows.len() <= ONE_RUN && !self.shards.values().any(|load| load.has_more)
    }

    /// All that is due, the longest waiting first, if it fits one run.
    pub(crate) fn into_items(mut self) -> impl Iterator<Item = DueItem> {
        self.rows.sort_by_key(|row| row.at);
        self.rows.into_iter().map(|row| row.key)
    }

    /// The shards, divided among workers: a shard of which one page shows only a part has a worker of its own, or nearly so.
    pub(crate) fn into_shares(self) -> Vec<Vec<Shard>> {
        let mut shares: Vec<Vec<Shard>> = Vec::new();
        let mut room = 0;
        for (shard, load) in self.shards {
            let size = if load.has_more { ONE_SHARE } else { load.rows };
            match shares.last_mut().filter(|_| size <= room) {
                Some(share) => share.push(shard),
                None => {
                    shares.push(vec![shard]);
                    room = ONE_SHARE;
                }
            }
            room = room.saturating_sub(size);
        }
        shares
    }
}

/// Items that a run sweeps by itself, because workers would need as long to start.
const ONE_RUN: usize = 500;
/// Items of a worker, as far as pages show them.
const ONE_SHARE: usize = 200;

#[cfg(test)]
mod tests {
    use shared::types::UnixSeconds;

    use super::*;

    fn class(loads: &[(u8, usize, bool)]) -> DueClass {
        let mut due = DueWork::default();
        for &(shard, rows, has_more) in loads {
            let shard = Shard { kind: DueKind::Refunds, name: format!("{shard:02}") };
            let row = || {
                let number = OutRefundNo::parse("R-1").unwrap();
                WorkRow { key: DueItem::Refund(number), shard: shard.name.clone(), at: UnixSeconds::new(1) }
            };
            (0..rows).for_each(|_| due.add_row(DueKind::Refunds, row()));
            due.prepaid.shards.entry(shard).or_default().has_more = has_more;
        }
        due.prepaid
    }

    fn shares(loads: &[(u8, usize, bool)]) -> Vec<usize> {
        class(loads).into_shares().iter().map(Vec::len).collect()
    }

    #[test]
    fn a_run_sweeps_alone_what_it_has_seen_to_the_end() {
        assert!(class(&[]).fits_one_run() && class(&[(0, 500, false)]).fits_one_run());
        assert!(!class(&[(0, 300, false), (1, 201, false)]).fits_one_run());
        assert!(!class(&[(0, 1, true)]).fits_one_run());
    }

    #[test]
    fn there_are_as_many_workers_as_there_is_work() {
        let small: Vec<_> = (0..64).map(|shard| (shard, 20, false)).collect();
        assert_eq!(shares(&small), [10, 10, 10, 10, 10, 10, 4]);
        let full: Vec<_> = (0..64).map(|shard| (shard, 100, true)).collect();
        assert_eq!(shares(&full), [1; 64]);
        assert_eq!(shares(&[(0, 50, false), (1, 100, true), (2, 60, false), (3, 140, false)]), [1, 1, 2]);
    }
}
