//! Paid orders whose money WeChat keeps: when to ask WeChat about the shipping of each, and how much it is in all.
//!
//! The index `by_shipping_query` has a copy of what the sums need, so that nobody reads the orders for them. It has an index of its own,
//! beside `by_due`, because an order whose refunds are looked up can be in both.

use serde::Deserialize;

use super::Orders;
use crate::{
    store::{
        StoreError, item,
        work_index::{WorkCursor, WorkIndex, WorkKey, WorkPage, list_shards},
    },
    types::{Fen, OrderId, UnixSeconds},
};

/// A paid order whose money WeChat keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct UnsettledOrder {
    /// When it was paid.
    pub paid_at: UnixSeconds,
    /// What was paid.
    pub total_fee: Fen,
    /// What was given back of it. Fen.
    #[serde(default)]
    pub refunded_fee: u64,
}

/// The shards of the index.
pub fn shipping_shards() -> impl Iterator<Item = String> {
    list_shards()
}

impl Orders {
    /// Orders of one shard about whose shipping WeChat is to be asked by `until`, the longest due first, from `after` on; at most
    /// `limit`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_shipping_due(
        &self,
        shard: &str,
        until: UnixSeconds,
        after: Option<WorkCursor>,
        limit: u16,
    ) -> Result<WorkPage<OrderId>, StoreError> {
        let table = (&self.client, self.table.as_str());
        BY_SHIPPING_QUERY.page(table, &KEY, (shard, until), after, limit).await
    }

    /// Orders of one shard whose money WeChat keeps, all of them. The index can be a moment behind.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_unsettled(&self, shard: &str) -> Result<Vec<UnsettledOrder>, StoreError> {
        let (mut orders, mut start) = (Vec::new(), None);
        loop {
            let query = self.client.query().table_name(&self.table).index_name(BY_SHIPPING_QUERY.name);
            let query = query
                .key_condition_expression("shipping_shard = :shard")
                .expression_attribute_values(":shard", item::s(shard))
                .set_exclusive_start_key(start);
            let page = query.send().await;
            let page = page.map_err(|error| StoreError::from_sdk("listing what is not settled", error))?;
            for row in page.items.unwrap_or_default() {
                orders.push(item::read(row)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(orders);
            }
        }
    }
}

const BY_SHIPPING_QUERY: WorkIndex =
    WorkIndex { name: "by_shipping_query", shard: "shipping_shard", time: "shipping_query_at" };
const KEY: WorkKey<OrderId> =
    WorkKey { name: "order_id", alert: "due-order-key-unreadable", parse: OrderId::parse };
