//! Writing a check before its number is given to anybody.

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update},
};

use super::{
    KEPT, MediaChecks, VERDICT_WAIT,
    row::{CheckPurpose, MediaCheckResult, MediaCheckState, Row},
};
use crate::{
    host::{Host, HostError},
    store::{
        StoreError,
        item::{self, Item, TransactionCancelled},
        work_index,
    },
    types::{ObjectKey, OpenId, TraceId, UnixSeconds, UserId},
    wechat::CheckScene,
};

/// A check that WeChat was asked for just now.
#[derive(Debug, Clone)]
pub struct NewMediaCheck<'a> {
    /// The number that the call was answered with.
    pub trace_id: &'a TraceId,
    /// Who asked.
    pub user_id: &'a UserId,
    /// The openid of who asked.
    pub openid: &'a OpenId,
    /// The copy that WeChat judges.
    pub object_key: &'a ObjectKey,
    /// Where it is to be shown.
    pub scene: CheckScene,
}

/// What came of writing a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeginCheckOutcome {
    /// The check is written. Its verdict may have been there before it.
    Begun(MediaCheckResult),
    /// The user is gone, so nothing was written.
    NoUser,
}

/// The tables of checks and users, for checks of pictures that users want to show.
pub struct AvatarChecks {
    checks: MediaChecks,
    users: String,
}

impl MediaChecks {
    /// Writes the check, and joins a verdict that came before it.
    ///
    /// Condition: there is no row of its number, or a verdict without a check.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied. It can be repeated.
    pub async fn begin(&self, check: &NewMediaCheck<'_>) -> Result<MediaCheckResult, StoreError> {
        match self.begin_for(check, None).await? {
            BeginCheckOutcome::Begun(result) => Ok(result),
            // Only a transaction with the user's row has this outcome.
            BeginCheckOutcome::NoUser => Err(StoreError::new(BEGINNING, "the user is gone")),
        }
    }

    async fn begin_for(
        &self,
        check: &NewMediaCheck<'_>,
        users: Option<&str>,
    ) -> Result<BeginCheckOutcome, StoreError> {
        let purpose = users.map(|_| CheckPurpose::Avatar);
        let mut verdict = None;
        for _ in 0..item::MAX_ATTEMPTS {
            let row = check.row(purpose, verdict, self.host.now());
            let result = row.result().unwrap_or(MediaCheckResult::PENDING);
            let written = match users {
                None => self.put(&row, verdict).await?,
                Some(users) => self.put_with_user(&row, verdict, users, check).await?,
            };
            let known = match written {
                Written::Done => return Ok(BeginCheckOutcome::Begun(result)),
                Written::NoUser => return Ok(BeginCheckOutcome::NoUser),
                Written::Conflict => {
                    item::sleep_jittered(&self.host).await;
                    continue;
                }
                // The verdict was joined by another write, or has expired.
                Written::Exists(None) => {
                    verdict = None;
                    continue;
                }
                Written::Exists(Some(item)) => item::read::<Row>(item)?,
            };
            match (&known.object_key, known.result()) {
                // An earlier attempt took effect and its answer was lost.
                (Some(key), Some(result)) if key == check.object_key => {
                    return Ok(BeginCheckOutcome::Begun(result));
                }
                (None, Some(result)) => verdict = Some(result),
                _ => return Err(StoreError::new(BEGINNING, "the number is another check's")),
            }
        }
        Err(StoreError::contended(BEGINNING))
    }

