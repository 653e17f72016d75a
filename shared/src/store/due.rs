//! Sparse indexes of what waits for its time: `by_due` (orders and refunds to be asked about) and `by_pending` (events to be
//! acted on).
//!
//! Orders that were never prepaid have parts of their own in `by_due`: no money can have been taken for them, so that they are
//! looked at after those of which a notice may be lost, however many there are.
//!
//! Each is in [`shards`], so that no part of an index takes all writes, and is read in pages, the longest waiting first, so that
//! nobody searches a table. A row leaves its index when nothing is to be done with it any more.

use aws_sdk_dynamodb::{Client, types::AttributeValue};

use super::{
    StoreError,
    item::{self, Item},
};
use crate::{crypto::sha256, telemetry, types::UnixSeconds};

/// Some of what waits.
pub struct Page<T> {
    /// The longest waiting first.
    pub rows: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// A place among what waits.
pub struct Cursor(Item);

impl<T> Page<T> {
    /// The rows as something else.
    #[must_use]
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(make).collect(), next: self.next }
    }

    /// What `read` makes of the rows.
    pub(super) fn filter_map<U>(self, read: impl FnMut(T) -> Option<U>) -> Page<U> {
        Page { rows: self.rows.into_iter().filter_map(read).collect(), next: self.next }
    }
}

impl Page<Item> {
    /// The rows' keys. A row whose key, the attribute `name`, is none of ours keeps the others not waiting: it is only told, as
    /// the operator alert `alert`.
    pub(super) fn keys<K, E>(
        self,
        name: &str,
        alert: &'static str,
        parse: impl Fn(&str) -> Result<K, E>,
    ) -> Page<K> {
        self.filter_map(|mut item| {
            let text = text(&mut item, name).unwrap_or_default();
            parse(&text).ok().or_else(|| {
                telemetry::operator_alert(alert, &text);
                None
            })
        })
    }
}

/// An index of what waits.
pub(super) struct Index {
    /// Its name.
    pub(super) name: &'static str,
    /// The attribute that tells a row's shard.
    pub(super) shard: &'static str,
    /// The attribute that tells its time.
    pub(super) time: &'static str,
}

impl Index {
    /// The keys of `shard`'s rows whose time is not after `until`, from `after` on; at most `limit`.
    pub(super) async fn page(
        &self,
        (client, table): (&Client, &str),
        shard: &str,
        until: UnixSeconds,
        after: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Item>, StoreError> {
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
            .set_exclusive_start_key(after.map(|Cursor(key)| key))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing what waits", error))?;
        Ok(Page { rows: page.items.unwrap_or_default(), next: page.last_evaluated_key.map(Cursor) })
    }
}

/// The index of what is to be asked about.
pub(super) const BY_DUE: Index = Index { name: "by_due", shard: "due_shard", time: "next_query_at" };
/// The index of what is to be acted on.
pub(super) const BY_PENDING: Index =
    Index { name: "by_pending", shard: "pending_shard", time: "happened_at" };

/// The text attribute `name`.
pub(super) fn text(item: &mut Item, name: &str) -> Option<String> {
    match item.remove(name) {
        Some(AttributeValue::S(text)) => Some(text),
        _ => None,
    }
}

/// The parts of every sparse index.
pub fn shards() -> impl Iterator<Item = String> {
    (0..SHARDS).map(|shard| format!("{shard:02}"))
}

/// The parts of `by_due` for orders that were never prepaid.
pub fn shards_of_unprepaid() -> impl Iterator<Item = String> {
    shards().map(unprepaid)
}

/// The part for an order that was never prepaid, whose number falls into `shard`.
pub(super) fn unprepaid(shard: String) -> String {
    format!("UNPREPAID-{shard}")
}

/// The part that the number falls into.
pub(super) fn shard_of(number: &str) -> String {
    let [first, ..] = sha256(number.as_bytes());
    format!("{:02}", first % SHARDS)
}

/// 16: a shard takes 1,000 writes a second.
const SHARDS: u8 = 16;
