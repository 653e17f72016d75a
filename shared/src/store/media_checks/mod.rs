//! `MEDIA_CHECKS_TABLE`: pictures and sounds that WeChat was asked to judge.
//!
//! Key `trace_id`, WeChat's number of the call. Index `by_user` (`user_id`) lists what a user asked for, so that it can be erased. Index
//! `by_due` (`due_shard`, `next_query_at`) lists checks whose verdict has not come in time, and those of which something is left to do.
//!
//! WeChat's verdict can come before the answer to the call. Then a row with the verdict alone stands under the number, and the check joins
//! it. A check about which WeChat was asked twice has two rows: the second one names the first.

mod begin;
mod row;
mod settle;

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld},
};

pub use begin::{AvatarChecks, BeginCheckOutcome, NewMediaCheck};
pub use row::{CheckPurpose, MediaCheck, MediaCheckLookup, MediaCheckResult, MediaCheckState, VerdictEffect};
pub use settle::{AvatarChange, VerdictEnd};
pub(super) use settle::{ask_again_part, avatar_part, end_part, unclaimed_part};

use row::{KEPT, Row, VERDICT_WAIT};

use super::{
    StoreError,
    item::{self, UpdateOutcome},
    work_index::{BY_DUE, OpenWork, WorkCursor, WorkKey, WorkPage, shards},
};
use crate::{
    host::{
        Host, HostError,
        dynamodb::{Client, UpdateItemFluentBuilder},
    },
    types::{TraceId, UnixSeconds, UserId},
};

/// The table.
pub struct MediaChecks {
    client: Client,
    table: String,
    host: Host,
}

/// What came of naming the number of a second call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkOutcome {
    /// The number leads to the check.
    Linked,
    /// The verdict was there before the number.
    AlreadyJudged(MediaCheckResult),
}

impl MediaChecks {
    /// Reads `MEDIA_CHECKS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("MEDIA_CHECKS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// What is stored under this number; `None` if nothing is, or if the row has expired.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn find(&self, trace_id: &TraceId) -> Result<Option<MediaCheckLookup>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key("trace_id", item::s(trace_id));
        let answer = request.consistent_read(true).send().await;
        let answer = answer.map_err(|error| StoreError::from_sdk("reading a media check", error))?;
        answer.item.map(|item| item::read::<Row>(item)?.into_lookup()).transpose()
    }

    /// Numbers of the checks that are due by `until`, or the shards to read with [`Self::list_due`] if the index has too many rows for one request.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn find_due(&self, until: UnixSeconds) -> Result<OpenWork<TraceId>, StoreError> {
        BY_DUE.find((&self.client, &self.table), &KEY, shards(), until).await
    }

    /// Numbers of one shard's checks that are due by `until`, the longest due first, from `after` on; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_due(
        &self,
        shard: &str,
        until: UnixSeconds,
        after: Option<WorkCursor>,
        limit: u16,
    ) -> Result<WorkPage<TraceId>, StoreError> {
        BY_DUE.page((&self.client, &self.table), &KEY, (shard, until), after, limit).await
    }

    /// Claims the second call. The check is due again when its verdict is late.
    ///
    /// Condition: the verdict is to come and WeChat was asked once. Otherwise the answer is `false`, and another run has claimed it.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the call may be claimed; then it is not made, and the check
    /// ends without a verdict.
    pub async fn claim_second_call(&self, check: &MediaCheck) -> Result<bool, StoreError> {
        let update = self
            .update(&check.trace_id, "SET attempts = :two, next_query_at = :late")
            .condition_expression("#state = :pending AND attempts = :one")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pending", item::s(MediaCheckState::Pending.as_str()))
            .expression_attribute_values(":one", item::n(1_u64))
            .expression_attribute_values(":two", item::n(2_u64))
            .expression_attribute_values(":late", item::n(self.host.now().plus(VERDICT_WAIT).get()));
        let outcome = item::update(&self.host, "claiming a second call", update).await?;
        Ok(matches!(outcome, UpdateOutcome::Done(_)))
    }

    /// Has the number of a second call lead to its check.
    ///
    /// Condition: there is no row of it.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn link(&self, second: &TraceId, check: &MediaCheck) -> Result<LinkOutcome, StoreError> {
        const LINKING: &str = "naming a second call";
        let row = Row {
            user_id: Some(check.user_id.clone()),
            first_trace_id: Some(check.trace_id.clone()),
            ..Row::new(second.clone(), self.host.now().plus(KEPT))
        };
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::write(&row)?))
            .condition_expression("attribute_not_exists(trace_id)")
            .return_values_on_condition_check_failure(AllOld);
        let Err(error) = put.send().await else { return Ok(LinkOutcome::Linked) };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(StoreError::from_sdk(LINKING, error));
        };
        let known: Row = item::read(failed.item().cloned().unwrap_or_default())?;
        // A repeated write of this row has no result.
        Ok(known.result().map_or(LinkOutcome::Linked, LinkOutcome::AlreadyJudged))
    }

    /// The objects that the check has to discard are deleted.
    ///
    /// Condition: the check is there and has ended; otherwise nothing changes.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn set_discarded(&self, check: &MediaCheck) -> Result<(), StoreError> {
        let update = self
            .update(&check.trace_id, "REMOVE discard, due_shard, next_query_at")
            .condition_expression("attribute_exists(discard)");
        item::update(&self.host, "discarding objects", update).await.map(drop)
    }

    /// Deletes all that the user asked for, page after page. It takes two requests for 25 checks.
    ///
    /// # Errors
    /// [`StoreError`]; some rows may be deleted. Call it again.
    pub async fn delete_of(&self, user_id: &UserId) -> Result<(), StoreError> {
        const DELETING: &str = "deleting a user's media checks";
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("by_user")
                .key_condition_expression("user_id = :user")
                .expression_attribute_values(":user", item::s(user_id))
                .limit(PAGE)
                .send()
                .await
                .map_err(|error| StoreError::from_sdk(DELETING, error))?;
            for item in page.items.unwrap_or_default() {
                let Some(AttributeValue::S(trace_id)) = item.get("trace_id") else { continue };
                let request = self.client.delete_item().table_name(&self.table);
                let deleted = request.key("trace_id", item::s(trace_id)).send().await;
                deleted.map_err(|error| StoreError::from_sdk(DELETING, error))?;
            }
            if page.last_evaluated_key.is_none() {
                return Ok(());
            }
        }
    }

    fn update(&self, trace_id: &TraceId, expression: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("trace_id", item::s(trace_id))
            .update_expression(expression)
    }
}

const PAGE: i32 = 25;

const KEY: WorkKey<TraceId> =
    WorkKey { name: "trace_id", alert: "due-media-key-unreadable", parse: TraceId::parse };
