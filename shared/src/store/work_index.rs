//! Sparse indexes of open work: `by_due` lists orders and refunds about which WeChat Pay is to be asked, and media checks whose verdict is
//! late; `by_pending` lists events whose effects are not done.
//!
//! A row leaves its index when nothing is left to do with it, so an index is small in a quiet shop: one request then shows all that is due,
//! whatever the number of shards ([`OpenWork::All`]). A larger index is read shard by shard and in pages, the longest waiting first.
//!
//! Rows are spread over 64 shards, so that no key takes all writes. Readers know the names of a hundred shards, so the number can change
//! in a deployment: rows that are in the index at that time stay in their shard, which is still read.
//!
//! Orders that were never prepaid have shards of their own in `by_due` ([`unprepaid_shards`]), which are swept last: nobody can have paid
//! such an order, and any user can place many of them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    StoreError,
    item::{self, Item},
};
use crate::{
    crypto::sha256,
    host::dynamodb::Client,
    telemetry,
    types::{IdError, UnixSeconds},
};

/// A row of an index.
pub struct WorkRow<T> {
    /// The row's key in its table.
    pub key: T,
    /// The name of the row's shard.
    pub shard: String,
    /// Since when the row is due.
    pub at: UnixSeconds,
}

/// What is due in an index, as far as one request shows it.
pub enum OpenWork<T> {
    /// Everything that is due, the longest waiting first.
    All(Vec<WorkRow<T>>),
    /// The index is larger than one request reads. These shards are to be read one by one.
    Shards(BTreeSet<String>),
}

/// A page of rows of a shard.
pub struct WorkPage<T> {
    /// The rows, the longest waiting first.
    pub rows: Vec<WorkRow<T>>,
    /// Where the next page begins, if there is one.
    pub next: Option<WorkCursor>,
}

/// A place in a shard, after a row.
pub struct WorkCursor(Item);

impl<T> WorkRow<T> {
    /// The row with another key.
    #[must_use]
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> WorkRow<U> {
        WorkRow { key: make(self.key), shard: self.shard, at: self.at }
    }
}

impl<T> WorkPage<T> {
    /// The rows with other keys.
    #[must_use]
    pub fn map<U>(self, make: impl Fn(T) -> U) -> WorkPage<U> {
        let rows = self.rows.into_iter().map(|row| row.map(&make)).collect();
        WorkPage { rows, next: self.next }
    }
}

impl<T> OpenWork<T> {
    /// The rows with other keys.
    #[must_use]
    pub fn map<U>(self, make: impl Fn(T) -> U) -> OpenWork<U> {
        match self {
            Self::All(rows) => OpenWork::All(rows.into_iter().map(|row| row.map(&make)).collect()),
            Self::Shards(shards) => OpenWork::Shards(shards),
        }
    }
}

/// How a row's key is read from the attribute `name`. A key that does not parse is an operator alert, named `alert`, and skipped, so one
/// bad row cannot block the others.
pub(super) struct WorkKey<K> {
    pub(super) name: &'static str,
    pub(super) alert: &'static str,
    pub(super) parse: fn(&str) -> Result<K, IdError>,
}

impl<K> WorkKey<K> {
    fn read(&self, index: &WorkIndex, mut item: Item) -> Option<WorkRow<K>> {
        let key = text(&mut item, self.name).unwrap_or_default();
        let Ok(parsed) = (self.parse)(&key) else {
            telemetry::operator_alert(self.alert, &key);
            return None;
        };
        let shard = text(&mut item, index.shard)?;
        let Some(AttributeValue::N(at)) = item.remove(index.time) else { return None };
        Some(WorkRow { key: parsed, shard, at: UnixSeconds::new(at.parse().ok()?) })
    }
}

/// A sparse index.
pub(super) struct WorkIndex {
    /// The index's name.
    pub(super) name: &'static str,
    /// The attribute with a row's shard, the hash key.
    pub(super) shard: &'static str,
    /// The attribute with a row's time, the range key.
    pub(super) time: &'static str,
}

