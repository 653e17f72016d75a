//! When to ask WeChat Pay for or about a refund, and who asks.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;

use super::{RefundRow, Refunds, stuck::UNACCEPTED};
use crate::{
    pay::{Refund, RefundStatus},
    store::{
        StoreError,
        due::{BY_DUE, Cursor, Page},
        item::{self, Updated},
    },
    types::{OperatorArn, OutRefundNo, UnixSeconds},
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
        Ok(page.keys("out_refund_no", "due-refund-key-unreadable", OutRefundNo::parse))
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

    /// WeChat Pay wants a minute between two refunds of a payment: it is asked again then, and not counted as asked. A refund that
    /// has waited for an hour waits no shorter than any other.
    ///
    /// Condition: the refund stands as `row` says; otherwise it has gone on, and nothing is kept.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn too_soon(&self, row: &RefundRow, code: &str) -> Result<(), StoreError> {
        let now = self.host.now();
        if now.since(row.created_at) >= UNACCEPTED {
            return self.not_now(row, code).await;
        }
        let update = self
            .waiting(row)
            .update_expression("SET failure = :reason, next_query_at = :at, queries = :queries")
            .expression_attribute_values(":reason", item::s(code))
            .expression_attribute_values(":queries", item::n(row.queries))
            .expression_attribute_values(":at", item::n(now.plus(FIRST).get()));
        item::update(&self.host, WAITING, update).await.map(drop)
    }

    /// The refund does not go on now; the reason is WeChat Pay's code, or a word of ours if WeChat Pay could not be asked.
    ///
    /// Condition: the refund stands as `row` says; otherwise it has gone on, and nothing is kept.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn not_now(&self, row: &RefundRow, reason: &str) -> Result<(), StoreError> {
        let update = self.waiting(row).update_expression("SET failure = :reason");
        let update = update.expression_attribute_values(":reason", item::s(reason));
        item::update(&self.host, WAITING, update).await.map(drop)
    }

    /// An operator has sent the money of the refund elsewhere, and WeChat Pay is at it; as it is now. `None` if it has gone on
    /// meanwhile.
    ///
    /// Condition: the refund stands as `row` says, and was sent elsewhere as often.
    ///
    /// # Errors
    /// DynamoDB can't be asked.
    pub async fn redirected(
        &self,
        row: &RefundRow,
        by: &OperatorArn,
    ) -> Result<Option<RefundRow>, StoreError> {
        let now = self.host.now();
        let after = RefundRow {
            status: RefundStatus::Processing,
            redirected_at: Some(now),
            redirected_by: Some(by.clone()),
            redirects: row.redirects.saturating_add(1),
            next_query_at: Some(now.plus(FIRST)),
            failure: None,
            ..row.clone()
        };
        let update = self
            .of(row)
            .update_expression(
                "SET #status = :processing, redirected_at = :now, redirected_by = :by, redirects = :redirects, next_query_at = :at \
                 REMOVE failure",
            )
            .condition_expression(
                "#status = :status AND (redirects = :before OR attribute_not_exists(redirects))",
            )
            .expression_attribute_values(":processing", item::s(after.status.as_str()))
            .expression_attribute_values(":now", item::n(now.get()))
            .expression_attribute_values(":by", item::s(by))
            .expression_attribute_values(":before", item::n(row.redirects))
            .expression_attribute_values(":redirects", item::n(after.redirects))
            .expression_attribute_values(":at", item::n(now.plus(FIRST).get()));
        let updated = item::update(&self.host, "keeping where a refund was sent", update).await?;
        Ok(matches!(updated, Updated::Done(_)).then_some(after))
    }

    /// An update of the refund that waits, if nobody has brought it on meanwhile.
    fn waiting(&self, row: &RefundRow) -> UpdateItemFluentBuilder {
        self.of(row).condition_expression(match &row.refund_id {
            Some(_) => "#status = :status",
            None => "#status = :status AND attribute_not_exists(refund_id)",
        })
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
/// operator has asked meanwhile. One that WeChat Pay has not accepted is asked for every hour at least, because somebody mends
/// what keeps it. What only an operator can help on is looked at once a day.
pub(super) fn next_query(row: &RefundRow, now: UnixSeconds) -> UnixSeconds {
    let most = match (row.status, &row.refund_id) {
        (RefundStatus::Abnormal, _) => return now.plus(DAY),
        (_, Some(_)) => DAY,
        (_, None) => UNACCEPTED,
    };
    let next = now.plus(now.since(row.under_way_since()).clamp(FIRST, most));
    // It is looked at when it becomes a case, and not some time afterwards.
    let stuck_at = row.stuck_at();
    if now < stuck_at { next.min(stuck_at) } else { next }
}

/// When the sweep looks after a refund that somebody else has begun. WeChat Pay wants a minute between two refunds of a payment.
pub(super) const FIRST: Duration = Duration::from_secs(60);
const WAITING: &str = "keeping why a refund waits";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::RefundCause,
        types::{Fen, OutTradeNo, TransactionId},
    };

    fn turn(refund_id: Option<&str>, seconds: u64) -> u64 {
        let attempt = OutTradeNo::parse("01HF7Y9B9X000000000000000001").unwrap();
        let payment = TransactionId::parse("4200000000000000000000000001").unwrap();
        let fee = Fen::new(1).unwrap();
        let began = UnixSeconds::new(1_700_000_000);
        let row = RefundRow::begin(
            OutRefundNo::parse("R1").unwrap(),
            (attempt, &payment),
            (fee, fee),
            RefundCause::Operator,
            began,
            began,
        );
        let row = RefundRow { refund_id: refund_id.map(str::to_owned), ..row };
        next_query(&row, began.plus(Duration::from_secs(seconds))).since(began).as_secs()
    }

    #[test]
    fn an_unaccepted_refund_is_queried_at_an_hour_and_every_hour_after() {
        assert_eq!([0, 60, 1900, 3600, 86_400].map(|age| turn(None, age)), [60, 120, 3600, 7200, 90_000]);
    }

    #[test]
    fn a_refund_that_is_accepted_is_looked_at_at_a_week_and_every_day_after() {
        let (day, week) = (86_400, 604_800);
        let turns = [60, 3 * day, week - 10, week].map(|age| turn(Some("5"), age));
        assert_eq!(turns, [120, 4 * day, week, week + day]);
    }
}
