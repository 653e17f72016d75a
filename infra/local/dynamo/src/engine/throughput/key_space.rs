//! The partitions of one table or index, and how they are split.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::bucket::{Bucket, Rate};
use super::{Access, PartitionLayout};

/// Where an item lies among the partitions: by the hash of its partition key, then by its sort key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyPosition {
    hash: u64,
    sort: Vec<u8>,
}

/// How many units a partition gets for reads and writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartitionLimits {
    pub(super) read: Rate,
    pub(super) write: Rate,
}

/// The partitions of one table or index, which are ranges of positions.
#[derive(Debug)]
pub(super) struct KeySpace {
    layout: PartitionLayout,
    /// Whether items with one partition key may lie in several partitions.
    splits_collections: bool,
    /// By the first position of each.
    partitions: BTreeMap<KeyPosition, Partition>,
}

#[derive(Debug)]
struct Partition {
    reads: Bucket,
    writes: Bucket,
    heat: Heat,
}

/// How hot a partition has been, minute by minute.
#[derive(Debug, Default)]
struct Heat {
    minute: u64,
    /// Millionths of units in this minute.
    read: u64,
    written: u64,
    throttled: bool,
    /// The minutes without a pause in which the partition was hot.
    hot_minutes: u32,
    /// Where the last requests went.
    recent: VecDeque<KeyPosition>,
}

impl KeyPosition {
    /// The position of an item with this partition key. `sort` must compare as the sort key does.
    pub(super) fn new(partition_key: &str, sort: Vec<u8>) -> Self {
        // Always made with the same keys, so that a run can be repeated.
        let mut hasher = DefaultHasher::new();
        partition_key.hash(&mut hasher);
        Self { hash: hasher.finish(), sort }
    }

    /// The first position of all.
    pub(super) fn first() -> Self {
        Self { hash: 0, sort: Vec::new() }
    }

    /// The first position of the items with the same partition key.
    fn collection_start(&self) -> Self {
        Self { hash: self.hash, sort: Vec::new() }
    }

    /// The position that follows the item, or its whole collection.
    fn following(&self, splits_collections: bool) -> Option<Self> {
        if splits_collections {
            let sort = self.sort.iter().copied().chain([0]).collect();
            return Some(Self { hash: self.hash, sort });
        }
        Some(Self { hash: self.hash.checked_add(1)?, sort: Vec::new() })
    }
}

impl KeySpace {
    pub(super) fn new(
        layout: PartitionLayout,
        splits_collections: bool,
        limits: PartitionLimits,
        now: u64,
    ) -> Self {
        let count = match layout {
            PartitionLayout::NewTable => NEW_TABLE_PARTITIONS,
            PartitionLayout::KeyPerPartition => 1,
        };
        let width = u64::MAX / count;
        let starts = (0..count).map(|number| KeyPosition { hash: number * width, sort: Vec::new() });
        let partitions = starts.map(|start| (start, Partition::new(limits, now))).collect();
        Self { layout, splits_collections, partitions }
    }

    /// Whether the partition of this position has units.
    pub(super) fn admits(
        &mut self,
        at: &KeyPosition,
        access: Access,
        limits: PartitionLimits,
        now: u64,
    ) -> bool {
        let Some((_, partition)) = self.partition(at, limits, now) else { return true };
        let admits = match access {
            Access::Read => partition.reads.admits(limits.read, now),
            Access::Write => partition.writes.admits(limits.write, now),
        };
        if !admits {
            partition.heat.note(at, limits, now, |heat| heat.throttled = true);
            self.split_if_hot(at, limits, now);
        }
        admits
    }

