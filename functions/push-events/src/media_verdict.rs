//! The pushed verdict on a picture or a sound.

use shared::{
    host::{AwsError, CopyOutcome, Host, HostError, UploadsBucket},
    service::{EventError, EventOutcome, MediaAsker},
    store::{
        AvatarChange, CheckPurpose, Groups, LinkOutcome, MediaCheck, MediaCheckLookup, MediaCheckResult,
        MediaCheckState, MediaChecks, PendingPush, ShownUser, StoreError, User, Users, VerdictEffect,
        VerdictEnd, VerdictInbox, VerdictOutcome,
    },
    telemetry,
    types::{BucketFolder, ObjectKey, TraceId},
};

/// Acts on verdicts, and asks WeChat again for those that do not come.
pub(crate) struct MediaJudge {
    asker: MediaAsker,
    bucket: UploadsBucket,
    checks: MediaChecks,
    inbox: VerdictInbox,
    users: Users,
    groups: Groups,
}

/// What became of a check that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DueOutcome {
    /// WeChat was asked again.
    AskedAgain,
    /// What was left of a verdict is done.
    Finished,
    /// Nothing was left to do, or another run does it.
    Nothing,
    /// The check has ended without a verdict.
    Unanswered,
}

/// What stands under a number of WeChat's.
enum Found {
    Check {
        check: Box<MediaCheck>,
        is_second_call: bool,
    },
    /// The check of a second call is gone, with its user.
    Gone,
    Nothing,
    /// A verdict whose check is not known yet.
    Unclaimed(MediaCheckState),
}