    async fn put(&self, row: &Row, verdict: Option<MediaCheckResult>) -> Result<Written, StoreError> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::write(row)?))
            .condition_expression(condition(verdict))
            .return_values_on_condition_check_failure(AllOld);
        if let Some(verdict) = verdict {
            put = put
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":seen", item::s(verdict.state.as_str()));
        }
        let Err(error) = put.send().await else { return Ok(Written::Done) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Written::Exists(failed.item().cloned().filter(|item| !item.is_empty())))
            }
            Some(PutItemError::TransactionConflictException(_)) => Ok(Written::Conflict),
            _ => Err(StoreError::from_sdk(BEGINNING, error)),
        }
    }

    async fn put_with_user(
        &self,
        row: &Row,
        verdict: Option<MediaCheckResult>,
        users: &str,
        check: &NewMediaCheck<'_>,
    ) -> Result<Written, StoreError> {
        let failed = |error| StoreError::new(BEGINNING, error);
        let mut put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::write(row)?))
            .condition_expression(condition(verdict))
            .return_values_on_condition_check_failure(AllOld);
        if let Some(verdict) = verdict {
            put = put
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":seen", item::s(verdict.state.as_str()));
        }
        let pending = [("trace_id", check.trace_id.as_str()), ("object_key", check.object_key.as_str())];
        let pending: std::collections::BTreeMap<_, _> = pending.into();
        let update = Update::builder()
            .table_name(users)
            .key("id", item::s(check.user_id))
            // `profile_given_at` tells a consent that was withdrawn before from one that was withdrawn after.
            .update_expression("SET pending_avatar = :pending, profile_given_at = :now")
            // Only the row of a user has `created_at`.
            .condition_expression("attribute_exists(created_at)")
            .expression_attribute_values(":pending", item::map(&pending)?)
            .expression_attribute_values(":now", item::n(self.host.now().get()));
        let request = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put.build().map_err(failed)?).build())
            .transact_items(TransactWriteItem::builder().update(update.build().map_err(failed)?).build());
        let Err(error) = request.send().await else { return Ok(Written::Done) };
        Ok(match item::cancellation(BEGINNING, error)? {
            TransactionCancelled::Conflict => Written::Conflict,
            TransactionCancelled::ConditionsFailed(reasons) => match item::failed_condition(&reasons, 0) {
                Some(item) => Written::Exists(item),
                None => Written::NoUser,
            },
        })
    }
}

impl AvatarChecks {
    /// Reads `USERS_TABLE`. [`MediaChecks::new`] reads the other variable.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { checks: MediaChecks::new(host)?, users: host.var("USERS_TABLE")?.to_owned() })
    }

    /// Writes the check, joins a verdict that came before it, and makes its picture the user's pending one in `pending_avatar`, in one
    /// transaction. A picture that was pending before is so no more. `push-events` acts on a verdict that was there before within five
    /// minutes.
    ///
    /// Condition: as [`MediaChecks::begin`], and the user is there.
    ///
    /// # Errors
    /// As [`MediaChecks::begin`].
    pub async fn begin(&self, check: &NewMediaCheck<'_>) -> Result<BeginCheckOutcome, StoreError> {
        self.checks.begin_for(check, Some(&self.users)).await
    }
}

/// What came of one attempt at writing.
enum Written {
    Done,
    /// A row stands under the number: as it is, if it is still there.
    Exists(Option<Item>),
    NoUser,
    /// Another transaction held a row.
    Conflict,
}

impl NewMediaCheck<'_> {
    /// The row of a check that joins `verdict`, if there is one.
    fn row(&self, purpose: Option<CheckPurpose>, verdict: Option<MediaCheckResult>, now: UnixSeconds) -> Row {
        // A file that could not be read is asked about once more, by the next run of the schedule.
        let (result, due_at) = match verdict {
            None => (MediaCheckResult::PENDING, Some(now.plus(VERDICT_WAIT))),
            Some(MediaCheckResult { state: MediaCheckState::Error, .. }) => {
                (MediaCheckResult::PENDING, Some(now))
            }
            // The schedule does what follows from the verdict besides.
            Some(judged) => (judged, purpose.map(|_| now)),
        };
        let is_pending = result.state == MediaCheckState::Pending;
        Row {
            state: Some(result.state),
            label: result.label,
            user_id: Some(self.user_id.clone()),
            openid: is_pending.then(|| self.openid.clone()),
            object_key: Some(self.object_key.clone()),
            scene: Some(self.scene.number()),
            purpose,
            attempts: Some(1),
            asked_at: Some(now),
            due_shard: due_at.map(|_| work_index::shard_of(self.trace_id.as_str())),
            next_query_at: due_at,
            ..Row::new(self.trace_id.clone(), now.plus(KEPT))
        }
    }
}

/// The condition under which a check is written over `verdict`, or where nothing is.
fn condition(verdict: Option<MediaCheckResult>) -> &'static str {
    match verdict {
        None => "attribute_not_exists(trace_id)",
        Some(_) => "attribute_not_exists(user_id) AND #state = :seen",
    }
}

const BEGINNING: &str = "writing a media check";