    /// Takes what a request has consumed.
    pub(super) fn take(
        &mut self,
        at: &KeyPosition,
        access: Access,
        millionths: u64,
        limits: PartitionLimits,
        now: u64,
    ) {
        let Some((_, partition)) = self.partition(at, limits, now) else { return };
        match access {
            Access::Read => partition.reads.take(limits.read, now, millionths),
            Access::Write => partition.writes.take(limits.write, now, millionths),
        }
        partition.heat.note(at, limits, now, |heat| match access {
            Access::Read => heat.read = heat.read.saturating_add(millionths),
            Access::Write => heat.written = heat.written.saturating_add(millionths),
        });
        self.split_if_hot(at, limits, now);
    }

    /// The number of partitions.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.partitions.len()
    }

    /// The partition that holds this position, and where it begins.
    fn partition(
        &mut self,
        at: &KeyPosition,
        limits: PartitionLimits,
        now: u64,
    ) -> Option<(KeyPosition, &mut Partition)> {
        if self.layout == PartitionLayout::KeyPerPartition {
            self.partitions.entry(at.collection_start()).or_insert_with(|| Partition::new(limits, now));
        }
        let (start, partition) = self.partitions.range_mut(..=at).next_back()?;
        Some((start.clone(), partition))
    }

    fn split_if_hot(&mut self, at: &KeyPosition, limits: PartitionLimits, now: u64) {
        let splits_collections = self.splits_collections;
        let Some((start, partition)) = self.partition(at, limits, now) else { return };
        if partition.heat.hot_minutes < HOT_MINUTES {
            return;
        }
        let boundary = partition.heat.boundary(&start, splits_collections);
        partition.heat = Heat { minute: partition.heat.minute, ..Heat::default() };
        if let Some(boundary) = boundary {
            self.partitions.entry(boundary).or_insert_with(|| Partition::new(limits, now));
        }
    }
}

impl Partition {
    fn new(limits: PartitionLimits, now: u64) -> Self {
        Self {
            reads: Bucket::full(limits.read, now),
            writes: Bucket::full(limits.write, now),
            heat: Heat { minute: now / MINUTE, ..Heat::default() },
        }
    }
}

impl Heat {
    fn note(&mut self, at: &KeyPosition, limits: PartitionLimits, now: u64, count: impl FnOnce(&mut Self)) {
        let minute = now / MINUTE;
        if minute != self.minute {
            let used = limits.read.percent(self.read, MINUTE).max(limits.write.percent(self.written, MINUTE));
            let hot = self.throttled || used >= HOT_PERCENT;
            let next = minute == self.minute + 1;
            self.hot_minutes = if hot && next { self.hot_minutes + 1 } else { 0 };
            (self.minute, self.read, self.written, self.throttled) = (minute, 0, 0, false);
        }
        count(self);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(at.clone());
    }

    /// Where to split a partition so that each side gets about half of the requests; if all went to one item, so that the item is alone.
    /// `None` if it is alone already.
    fn boundary(&self, start: &KeyPosition, splits_collections: bool) -> Option<KeyPosition> {
        let mut recent: Vec<KeyPosition> = self
            .recent
            .iter()
            .map(|at| if splits_collections { at.clone() } else { at.collection_start() })
            .collect();
        recent.sort();
        let (first, middle) = (recent.first()?, recent.get(recent.len() / 2)?);
        let boundary = if middle > first { Some(middle) } else { recent.iter().find(|at| *at > first) };
        match boundary {
            Some(boundary) => Some(boundary.clone()),
            None if first > start => Some(first.clone()),
            None => first.following(splits_collections),
        }
    }
}

/// 4,000 writes and 12,000 reads a second, as AWS documents for a new on-demand table.
const NEW_TABLE_PARTITIONS: u64 = 4;
const MINUTE: u64 = 60_000;
/// A partition is hot in a minute in which it throttled or used this part of its units. Assumed.
const HOT_PERCENT: u64 = 80;
/// After so many hot minutes a partition is split. Assumed: AWS speaks of sustained traffic and names no time.
const HOT_MINUTES: u32 = 10;
/// So many requests decide where a partition is split. Assumed.
const RECENT: usize = 128;