/// A step of acting on a verdict failed. It can be repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JudgeError {
    /// An object can't be copied or deleted.
    #[error(transparent)]
    Bucket(#[from] AwsError),
    /// The check changes faster than it can be read.
    #[error("the check changes all the time")]
    Contended,
    /// A table can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MediaJudge {
    /// The constructors of what it uses read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            asker: MediaAsker::new(host)?,
            bucket: UploadsBucket::new(host)?,
            checks: MediaChecks::new(host)?,
            inbox: VerdictInbox::new(host)?,
            users: Users::new(host)?,
            groups: Groups::new(host)?,
        })
    }

    /// The table of checks.
    pub(crate) fn checks(&self) -> &MediaChecks {
        &self.checks
    }

    /// Applies the push to its check, and finishes the push, in one transaction. [`EventOutcome::Abandoned`] if the push names no check.
    ///
    /// # Errors
    /// [`EventError`]: nothing has changed, or the answer was lost. Process the push again.
    pub(crate) async fn apply(&self, push: &PendingPush) -> Result<EventOutcome, EventError> {
        let Some(verdict) = push.message.media_verdict() else { return Ok(EventOutcome::Abandoned) };
        let applied = self.apply_to(&push.push_id, &verdict.trace_id, verdict.kind.into()).await;
        applied.map_err(|cause| EventError::at("applying a verdict", &push.push_id, cause))
    }

    async fn apply_to(
        &self,
        push_id: &str,
        trace_id: &TraceId,
        verdict: MediaCheckResult,
    ) -> Result<EventOutcome, JudgeError> {
        for _ in 0..MAX_ATTEMPTS {
            let outcome = match self.find_check(trace_id).await? {
                Found::Check { check, is_second_call } => match check.effect_of(verdict, is_second_call) {
                    VerdictEffect::AskAgain => {
                        let outcome = self.inbox.ask_again(push_id, &check).await?;
                        if outcome == VerdictOutcome::Applied {
                            self.try_to_ask_again(&check).await;
                        }
                        outcome
                    }
                    VerdictEffect::End(result) => {
                        let outcome = self.end(Some(push_id), &check, result).await?;
                        if outcome == VerdictOutcome::Applied && result.state == MediaCheckState::Error {
                            telemetry::operator_alert("media-not-read", trace_id);
                        }
                        outcome
                    }
                    VerdictEffect::Nothing => self.inbox.finish(push_id).await?,
                },
                Found::Unclaimed(MediaCheckState::Error) | Found::Nothing => {
                    self.inbox.keep_unclaimed(push_id, trace_id, verdict).await?
                }
                Found::Unclaimed(_) | Found::Gone => self.inbox.finish(push_id).await?,
            };
            match outcome {
                VerdictOutcome::Applied => return Ok(EventOutcome::Completed),
                VerdictOutcome::AlreadyApplied => return Ok(EventOutcome::Skipped),
                VerdictOutcome::Changed => {}
            }
        }
        Err(JudgeError::Contended)
    }

    /// What stands under the number; for the number of a second call, its check.
    async fn find_check(&self, trace_id: &TraceId) -> Result<Found, StoreError> {
        Ok(match self.checks.find(trace_id).await? {
            None => Found::Nothing,
            Some(MediaCheckLookup::Check(check)) => Found::Check { check, is_second_call: false },
            Some(MediaCheckLookup::Unclaimed(result)) => Found::Unclaimed(result.state),
            Some(MediaCheckLookup::SecondCall(first)) => match self.checks.find(&first).await? {
                Some(MediaCheckLookup::Check(check)) => Found::Check { check, is_second_call: true },
                _ => Found::Gone,
            },
        })
    }

    /// Ends the check with `result`, and changes the user's record if its picture is the pending one there. Objects that nobody uses any
    /// more are deleted afterwards; if this fails, the schedule does it.
    async fn end(
        &self,
        push_id: Option<&str>,
        check: &MediaCheck,
        result: MediaCheckResult,
    ) -> Result<VerdictOutcome, JudgeError> {
        let end = match check.purpose {
            None => VerdictEnd { result, avatar: None, discard: None },
            Some(CheckPurpose::Avatar) => self.end_of_avatar(check, result).await?,
        };
        let outcome = self.inbox.end(push_id, check, &end).await?;
        if let (VerdictOutcome::Applied, Some(unused)) = (outcome, end.discard)
            && let Err(error) = self.discard(check, &[unused]).await
        {
            telemetry::handled_error("delete-unused-avatar", &error);
        }
        Ok(outcome)
    }

    /// What the result changes in the user's record. A picture that is passed is copied first to where pictures are kept; the copy has the
    /// same name each time, so that it can be made again.
    async fn end_of_avatar(
        &self,
        check: &MediaCheck,
        result: MediaCheckResult,
    ) -> Result<VerdictEnd, JudgeError> {
        let user = self.users.get(&check.user_id).await?;
        let (shown, pending) = user
            .as_ref()
            .map(|user| (user.avatar_key.clone(), user.pending_avatar.clone()))
            .unwrap_or_default();
        let is_pending = pending.is_some_and(|pending| pending.trace_id == check.trace_id);
        let key = check.object_key.same_name_in(BucketFolder::Avatars);
        let (avatar, discard) = match result.state {
            MediaCheckState::Pass if is_pending => match self.bucket.copy(&check.object_key, &key).await? {
                CopyOutcome::Copied => (Some(AvatarChange::Show { key, seen: shown.clone() }), shown),
                CopyOutcome::NoSource => (Some(AvatarChange::Withdraw), None),
            },
            // A run that was ended before its transaction may have made the copy.
            MediaCheckState::Pass => (None, Some(key).filter(|key| shown.as_ref() != Some(key))),
            MediaCheckState::Risky | MediaCheckState::Error if is_pending => {
                (Some(AvatarChange::Withdraw), None)
            }
            _ => (None, None),
        };
        if let Some(user) = user {
            // Before the record, so that no group shows a picture that is deleted when the record has changed. Also when the record stays as
            // it is, because it may have changed since an attempt before this one.
            let avatar_key = match &avatar {
                Some(AvatarChange::Show { key, .. }) => Some(key.clone()),
                _ => user.avatar_key.clone(),
            };
            let shown = ShownUser::of(&User { avatar_key, ..user });
            self.groups.change_profile(&check.user_id, None, |profile| profile.set_shown(&shown)).await?;
        }
        Ok(VerdictEnd { result, avatar, discard })
    }

    /// Does what is due with the check: asks WeChat again, ends the check without a verdict, or does what is left of a verdict.
    ///
    /// # Errors
    /// [`JudgeError`]: something is still to do. The next run does it.
    pub(crate) async fn attend(&self, trace_id: &TraceId) -> Result<DueOutcome, JudgeError> {
        let Some(MediaCheckLookup::Check(check)) = self.checks.find(trace_id).await? else {
            return Ok(DueOutcome::Nothing);
        };
        match check.result.state {
            MediaCheckState::Pending if check.attempts < 2 => self.ask_again(&check).await,
            MediaCheckState::Pending => {
                // A verdict that comes in this moment is better, and stands.
                if self.end(None, &check, MediaCheckResult::ERROR).await? != VerdictOutcome::Applied {
                    return Ok(DueOutcome::Nothing);
                }
                telemetry::operator_alert("media-check-unanswered", trace_id);
                Ok(DueOutcome::Unanswered)
            }
            _ if check.discard.is_empty() => {
                self.end(None, &check, check.result).await?;
                Ok(DueOutcome::Finished)
            }
            _ => {
                self.discard(&check, &check.discard).await?;
                Ok(DueOutcome::Finished)
            }
        }
    }

    /// Asks at once, because the user waits; if this fails, the schedule does what is left.
    async fn try_to_ask_again(&self, check: &MediaCheck) {
        if let Err(error) = self.ask_again(check).await {
            telemetry::handled_error("ask-for-verdict-again", &error);
        }
    }

    /// Asks WeChat for the verdict once more, with a new address. The call is claimed before, so that two runs make it once.
    async fn ask_again(&self, check: &MediaCheck) -> Result<DueOutcome, JudgeError> {
        let Some(openid) = &check.openid else { return Ok(DueOutcome::Nothing) };
        if !self.checks.claim_second_call(check).await? {
            return Ok(DueOutcome::Nothing);
        }
        let second = match self.asker.ask(openid, &check.object_key, check.scene).await {
            Ok(second) => second,
            // The check ends without a verdict when it is due again.
            Err(error) => {
                telemetry::handled_error("ask-for-verdict-again", &error);
                return Ok(DueOutcome::AskedAgain);
            }
        };
        if let LinkOutcome::AlreadyJudged(verdict) = self.checks.link(&second, check).await? {
            self.join(&check.trace_id, verdict).await?;
        }
        Ok(DueOutcome::AskedAgain)
    }

    /// Applies a verdict of the second call that came before its number was known.
    async fn join(&self, trace_id: &TraceId, verdict: MediaCheckResult) -> Result<(), JudgeError> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(MediaCheckLookup::Check(check)) = self.checks.find(trace_id).await? else {
                return Ok(());
            };
            let VerdictEffect::End(result) = check.effect_of(verdict, true) else { return Ok(()) };
            if self.end(None, &check, result).await? != VerdictOutcome::Changed {
                return Ok(());
            }
        }
        Err(JudgeError::Contended)
    }

    /// Deletes the objects that the check has to discard.
    async fn discard(&self, check: &MediaCheck, unused: &[ObjectKey]) -> Result<(), JudgeError> {
        for key in unused {
            self.bucket.delete(key).await?;
        }
        Ok(self.checks.set_discarded(check).await?)
    }
}

/// Attempts at applying a verdict to a check that changes meanwhile.
const MAX_ATTEMPTS: usize = 5;
