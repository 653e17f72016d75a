//! Keys of callers for signatures, and the decision whether a caller's statements and the bucket's policy allow a request.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use local_dynamo::{Dynamo, OPERATOR, Permission};
use local_template::{PseudoParameters, Stack};
use s3s::{
    S3Request, S3Result,
    access::{S3Access, S3AccessContext},
    auth::{Credentials, S3Auth, SecretKey},
    dto::{CopyObjectInput, CopySource, DeleteObjectsInput, PostObjectInput},
    path::S3Path,
    s3_error,
};
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

use crate::permissions::{Requirement, arn, bucket_arn, object_arn, required};

/// The secret access keys of functions and of the operator.
pub(crate) struct CallerKeys(pub(crate) Dynamo);

#[async_trait::async_trait]
impl S3Auth for CallerKeys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if !self.0.has_caller(access_key) {
            return Err(s3_error!(InvalidAccessKeyId));
        }
        Ok(SecretKey::from(self.0.secret_access_key(access_key)))
    }
}

/// The statements of functions, and the policies of buckets.
pub(crate) struct StackAccess {
    dynamo: Dynamo,
    partition: String,
    /// Where the buckets are.
    folder: PathBuf,
    /// The age in milliseconds above which a signature is denied, by bucket.
    max_signature_ages: BTreeMap<String, u64>,
}

impl StackAccess {
    pub(crate) fn new(stack: &Stack, dynamo: &Dynamo, folder: &Path) -> Self {
        let ages = stack
            .buckets
            .iter()
            .filter_map(|bucket| bucket.max_signature_age_ms.map(|age| (bucket.name.clone(), age)));
        Self {
            dynamo: dynamo.clone(),
            partition: PseudoParameters::default().partition,
            folder: folder.to_owned(),
            max_signature_ages: ages.collect(),
        }
    }

    /// Whether the caller's statements allow the action on the resource.
    fn authorize(&self, caller: &str, action: &str, resource: String) -> S3Result<()> {
        let permission = Permission { action: action.to_owned(), resource };
        self.dynamo
            .authorize_caller(caller, permission)
            .map_err(|error| s3_error!(AccessDenied, "{}", error.message))
    }

    fn authorize_object(
        &self,
        credentials: Option<&Credentials>,
        action: &str,
        bucket: &str,
        key: &str,
    ) -> S3Result<()> {
        let caller = caller(credentials)?;
        self.authorize(caller, action, object_arn(&self.partition, bucket, key))
    }

    /// Reading an object. S3 says that there is none only to callers who may list the bucket.
    fn authorize_reading(&self, caller: &str, bucket: &str, key: &str) -> S3Result<()> {
        self.authorize(caller, "s3:GetObject", object_arn(&self.partition, bucket, key))?;
        if self.folder.join(bucket).join(key).exists() {
            return Ok(());
        }
        self.authorize(caller, "s3:ListBucket", bucket_arn(&self.partition, bucket))
    }

    /// Denies a URL that was signed too long ago, as the bucket's policy says.
    fn check_signature_age(&self, cx: &S3AccessContext<'_>) -> S3Result<()> {
        let bucket = match cx.s3_path() {
            S3Path::Bucket { bucket } | S3Path::Object { bucket, .. } => bucket,
            S3Path::Root => return Ok(()),
        };
        let Some(&limit) = self.max_signature_ages.get(&**bucket) else { return Ok(()) };
        let Some(signed_at) = cx.uri().query().and_then(signed_at) else { return Ok(()) };
        let age = (now() - signed_at).whole_milliseconds();
        if age > i128::from(limit) {
            return Err(s3_error!(AccessDenied, "The bucket's policy denies signatures of this age"));
        }
        Ok(())
    }
}

/// The machine's time, as S3 takes its own and not that of a test's world.
#[expect(clippy::disallowed_methods, reason = "S3 compares signatures with its own clock")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// The time in the parameter `X-Amz-Date` of a signed URL.
fn signed_at(query: &str) -> Option<OffsetDateTime> {
    let text = query.split('&').find_map(|parameter| parameter.strip_prefix("X-Amz-Date="))?;
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    Some(PrimitiveDateTime::parse(text, form).ok()?.assume_utc())
}

fn caller(credentials: Option<&Credentials>) -> S3Result<&str> {
    credentials
        .map(|credentials| credentials.access_key.as_str())
        .ok_or_else(|| s3_error!(AccessDenied, "Signature is required"))
}

#[async_trait::async_trait]
impl S3Access for StackAccess {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let caller = caller(cx.credentials())?;
        self.check_signature_age(cx)?;
        match required(cx.s3_op().name()) {
            Requirement::Reading => match cx.s3_path() {
                S3Path::Object { bucket, key } => self.authorize_reading(caller, bucket, key),
                _ => Err(s3_error!(AccessDenied)),
            },
            Requirement::Action(action) => self.authorize(caller, action, arn(&self.partition, cx.s3_path())),
            Requirement::InContent => Ok(()),
            Requirement::OperatorOnly if caller == OPERATOR => Ok(()),
            Requirement::OperatorOnly => Err(s3_error!(AccessDenied)),
        }
    }

    async fn copy_object(&self, request: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        match &request.input.copy_source {
            CopySource::Bucket { bucket, key, .. } => {
                self.authorize_reading(caller(request.credentials.as_ref())?, bucket, key)
            }
            _ => Err(s3_error!(NotImplemented)),
        }
    }

    async fn delete_objects(&self, request: &mut S3Request<DeleteObjectsInput>) -> S3Result<()> {
        let DeleteObjectsInput { bucket, delete, .. } = &request.input;
        delete.objects.iter().try_for_each(|object| {
            self.authorize_object(request.credentials.as_ref(), "s3:DeleteObject", bucket, &object.key)
        })
    }

    async fn post_object(&self, request: &mut S3Request<PostObjectInput>) -> S3Result<()> {
        let PostObjectInput { bucket, key, .. } = &request.input;
        self.authorize_object(request.credentials.as_ref(), "s3:PutObject", bucket, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_a_signed_url_is_read() {
        let at = signed_at("X-Amz-Expires=60&X-Amz-Date=20261127T080000Z&X-Amz-Signature=00");
        assert_eq!(at.map(OffsetDateTime::unix_timestamp), Some(1_795_766_400));
        assert_eq!(signed_at("X-Amz-Date=yesterday"), None);
        assert_eq!(signed_at("list-type=2"), None);
    }
}
