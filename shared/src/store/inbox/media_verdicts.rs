//! What a pushed verdict on a picture or a sound changes: the check, the user's record and the inbox's row, in one transaction.

use aws_sdk_dynamodb::types::TransactWriteItem;

use crate::{
    host::{Host, HostError, dynamodb::Client},
    store::{
        StoreError,
        item::{self, TransactionCancelled},
        media_checks::{
            MediaCheck, MediaCheckResult, VerdictEnd, ask_again_part, avatar_part, end_part, unclaimed_part,
        },
    },
    types::TraceId,
};

/// What came of applying a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictOutcome {
    /// The verdict has its effect, and the push is finished.
    Applied,
    /// The push was finished before, and nothing was changed.
    AlreadyApplied,
    /// The check or the user's record has changed since it was read. Read them again.
    Changed,
}

/// The inbox, and the tables of checks and users.
pub struct VerdictInbox {
    client: Client,
    inbox: String,
    checks: String,
    users: String,
    host: Host,
}

impl VerdictInbox {
    /// Reads `INBOX_TABLE`, `MEDIA_CHECKS_TABLE` and `USERS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            inbox: host.var("INBOX_TABLE")?.to_owned(),
            checks: host.var("MEDIA_CHECKS_TABLE")?.to_owned(),
            users: host.var("USERS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// Ends the check, changes the user's record if the check's picture is the pending one there, and finishes the push, if a push tells
    /// of it.
    ///
    /// Condition: the check and the user's picture are as they were read, and the push is pending.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Either nothing has changed, or everything has and the answer was lost. The
    /// call can be repeated.
    pub async fn end(
        &self,
        push_id: Option<&str>,
        check: &MediaCheck,
        end: &VerdictEnd,
    ) -> Result<VerdictOutcome, StoreError> {
        let mut parts = vec![end_part(&self.checks, check, end, self.host.now())?];
        if let Some(avatar) = &end.avatar {
            parts.push(avatar_part(&self.users, check, avatar)?);
        }
        self.write(push_id, parts).await
    }

    /// Has WeChat asked again, and finishes the push.
    ///
    /// Condition: the verdict is to come, WeChat was asked once, and the push is pending.
    ///
    /// # Errors
    /// As [`VerdictInbox::end`].
    pub async fn ask_again(&self, push_id: &str, check: &MediaCheck) -> Result<VerdictOutcome, StoreError> {
        let part = ask_again_part(&self.checks, check, self.host.now())?;
        self.write(Some(push_id), vec![part]).await
    }

    /// Keeps a verdict whose check is not known yet, and finishes the push.
    ///
    /// Condition: nothing better stands under the number, and the push is pending.
    ///
    /// # Errors
    /// As [`VerdictInbox::end`].
    pub async fn keep_unclaimed(
        &self,
        push_id: &str,
        trace_id: &TraceId,
        result: MediaCheckResult,
    ) -> Result<VerdictOutcome, StoreError> {
        let part = unclaimed_part(&self.checks, trace_id, result, self.host.now())?;
        self.write(Some(push_id), vec![part]).await
    }

    /// Finishes a push that changes nothing.
    ///
    /// Condition: the push is pending.
    ///
    /// # Errors
    /// As [`VerdictInbox::end`].
    pub async fn finish(&self, push_id: &str) -> Result<VerdictOutcome, StoreError> {
        self.write(Some(push_id), Vec::new()).await
    }

    /// Makes the changes and finishes the push in one transaction.
    async fn write(
        &self,
        push_id: Option<&str>,
        mut parts: Vec<TransactWriteItem>,
    ) -> Result<VerdictOutcome, StoreError> {
        let changes = parts.len();
        if let Some(push_id) = push_id {
            parts.push(super::finish_part(&self.host, &self.inbox, push_id)?);
        }
        for _ in 0..item::MAX_ATTEMPTS {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else { return Ok(VerdictOutcome::Applied) };
            match item::cancellation(APPLYING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(reasons) => {
                    return Ok(match item::failed_condition(&reasons, changes) {
                        Some(_) => VerdictOutcome::AlreadyApplied,
                        None => VerdictOutcome::Changed,
                    });
                }
            }
        }
        Err(StoreError::contended(APPLYING))
    }
}

const APPLYING: &str = "applying a verdict";
