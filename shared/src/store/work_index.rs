//! Sparse indexes of open work: `by_due` lists orders and refunds about which WeChat Pay is to be asked, and media checks whose verdict is
//! late; `by_pending` lists events whose effects are not done.
//!
//! Each index has 16 [`shards`], so that no key takes all writes, and is read in pages, the longest waiting first. A row leaves its index
//! when nothing is left to do with it.
//!
//! Orders that were never prepaid have shards of their own in `by_due` ([`unprepaid_shards`]), which are swept last: nobody can have paid
//! such an order, and any user can place many of them.

use aws_sdk_dynamodb::{Client, types::AttributeValue};

use super::{
    StoreError,
    item::{self, Item},
};
use crate::{crypto::sha256, telemetry, types::UnixSeconds};

/// A page of rows of a shard.
pub struct WorkPage<T> {
    /// The rows, the longest waiting first.
    pub rows: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<WorkCursor>,
}

/// A place in a shard, after a row.
pub struct WorkCursor(Item);

impl<T> WorkPage<T> {
    /// The rows as something else.
    #[must_use]
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> WorkPage<U> {
        WorkPage { rows: self.rows.into_iter().map(make).collect(), next: self.next }
    }

    /// The rows for which `read` gives a value.
    pub(super) fn filter_map<U>(self, read: impl FnMut(T) -> Option<U>) -> WorkPage<U> {
        WorkPage { rows: self.rows.into_iter().filter_map(read).collect(), next: self.next }
    }
}

impl WorkPage<Item> {
    /// The key attribute `name` and the time `happened_at` of every row of [`BY_PENDING`]. A row without them is left out.
    pub(super) fn keys_and_times(self, name: &str) -> WorkPage<(String, UnixSeconds)> {
        self.filter_map(|mut item| {
            let key = text(&mut item, name)?;
            match item.remove(BY_PENDING.time) {
                Some(AttributeValue::N(at)) => Some((key, UnixSeconds::new(at.parse().ok()?))),
                _ => None,
            }
        })
    }

    /// Parses the key attribute `name` of every row. A key that does not parse is an operator alert, named `alert`, and skipped, so one bad
    /// row cannot block the page.
    pub(super) fn parse_keys<K, E>(
        self,
        name: &str,
        alert: &'static str,
        parse: impl Fn(&str) -> Result<K, E>,
    ) -> WorkPage<K> {
        self.filter_map(|mut item| {
            let text = text(&mut item, name).unwrap_or_default();
            parse(&text).ok().or_else(|| {
                telemetry::operator_alert(alert, &text);
                None
            })
        })
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
    /// The keys of `shard`'s rows whose time is not after `until`, from `after` on; at most `limit`.
    pub(super) async fn page(
        &self,
        (client, table): (&Client, &str),
        shard: &str,
        until: UnixSeconds,
        after: Option<WorkCursor>,
        limit: u16,
    ) -> Result<WorkPage<Item>, StoreError> {
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
        Ok(WorkPage { rows: page.items.unwrap_or_default(), next: page.last_evaluated_key.map(WorkCursor) })
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

/// The shards of each index.
pub fn shards() -> impl Iterator<Item = String> {
    (0..SHARDS).map(|shard| format!("{shard:02}"))
}

/// The shards of `by_due` for orders that were never prepaid.
pub fn unprepaid_shards() -> impl Iterator<Item = String> {
    shards().map(unprepaid)
}

/// The shard for orders that were never prepaid and whose number falls into `shard`.
pub(super) fn unprepaid(shard: String) -> String {
    format!("UNPREPAID-{shard}")
}

/// The shard of a row with this number.
pub(super) fn shard_of(number: &str) -> String {
    let [first, ..] = sha256(number.as_bytes());
    format!("{:02}", first % SHARDS)
}

/// Shards of each index. DynamoDB takes 1,000 writes a second for each.
const SHARDS: u8 = 16;
