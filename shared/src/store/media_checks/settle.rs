//! What a verdict changes, as parts of a transaction.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};

use super::row::{MediaCheck, MediaCheckResult, MediaCheckState, Row};
use crate::{
    store::{StoreError, item, work_index},
    types::{ObjectKey, TraceId, UnixSeconds},
};

/// How a check ends.
#[derive(Debug, Clone)]
pub struct VerdictEnd {
    /// Its result.
    pub result: MediaCheckResult,
    /// What changes in the user's record.
    pub avatar: Option<AvatarChange>,
    /// An object that nobody uses any more.
    pub discard: Option<ObjectKey>,
}

/// What a verdict on a picture changes in its user's record, if the picture is the pending one.
#[derive(Debug, Clone)]
pub enum AvatarChange {
    /// The user shows the picture.
    Show {
        /// Where the picture is.
        key: ObjectKey,
        /// The picture that the user showed when the record was read.
        seen: Option<ObjectKey>,
    },
    /// The picture is not shown.
    Withdraw,
}

/// The check ends. An object that is to be discarded keeps it due.
///
/// Condition: the check is as it was read.
pub(in crate::store) fn end_part(
    table: &str,
    check: &MediaCheck,
    end: &VerdictEnd,
    now: UnixSeconds,
) -> Result<TransactWriteItem, StoreError> {
    let (mut set, mut remove) = ("SET #state = :state, judged_at = :now".to_owned(), "openid".to_owned());
    let mut update = Update::builder()
        .table_name(table)
        .key("trace_id", item::s(&check.trace_id))
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":state", item::s(end.result.state.as_str()))
        .expression_attribute_values(":seen", item::s(check.result.state.as_str()))
        .expression_attribute_values(":attempts", item::n(check.attempts))
        .expression_attribute_values(":now", item::n(now.get()));
    match end.result.label {
        Some(label) => {
            set.push_str(", label = :label");
            update = update.expression_attribute_values(":label", AttributeValue::N(label.to_string()));
        }
        None => remove.push_str(", label"),
    }
    if let Some(unused) = &end.discard {
        set.push_str(", discard = :discard, due_shard = :shard, next_query_at = :now");
        let shard = work_index::shard_of(check.trace_id.as_str());
        update = update
            .expression_attribute_values(":discard", AttributeValue::L(vec![item::s(unused.as_str())]))
            .expression_attribute_values(":shard", item::s(shard));
    } else {
        remove.push_str(", due_shard, next_query_at");
    }
    let mut condition = "#state = :seen AND attempts = :attempts".to_owned();
    match check.next_query_at {
        Some(at) => {
            condition.push_str(" AND next_query_at = :due");
            update = update.expression_attribute_values(":due", item::n(at.get()));
        }
        None => condition.push_str(" AND attribute_not_exists(next_query_at)"),
    }
    let update = update.update_expression(format!("{set} REMOVE {remove}")).condition_expression(condition);
    part(update.build())
}

/// WeChat could not read the file at the first call, so the check is due at once.
///
/// Condition: the verdict is to come and WeChat was asked once.
pub(in crate::store) fn ask_again_part(
    table: &str,
    check: &MediaCheck,
    now: UnixSeconds,
) -> Result<TransactWriteItem, StoreError> {
    let update = Update::builder()
        .table_name(table)
        .key("trace_id", item::s(&check.trace_id))
        .update_expression("SET next_query_at = :now")
        .condition_expression("#state = :pending AND attempts = :one")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":pending", item::s(MediaCheckState::Pending.as_str()))
        .expression_attribute_values(":one", item::n(1_u64))
        .expression_attribute_values(":now", item::n(now.get()));
    part(update.build())
}

/// A verdict without a check is kept for the check to join.
///
/// Condition: there is no row, or one of a verdict without a check that was an error.
pub(in crate::store) fn unclaimed_part(
    table: &str,
    trace_id: &TraceId,
    result: MediaCheckResult,
    now: UnixSeconds,
) -> Result<TransactWriteItem, StoreError> {
    let row = Row {
        state: Some(result.state),
        label: result.label,
        ..Row::new(trace_id.clone(), now.plus(KEPT_UNCLAIMED))
    };
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item::write(&row)?))
        .condition_expression(
            "attribute_not_exists(trace_id) OR (attribute_not_exists(user_id) AND #state = :error)",
        )
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":error", item::s(MediaCheckState::Error.as_str()))
        .return_values_on_condition_check_failure(AllOld)
        .build()
        .map_err(|error| StoreError::new(SETTLING, error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// What the verdict changes in the user's record.
///
/// Condition: the check's picture is the pending one, and the picture that is shown is the one that was read.
pub(in crate::store) fn avatar_part(
    users: &str,
    check: &MediaCheck,
    change: &AvatarChange,
) -> Result<TransactWriteItem, StoreError> {
    let mut update = Update::builder()
        .table_name(users)
        .key("id", item::s(&check.user_id))
        .expression_attribute_values(":trace", item::s(&check.trace_id));
    let is_pending = "pending_avatar.trace_id = :trace";
    update = match change {
        AvatarChange::Withdraw => {
            update.update_expression("REMOVE pending_avatar").condition_expression(is_pending)
        }
        AvatarChange::Show { key, seen } => {
            let seen = match seen {
                None => "attribute_not_exists(avatar_key)",
                Some(seen) => {
                    update = update.expression_attribute_values(":seen", item::s(seen.as_str()));
                    "avatar_key = :seen"
                }
            };
            update
                .update_expression("SET avatar_key = :key REMOVE pending_avatar")
                .condition_expression(format!("{is_pending} AND {seen}"))
                .expression_attribute_values(":key", item::s(key.as_str()))
        }
    };
    part(update.build())
}

fn part(
    update: Result<Update, aws_sdk_dynamodb::error::BuildError>,
) -> Result<TransactWriteItem, StoreError> {
    let update = update.map_err(|error| StoreError::new(SETTLING, error))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

const SETTLING: &str = "settling a media check";
/// How long a verdict waits for its check. It is written within seconds, or never if the answer to its call was lost.
const KEPT_UNCLAIMED: Duration = Duration::from_secs(24 * 60 * 60);
