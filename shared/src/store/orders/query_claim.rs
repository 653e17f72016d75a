//! Which caller may ask WeChat Pay about an order, and when the order is due again. The times stand in
//! [`query_schedule`](crate::order::query_schedule).

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Order, Orders};
use crate::{
    host::dynamodb::UpdateItemFluentBuilder,
    order::query_schedule,
    store::{
        StoreError,
        item::{self, UpdateOutcome},
        work_index::{BY_DUE, OpenWork, WorkCursor, WorkKey, WorkPage, shards, unprepaid_shards},
    },
    types::{OrderId, UnixSeconds},
};

impl Orders {
    /// Orders whose `next_query_at` is not after `until`, or the shards to read with [`Self::list_due`] if the index has too many rows for one request.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn find_due(&self, until: UnixSeconds) -> Result<OpenWork<OrderId>, StoreError> {
        BY_DUE.find((&self.client, &self.table), &KEY, shards().chain(unprepaid_shards()), until).await
    }

    /// Orders of one shard whose `next_query_at` is not after `until`, the longest due first, from `after` on; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_due(
        &self,
        shard: &str,
        until: UnixSeconds,
        after: Option<WorkCursor>,
        limit: u16,
    ) -> Result<WorkPage<OrderId>, StoreError> {
        BY_DUE.page((&self.client, &self.table), &KEY, (shard, until), after, limit).await
    }

    /// Sets the next query of a disputed order to `next_query_at`, and removes its `prepay_id`, because its attempt is paid. `false` if
    /// the order is not unpaid any more.
    ///
    /// Condition: the order is unpaid.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn postpone(&self, order: &Order, next_query_at: UnixSeconds) -> Result<bool, StoreError> {
        let update = self
            .update_with_status(order)
            .update_expression("SET next_query_at = :next_query_at REMOVE prepay")
            .condition_expression("#status = :unpaid")
            .expression_attribute_values(":next_query_at", item::n(next_query_at.get()));
        self.is_applied(update).await
    }

    /// Claims a query outside the schedule, because a user reads the order; `false` if another caller has claimed one since `order` was
    /// read.
    ///
    /// Condition: the order is unpaid and was last asked about when `order` says.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the claim may have been made; then nobody makes this
    /// query, and the next scheduled one is made as before.
    pub async fn claim_immediate_query(&self, order: &Order, now: UnixSeconds) -> Result<bool, StoreError> {
        let update = self
            .update_with_status(order)
            .update_expression("SET asked_at = :now")
            .expression_attribute_values(":now", item::n(now.get()));
        let update = match order.asked_at {
            None => update.condition_expression("#status = :unpaid AND attribute_not_exists(asked_at)"),
            Some(asked_at) => update
                .condition_expression("#status = :unpaid AND asked_at = :last_asked_at")
                .expression_attribute_values(":last_asked_at", item::n(asked_at.get())),
        };
        self.is_applied(update).await
    }

    /// Claims the query that is due, and sets the time of the next one; `false` if another caller has claimed it.
    ///
    /// Condition: the order is unpaid and has been asked about as often as `order` says.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the claim may have been made; the order is due again
    /// later.
    pub async fn claim_query(&self, order: &Order, now: UnixSeconds) -> Result<bool, StoreError> {
        let next_query_at = query_schedule::next_order_query(order.queries, order.expires_at, now);
        let update = self
            .update_with_status(order)
            .update_expression("SET asked_at = :now, queries = :next_queries, next_query_at = :next_query_at")
            .condition_expression("#status = :unpaid AND queries = :queries")
            .expression_attribute_values(":now", item::n(now.get()))
            .expression_attribute_values(":queries", item::n(order.queries))
            .expression_attribute_values(":next_queries", item::n(order.queries.saturating_add(1)))
            .expression_attribute_values(":next_query_at", item::n(next_query_at.get()));
        self.is_applied(update).await
    }

    /// Claims the lookup of refunds that were made before the order's payment was recorded, and sets the time of the next lookup, which
    /// is made if this one fails. `false` if another caller has claimed it, or the refunds are known.
    ///
    /// Condition: the event that the order was paid is withheld, and the next lookup is when `order` says.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the claim may have been made; the order is due again
    /// later.
    pub async fn claim_refund_lookup(&self, order: &Order, now: UnixSeconds) -> Result<bool, StoreError> {
        let Some(due_at) = order.next_query_at else { return Ok(false) };
        let next_query_at = now.plus(query_schedule::REFUND_LOOKUP_INTERVAL);
        let update = self
            .update_order(order)
            .update_expression("SET next_query_at = :next_query_at")
            .condition_expression("paid_withheld = :true AND next_query_at = :due_at")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":due_at", item::n(due_at.get()))
            .expression_attribute_values(":next_query_at", item::n(next_query_at.get()));
        self.is_applied(update).await
    }

    /// Removes the order from the index `by_due`: WeChat Pay is not asked about it any more. A refund notice, a bill or an operator
    /// supplies the refunds of its payment instead. `false` if the order has changed since it was read.
    ///
    /// Condition: the order is not unpaid, and no refund of it was recorded since `order` was read: a refund that is recorded while the
    /// order is still in the index does not yet make the order PAID.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn stop_queries(&self, order: &Order) -> Result<bool, StoreError> {
        let known = if order.refunds_known { "attribute_exists" } else { "attribute_not_exists" };
        let update = self
            .update_with_status(order)
            .update_expression("REMOVE due_shard, next_query_at")
            .condition_expression(format!(
                "#status <> :unpaid AND refunded_fee = :refunded AND refunding_fee = :refunding AND \
                 {known}(refunds_known)"
            ))
            .expression_attribute_values(":refunded", item::n(order.refunded_fee))
            .expression_attribute_values(":refunding", item::n(order.refunding_fee));
        self.is_applied(update).await
    }

    /// An update with the names `#status` and `:unpaid` for its condition.
    fn update_with_status(&self, order: &Order) -> UpdateItemFluentBuilder {
        self.update_order(order)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":unpaid", item::s("UNPAID"))
    }

    fn update_order(&self, order: &Order) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("order_id", item::s(order.order_id))
    }

    /// Sends the update; `false` if its condition failed.
    async fn is_applied(&self, update: UpdateItemFluentBuilder) -> Result<bool, StoreError> {
        let outcome = item::update(&self.host, "claiming a query", update).await?;
        Ok(matches!(outcome, UpdateOutcome::Done(_)))
    }
}

const KEY: WorkKey<OrderId> =
    WorkKey { name: "order_id", alert: "due-order-key-unreadable", parse: OrderId::parse };
