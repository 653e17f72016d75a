//! When to ask WeChat Pay about an unpaid order, and who asks.

use std::time::Duration;

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};

use super::{Order, Orders};
use crate::{
    store::{
        StoreError,
        due::{BY_DUE, Cursor, Page},
        item::{self, Updated},
    },
    types::{OrderId, UnixSeconds},
};

impl Orders {
    /// Unpaid orders of one shard that were to be asked about by `until`, the longest due first, from `after` on; at most
    /// `limit`.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn due(
        &self,
        shard: &str,
        until: UnixSeconds,
        after: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<OrderId>, StoreError> {
        let page = BY_DUE.page((&self.client, &self.table), shard, until, after, limit).await?;
        Ok(page.keys("order_id", "due-order-key-unreadable", OrderId::parse))
    }

    /// Lets an order that only an operator can bring to rest wait until `until`. Its attempt is paid, so that its `prepay_id` is
    /// forgotten.
    ///
    /// Condition: the order is unpaid.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn postpone(&self, order: &Order, until: UnixSeconds) -> Result<bool, StoreError> {
        let update = self
            .claim(order, until)
            .update_expression("SET next_query_at = :now REMOVE prepay")
            .condition_expression("#status = :unpaid");
        self.claimed(update).await
    }

    /// Notes that WeChat Pay is asked about the order out of turn, because somebody looks at it; `false` if another just
    /// asked.
    ///
    /// Condition: the order is unpaid and was last asked about when `order` says.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn ask_now(&self, order: &Order, now: UnixSeconds) -> Result<bool, StoreError> {
        let update = self.claim(order, now).update_expression("SET asked_at = :now");
        let update = match order.asked_at {
            None => update.condition_expression("#status = :unpaid AND attribute_not_exists(asked_at)"),
            Some(asked_at) => update
                .condition_expression("#status = :unpaid AND asked_at = :asked")
                .expression_attribute_values(":asked", item::n(asked_at.get())),
        };
        self.claimed(update).await
    }

    /// Takes the turn to ask WeChat Pay about the order, and sets the next one; `false` if another took it.
    ///
    /// Condition: the order is unpaid and has been asked about as often as `order` says.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn take_turn(&self, order: &Order, now: UnixSeconds) -> Result<bool, StoreError> {
        let update = self
            .claim(order, now)
            .update_expression("SET asked_at = :now, queries = :next, next_query_at = :at")
            .condition_expression("#status = :unpaid AND queries = :queries")
            .expression_attribute_values(":queries", item::n(order.queries))
            .expression_attribute_values(":next", item::n(order.queries.saturating_add(1)))
            .expression_attribute_values(":at", item::n(next_query(order, now).get()));
        self.claimed(update).await
    }

    /// Takes the turn to look for what was given back of the order's payment, and sets the next one, which comes if this one
    /// fails; `false` if another took it, or it is known.
    ///
    /// Condition: the event that the order was paid is withheld, and the next look is when `order` says.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn look_for_refunds(&self, order: &Order, now: UnixSeconds) -> Result<bool, StoreError> {
        let Some(seen) = order.next_query_at else { return Ok(false) };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("order_id", item::s(order.order_id))
            .update_expression("SET next_query_at = :next")
            .condition_expression("paid_withheld = :true AND next_query_at = :seen")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":seen", item::n(seen.get()))
            .expression_attribute_values(":next", item::n(now.plus(AFTER_END).get()));
        self.claimed(update).await
    }

    /// Nothing is asked about the order any more: a notice, a bill or an operator tells what was given back of its payment.
    ///
    /// Condition: the order is not unpaid, and nothing was told of its refunds since `order` was read: what is told while somebody
    /// is still to look does not yet make the order PAID.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn stop_asking(&self, order: &Order) -> Result<bool, StoreError> {
        let known = if order.refunds_known { "attribute_exists" } else { "attribute_not_exists" };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("order_id", item::s(order.order_id))
            .update_expression("REMOVE due_shard, next_query_at")
            .condition_expression(format!(
                "#status <> :unpaid AND refunded_fee = :refunded AND refunding_fee = :refunding AND \
                 {known}(refunds_known)"
            ))
            .expression_attribute_values(":refunded", item::n(order.refunded_fee))
            .expression_attribute_values(":refunding", item::n(order.refunding_fee))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":unpaid", item::s("UNPAID"));
        self.claimed(update).await
    }

    fn claim(&self, order: &Order, now: UnixSeconds) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("order_id", item::s(order.order_id))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":unpaid", item::s("UNPAID"))
            .expression_attribute_values(":now", item::n(now.get()))
    }

    async fn claimed(&self, update: UpdateItemFluentBuilder) -> Result<bool, StoreError> {
        let updated = item::update(&self.host, "taking a turn", update).await?;
        Ok(matches!(updated, Updated::Done(_)))
    }
}

/// When to ask first about what was asked for `asked_at`.
pub(super) fn first_query(asked_at: UnixSeconds) -> UnixSeconds {
    asked_at.plus(WAITS[0])
}

/// The next time: back off, but be there when the order ends, and come back soon if it could not be closed then.
fn next_query(order: &Order, now: UnixSeconds) -> UnixSeconds {
    let asked = usize::try_from(order.queries).unwrap_or(usize::MAX).saturating_add(1);
    let wait = WAITS.get(asked).or(WAITS.last()).copied().unwrap_or_default();
    let next = now.plus(wait);
    if now < order.expires_at { next.min(order.expires_at) } else { next.min(now.plus(AFTER_END)) }
}

/// The longest wait for an order that should be closed by now.
const AFTER_END: Duration = Duration::from_secs(5 * 60);

/// The waits between questions; the first is after the order was prepaid. What was never prepaid is only looked at when it
/// expires.
const WAITS: [Duration; 7] = [
    Duration::from_secs(30),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(2 * 60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
];
