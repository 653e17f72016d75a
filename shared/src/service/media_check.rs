//! Media check: WeChat judges pictures and sounds before others see them.
//!
//! A form for an upload lives for five minutes and can replace its object, so WeChat judges a copy that nobody can change. The verdict is
//! pushed, within 30 minutes (`functions/push-events`). The copy is deleted after 30 days; a picture that a user shows is copied once more
//! when WeChat has passed it.

use super::{PlatformClient, PlatformError};
use crate::{
    host::{AwsError, CopyOutcome, Host, HostError, RetryPolicy, UploadsBucket},
    store::{
        AvatarChecks, BeginCheckOutcome, MediaCheck, MediaCheckLookup, MediaCheckResult, MediaChecks,
        NewMediaCheck, StoreError, TokenName,
    },
    types::{BucketFolder, Caller, ObjectKey, OpenId, TraceId},
    wechat::{CheckScene, MediaKind, MediaToCheck},
};

/// A check can't be begun.
#[derive(Debug, thiserror::Error)]
pub enum MediaCheckError {
    /// The bucket can't copy the upload.
    #[error(transparent)]
    Bucket(#[from] AwsError),
    /// There is no randomness.
    #[error(transparent)]
    Host(#[from] HostError),
    /// WeChat's answer has no number, so its verdict could not be told from others.
    #[error("WeChat has named no trace_id")]
    NoTraceId,
    /// Nothing is stored under the key: the upload has not arrived, or is gone.
    #[error("there is no such upload")]
    NoUpload,
    /// The user is gone.
    #[error("the user is gone")]
    NoUser,
    /// WeChat refuses the call, or gives no answer.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The check can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A check that was begun.
#[derive(Debug, Clone)]
pub struct StartedCheck {
    /// WeChat's number of the check.
    pub trace_id: TraceId,
    /// The copy that WeChat judges.
    pub object_key: ObjectKey,
    /// How far it is: the verdict may have come before the answer.
    pub result: MediaCheckResult,
}

/// Asks WeChat for verdicts on objects of the bucket.
pub struct MediaAsker {
    host: Host,
    platform: PlatformClient,
    bucket: UploadsBucket,
}

/// Has pictures and sounds checked.
pub struct MediaChecker {
    asker: MediaAsker,
    checks: MediaChecks,
}

/// Has the pictures checked that users want to show.
pub struct AvatarChecker {
    asker: MediaAsker,
    checks: AvatarChecks,
}

impl MediaAsker {
    /// [`PlatformClient::new`] and [`UploadsBucket::new`] read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            platform: PlatformClient::new(host, TokenName::MiniProgram)?,
            bucket: UploadsBucket::new(host)?,
        })
    }

    /// Asks for a verdict on the object; the number under which it will come. The call is repeated after any failure that may pass,
    /// because one too many costs a bit of the quota and a verdict that nobody waits for.
    ///
    /// # Errors
    /// [`MediaCheckError`]: no verdict can be expected.
    pub async fn ask(
        &self,
        openid: &OpenId,
        object_key: &ObjectKey,
        scene: CheckScene,
    ) -> Result<TraceId, MediaCheckError> {
        let media_url = self.bucket.presigned_get(object_key, UploadsBucket::MAX_URL_LIFETIME);
        let kind = MediaKind::of(object_key.kind());
        let media = MediaToCheck { openid, scene, kind, media_url: &media_url };
        let answer =
            self.platform.post(MediaToCheck::PATH, &media.to_json(), RetryPolicy::AnyFailure).await?;
        MediaToCheck::trace_id(&answer).ok_or(MediaCheckError::NoTraceId)
    }

    /// Copies the upload and asks for a verdict on the copy. Each call makes a copy of its own, so that nobody can change what was judged
    /// by asking again.
    async fn copy_and_ask(
        &self,
        openid: &OpenId,
        upload: &ObjectKey,
        scene: CheckScene,
    ) -> Result<(TraceId, ObjectKey), MediaCheckError> {
        let copy = upload.copy_in(BucketFolder::Checked, self.host.random()?);
        match self.bucket.copy(upload, &copy).await? {
            CopyOutcome::Copied => {}
            CopyOutcome::NoSource => return Err(MediaCheckError::NoUpload),
        }
        let trace_id = self.ask(openid, &copy, scene).await?;
        Ok((trace_id, copy))
    }
}

impl MediaChecker {
    /// [`MediaAsker::new`] and [`MediaChecks::new`] read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { asker: MediaAsker::new(host)?, checks: MediaChecks::new(host)? })
    }

    /// Begins a check of the upload, which the caller of this method knows to be the asker's own. It is written before its number is
    /// given out.
    ///
    /// # Errors
    /// [`MediaCheckError`]; the asker begins another check. A verdict may come that nobody waits for.
    pub async fn begin(
        &self,
        asker: &Caller,
        upload: &ObjectKey,
        scene: CheckScene,
    ) -> Result<StartedCheck, MediaCheckError> {
        let (trace_id, object_key) = self.asker.copy_and_ask(&asker.openid, upload, scene).await?;
        let check = new_check(asker, &trace_id, &object_key, scene);
        let result = self.checks.begin(&check).await?;
        Ok(StartedCheck { trace_id, object_key, result })
    }

    /// The check, if it is the asker's.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn find(&self, asker: &Caller, trace_id: &TraceId) -> Result<Option<MediaCheck>, StoreError> {
        Ok(match self.checks.find(trace_id).await? {
            Some(MediaCheckLookup::Check(check)) if check.user_id == asker.user_id => Some(*check),
            _ => None,
        })
    }
}

impl AvatarChecker {
    /// [`MediaAsker::new`] and [`AvatarChecks::new`] read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { asker: MediaAsker::new(host)?, checks: AvatarChecks::new(host)? })
    }

    /// Begins a check of the upload, which the caller of this method knows to be an avatar of the asker's own, and makes it the user's
    /// `pending_avatar` in the same transaction. When WeChat passes it, it becomes the user's `avatar_key`; when WeChat finds it risky,
    /// or gives no verdict, it is pending no more; a picture for review stays pending.
    ///
    /// # Errors
    /// [`MediaCheckError`]; the asker begins another check. A verdict may come that nobody waits for.
    pub async fn begin(&self, asker: &Caller, upload: &ObjectKey) -> Result<StartedCheck, MediaCheckError> {
        let scene = CheckScene::Profile;
        let (trace_id, object_key) = self.asker.copy_and_ask(&asker.openid, upload, scene).await?;
        let check = new_check(asker, &trace_id, &object_key, scene);
        match self.checks.begin(&check).await? {
            BeginCheckOutcome::Begun(result) => Ok(StartedCheck { trace_id, object_key, result }),
            BeginCheckOutcome::NoUser => Err(MediaCheckError::NoUser),
        }
    }
}

fn new_check<'a>(
    asker: &'a Caller,
    trace_id: &'a TraceId,
    object_key: &'a ObjectKey,
    scene: CheckScene,
) -> NewMediaCheck<'a> {
    NewMediaCheck { trace_id, user_id: &asker.user_id, openid: &asker.openid, object_key, scene }
}
