//! When to ask WeChat Pay for or about a refund, and who asks.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;

use super::{RefundRow, Refunds};
use crate::{
    pay::{Refund, RefundStatus},
    store::{
        StoreError,
        due::{BY_DUE, Cursor, Page},
        item::{self, Updated},
    },
    types::{OutRefundNo, UnixSeconds},
};

impl Refunds {
    /// Refunds of one shard that were to be asked about by `until`, the longest due first, from `after` on; at most `limit`.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn due(
        &self,
        shard: &str,
        until: UnixSeconds,
        after: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<OutRefundNo>, StoreError> {
        let page = BY_DUE.page((&self.client, &self.table), shard, until, after, limit).await?;
        Ok(page.keys("out_refund_no", "row-without-refund", OutRefundNo::parse))
    }

    /// Takes the turn to ask WeChat Pay, and sets the next one; `false` if another took it.
    ///
    /// Condition: the refund stands and has been asked about as `row` says.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn take_turn(&self, row: &RefundRow, now: UnixSeconds) -> Result<bool, StoreError> {
        let update = self
            .of(row)
            .update_expression("SET queries = :next, next_query_at = :at")
            .condition_expression("#status = :status AND queries = :queries")
            .expression_attribute_values(":queries", item::n(row.queries))
            .expression_attribute_values(":next", item::n(row.queries.saturating_add(1)))
            .expression_attribute_values(":at", item::n(next_query(row, now).get()));
        let updated = item::update(&self.host, "taking a turn", update).await?;
        Ok(matches!(updated, Updated::Done(_)))
    }

    /// WeChat Pay has accepted the refund, and is at it.
    ///
    /// Condition: the refund stands as `row` says; otherwise it has gone on, and nothing is kept.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn accepted(&self, row: &RefundRow, refund: &Refund) -> Result<(), StoreError> {
        let update = self
            .of(row)
            .update_expression("SET refund_id = :id REMOVE failure")
            .condition_expression("#status = :status")
            .expression_attribute_values(":id", item::s(refund.refund_id()));
        item::update(&self.host, "keeping an accepted refund", update).await.map(drop)
    }

    /// WeChat Pay wants a minute between two refunds of a payment: it is asked again then, and not counted as asked.
    ///
    /// Condition: the refund stands as `row` says; otherwise it has gone on, and nothing is kept.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn too_soon(&self, row: &RefundRow, code: &str) -> Result<(), StoreError> {
        let update = self
            .of(row)
            .update_expression("SET failure = :code, next_query_at = :at, queries = :queries")
            .condition_expression("#status = :status")
            .expression_attribute_values(":code", item::s(code))
            .expression_attribute_values(":queries", item::n(row.queries))
            .expression_attribute_values(":at", item::n(self.host.now().plus(FIRST).get()));
        item::update(&self.host, "keeping why a refund waits", update).await.map(drop)
    }

    /// WeChat Pay does not do it now, for the reason of this code.
    ///
    /// Condition: the refund stands as `row` says; otherwise it has gone on, and nothing is kept.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn not_now(&self, row: &RefundRow, code: &str) -> Result<(), StoreError> {
        let update = self
            .of(row)
            .update_expression("SET failure = :code")
            .condition_expression("#status = :status")
            .expression_attribute_values(":code", item::s(code));
        item::update(&self.host, "keeping why a refund waits", update).await.map(drop)
    }

    fn of(&self, row: &RefundRow) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("out_refund_no", item::s(&row.out_refund_no))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", item::s(row.status.as_str()))
    }
}

/// As long again as the refund has been waiting, a minute at least and a day at most: so that it makes no difference how often an
/// operator has asked meanwhile. What only an operator can help on is looked at once a day.
pub(super) fn next_query(row: &RefundRow, now: UnixSeconds) -> UnixSeconds {
    match row.status {
        RefundStatus::Abnormal => now.plus(DAY),
        _ => now.plus(now.since(row.created_at).clamp(FIRST, DAY)),
    }
}

/// When the sweep looks after a refund that somebody else has begun. WeChat Pay wants a minute between two refunds of a payment.
pub(super) const FIRST: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