impl WorkIndex {
    /// What is due by `until`, if the whole index has no more rows than one request reads, due or not. Otherwise the names of the shards:
    /// those of `known`, and any other one that the request came upon.
    pub(super) async fn find<K>(
        &self,
        (client, table): (&Client, &str),
        key: &WorkKey<K>,
        known: impl Iterator<Item = String>,
        until: UnixSeconds,
    ) -> Result<OpenWork<K>, StoreError> {
        let page = client
            .scan()
            .table_name(table)
            .index_name(self.name)
            .filter_expression("#time <= :until")
            .expression_attribute_names("#time", self.time)
            .expression_attribute_values(":until", item::n(until.get()))
            .limit(READ_AT_ONCE)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("looking for what waits", error))?;
        let items = page.items.unwrap_or_default();
        if page.last_evaluated_key.is_some() {
            let seen = items.into_iter().filter_map(|mut item| text(&mut item, self.shard));
            return Ok(OpenWork::Shards(known.chain(seen).collect()));
        }
        let mut rows: Vec<_> = items.into_iter().filter_map(|item| key.read(self, item)).collect();
        rows.sort_by_key(|row| row.at);
        Ok(OpenWork::All(rows))
    }

    /// The rows of `shard` whose time is not after `until`, from `after` on; at most `limit`.
    pub(super) async fn page<K>(
        &self,
        (client, table): (&Client, &str),
        key: &WorkKey<K>,
        (shard, until): (&str, UnixSeconds),
        after: Option<WorkCursor>,
        limit: u16,
    ) -> Result<WorkPage<K>, StoreError> {
        let page = client
            .query()
            .table_name(table)
            .index_name(self.name)
            .key_condition_expression("#shard = :shard AND #time <= :until")
            .expression_attribute_names("#shard", self.shard)
            .expression_attribute_names("#time", self.time)
            .expression_attribute_values(":shard", item::s(shard))
            .expression_attribute_values(":until", item::n(until.get()))
            .limit(limit.into())
            .set_exclusive_start_key(after.map(|WorkCursor(key)| key))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing what waits", error))?;
        let rows = page.items.unwrap_or_default().into_iter().filter_map(|item| key.read(self, item));
        Ok(WorkPage { rows: rows.collect(), next: page.last_evaluated_key.map(WorkCursor) })
    }
}

/// Orders, refunds and media checks by the time of their next query.
pub(super) const BY_DUE: WorkIndex = WorkIndex { name: "by_due", shard: "due_shard", time: "next_query_at" };
/// Events whose effects are not done, by time.
pub(super) const BY_PENDING: WorkIndex =
    WorkIndex { name: "by_pending", shard: "pending_shard", time: "happened_at" };

/// Takes the text attribute `name` out of the item.
pub(super) fn text(item: &mut Item, name: &str) -> Option<String> {
    match item.remove(name) {
        Some(AttributeValue::S(text)) => Some(text),
        _ => None,
    }
}

/// The shards of an index: those that rows are put into, and those that rows of another version may be in.
pub fn shards() -> impl Iterator<Item = String> {
    (0..SHARD_NAMES).map(name)
}

/// The shards of `by_due` for orders that were never prepaid.
pub fn unprepaid_shards() -> impl Iterator<Item = String> {
    shards().map(unprepaid)
}

/// Whether the shard of `by_due` is one for orders that were never prepaid.
#[must_use]
pub fn is_unprepaid(shard: &str) -> bool {
    shard.starts_with(UNPREPAID)
}

/// The shard for orders that were never prepaid and whose number falls into `shard`.
pub(super) fn unprepaid(shard: String) -> String {
    format!("{UNPREPAID}{shard}")
}

/// The shard of a row with this number.
pub(super) fn shard_of(number: &str) -> String {
    name(hash(number) % SHARDS)
}

/// The shards of an index whose shards one request after another reads for a page of a list: `by_to_ship` and `by_unbilled`.
pub(super) fn list_shards() -> impl Iterator<Item = String> {
    (0..LIST_SHARDS).map(name)
}

/// The shard of a row with this number in such an index.
pub(super) fn list_shard_of(number: &str) -> String {
    name(hash(number) % LIST_SHARDS)
}

fn hash(number: &str) -> u8 {
    let [first, ..] = sha256(number.as_bytes());
    first
}

fn name(shard: u8) -> String {
    format!("{shard:02}")
}

const UNPREPAID: &str = "UNPREPAID-";
/// Shards of `by_due` and `by_pending` that rows are put into. DynamoDB takes 1,000 writes a second for each. `infra/deploy/SCALE.md` has
/// the sum; the number may be changed at any time.
const SHARDS: u8 = 64;
/// Names of shards that are read. Every number of shards that was ever deployed must be below.
const SHARD_NAMES: u8 = 100;
const _: () = assert!(SHARDS <= SHARD_NAMES, "rows would be put into shards that nobody reads");
/// Shards of `by_to_ship` and `by_unbilled`.
const LIST_SHARDS: u8 = 16;
/// Rows that are read of an index in one request. A row has 100 bytes or so, so these are some 6 read units.
const READ_AT_ONCE: i32 = 500;
