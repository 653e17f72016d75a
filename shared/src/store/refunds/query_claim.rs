//! Which caller may ask WeChat Pay for or about a refund, what came of asking, and when the refund is due again. The times stand in
//! [`query_schedule`](crate::order::query_schedule).

use super::{RefundRow, Refunds};
use crate::{
    host::dynamodb::UpdateItemFluentBuilder,
    order::query_schedule::{FIRST_REFUND_QUERY_DELAY, MAX_ACCEPTANCE_TIME, RATE_LIMITED_REFUND_DELAY},
    pay::{Refund, RefundStatus},
    store::{
        StoreError,
        item::{self, UpdateOutcome},
        work_index::{BY_DUE, OpenWork, WorkCursor, WorkKey, WorkPage, shards},
    },
    types::{OperatorArn, OutRefundNo, UnixSeconds},
};

impl Refunds {
    /// Refunds whose `next_query_at` is not after `until`, or the shards to read with [`Self::list_due`] if the index has too many rows for one request.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn find_due(&self, until: UnixSeconds) -> Result<OpenWork<OutRefundNo>, StoreError> {
        BY_DUE.find((&self.client, &self.table), &KEY, shards(), until).await
    }

    /// Refunds of one shard whose `next_query_at` is not after `until`, the longest due first, from `after` on; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_due(
        &self,
        shard: &str,
        until: UnixSeconds,
        after: Option<WorkCursor>,
        limit: u16,
    ) -> Result<WorkPage<OutRefundNo>, StoreError> {
        BY_DUE.page((&self.client, &self.table), &KEY, (shard, until), after, limit).await
    }

    /// Claims the next call to WeChat Pay about the refund, and sets the time of the one after; `false` if another caller has claimed
    /// it.
    ///
    /// Condition: the refund has the status and the number of queries that `row` says.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the claim may have been made; the refund is due again
    /// later.
    pub async fn claim_query(&self, row: &RefundRow, now: UnixSeconds) -> Result<bool, StoreError> {
        let next_query_at = row.progress().next_query(now);
        let update = self
            .update_refund(row)
            .update_expression("SET queries = :next_queries, next_query_at = :next_query_at")
            .condition_expression("#status = :status AND queries = :queries")
            .expression_attribute_values(":queries", item::n(row.queries))
            .expression_attribute_values(":next_queries", item::n(row.queries.saturating_add(1)))
            .expression_attribute_values(":next_query_at", item::n(next_query_at.get()));
        let outcome = item::update(&self.host, "claiming a query", update).await?;
        Ok(matches!(outcome, UpdateOutcome::Done(_)))
    }

    /// Records that WeChat Pay has accepted the refund and is processing it.
    ///
    /// Condition: the refund has the status that `row` says; otherwise it has progressed, and nothing is stored.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn record_accepted(&self, row: &RefundRow, refund: &Refund) -> Result<(), StoreError> {
        let update = self
            .update_refund(row)
            .update_expression("SET refund_id = :id REMOVE failure")
            .condition_expression("#status = :status")
            .expression_attribute_values(":id", item::s(refund.refund_id()));
        item::update(&self.host, "recording an accepted refund", update).await.map(drop)
    }

    /// Sets the next query to a minute from now and undoes the count of this one, because WeChat Pay wants a minute between two refunds
    /// of one payment. A refund that has waited for an hour keeps the time that its age gives it.
    ///
    /// Condition: the refund has the status that `row` says, and is accepted only if `row` says so; otherwise it has progressed, and
    /// nothing is stored.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn defer_rate_limited(&self, row: &RefundRow, code: &str) -> Result<(), StoreError> {
        let now = self.host.now();
        if now.since(row.created_at) >= MAX_ACCEPTANCE_TIME {
            return self.record_block_reason(row, code).await;
        }
        let update = self
            .update_blocked(row)
            .update_expression("SET failure = :reason, next_query_at = :next_query_at, queries = :queries")
            .expression_attribute_values(":reason", item::s(code))
            .expression_attribute_values(":queries", item::n(row.queries))
            .expression_attribute_values(
                ":next_query_at",
                item::n(now.plus(RATE_LIMITED_REFUND_DELAY).get()),
            );
        item::update(&self.host, RECORDING_REASON, update).await.map(drop)
    }

    /// Records why the refund does not progress now: WeChat Pay's code, or a code of this system if WeChat Pay could not be asked.
    ///
    /// Condition: the refund has the status that `row` says, and is accepted only if `row` says so; otherwise it has progressed, and
    /// nothing is stored.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn record_block_reason(&self, row: &RefundRow, reason: &str) -> Result<(), StoreError> {
        let update = self.update_blocked(row).update_expression("SET failure = :reason");
        let update = update.expression_attribute_values(":reason", item::s(reason));
        item::update(&self.host, RECORDING_REASON, update).await.map(drop)
    }

    /// Records that the operator `by` has redirected the refund and that WeChat Pay is processing it; the refund as it is now. `None` if
    /// it has progressed meanwhile.
    ///
    /// Condition: the refund has the status that `row` says, and was redirected as often.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn record_redirect(
        &self,
        row: &RefundRow,
        by: &OperatorArn,
    ) -> Result<Option<RefundRow>, StoreError> {
        let now = self.host.now();
        let next_query_at = now.plus(FIRST_REFUND_QUERY_DELAY);
        let after = RefundRow {
            status: RefundStatus::Processing,
            redirected_at: Some(now),
            redirected_by: Some(by.clone()),
            redirects: row.redirects.saturating_add(1),
            next_query_at: Some(next_query_at),
            failure: None,
            ..row.clone()
        };
        let update = self
            .update_refund(row)
            .update_expression(
                "SET #status = :processing, redirected_at = :now, redirected_by = :by, redirects = :redirects, \
                 next_query_at = :next_query_at REMOVE failure",
            )
            .condition_expression(
                "#status = :status AND (redirects = :before OR attribute_not_exists(redirects))",
            )
            .expression_attribute_values(":processing", item::s(after.status.as_str()))
            .expression_attribute_values(":now", item::n(now.get()))
            .expression_attribute_values(":by", item::s(by))
            .expression_attribute_values(":before", item::n(row.redirects))
            .expression_attribute_values(":redirects", item::n(after.redirects))
            .expression_attribute_values(":next_query_at", item::n(next_query_at.get()));
        let outcome = item::update(&self.host, "recording a redirected refund", update).await?;
        Ok(matches!(outcome, UpdateOutcome::Done(_)).then_some(after))
    }

    /// An update on the condition that WeChat Pay has not accepted or ended the refund since `row` was read.
    fn update_blocked(&self, row: &RefundRow) -> UpdateItemFluentBuilder {
        self.update_refund(row).condition_expression(match &row.refund_id {
            Some(_) => "#status = :status",
            None => "#status = :status AND attribute_not_exists(refund_id)",
        })
    }

    fn update_refund(&self, row: &RefundRow) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("out_refund_no", item::s(&row.out_refund_no))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", item::s(row.status.as_str()))
    }
}

const RECORDING_REASON: &str = "recording why a refund waits";

const KEY: WorkKey<OutRefundNo> =
    WorkKey { name: "out_refund_no", alert: "due-refund-key-unreadable", parse: OutRefundNo::parse };
