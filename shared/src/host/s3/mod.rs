//! The bucket of uploads: forms with which phones upload, URLs with which WeChat and phones download, and calls that copy and delete.
//!
//! Forms and URLs need no call of S3. They carry this function's signature, and S3 asks whether the function's role allows what the
//! bearer does with them.

mod delete;
mod objects;
mod post_form;
mod presigned_get;

use std::time::Duration;

use aws_sdk_dynamodb::config::Credentials;

pub use delete::DeleteObjectsError;
pub use objects::CopyOutcome;
pub use post_form::PostForm;

use super::{AwsClient, AwsService, Clock, Host, HostError, SystemClock, aws_client::domain};
use crate::types::{MediaType, ObjectKey, UnixSeconds};

/// The bucket of uploads, with this function's credentials.
pub struct UploadsBucket {
    client: AwsClient,
    signer: Signer,
    name: String,
    address: BucketAddress,
    /// Where phones post to.
    post_url: String,
}

/// Who signs, and for which region.
struct Signer {
    credentials: Credentials,
    region: String,
}

/// Where S3 has the bucket.
struct BucketAddress {
    /// `https://` or `http://`.
    scheme: String,
    host: String,
    /// The path of the bucket: `/`, or `/<bucket>/` at an endpoint that all buckets share.
    path: String,
}

impl UploadsBucket {
    /// How long a form can be used.
    pub const FORM_LIFETIME: Duration = Duration::from_secs(5 * 60);

    /// The longest that a URL can be used, because the bucket refuses older signatures. A URL ends sooner if the credentials of the
    /// function's role do.
    pub const MAX_URL_LIFETIME: Duration = Duration::from_secs(35 * 60);

    /// Reads `UPLOADS_BUCKET` and `UPLOADS_BASE_URL`.
    ///
    /// # Errors
    /// [`HostError`]: `UPLOADS_BUCKET`, region or credentials are not in the environment.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let (name, region) = (host.var("UPLOADS_BUCKET")?.to_owned(), host.var("AWS_REGION")?.to_owned());
        let address = BucketAddress::new(&name, &region, host.endpoint("AWS_ENDPOINT_URL_S3"));
        let post_url = match host.optional_var("UPLOADS_BASE_URL") {
            Some(base) => format!("{}/", base.trim_end_matches('/')),
            None => address.url(),
        };
        let client = host.aws_at(AwsService::S3, format!("{}{}", address.scheme, address.host))?;
        let signer = Signer { credentials: host.credentials()?, region };
        Ok(Self { client, signer, name, address, post_url })
    }

    /// The form that uploads one object of 1 to `max_bytes` bytes under `key`, within [`Self::FORM_LIFETIME`]. S3 refuses any other
    /// key, media type or size, and any other field.
    #[must_use]
    pub fn post_form(&self, key: &ObjectKey, media_type: MediaType, max_bytes: u64) -> PostForm {
        self.post_form_at(now(), key, media_type, max_bytes)
    }

    /// The same, signed at another time.
    #[must_use]
    pub fn post_form_at(
        &self,
        now: UnixSeconds,
        key: &ObjectKey,
        media_type: MediaType,
        max_bytes: u64,
    ) -> PostForm {
        let upload = post_form::Upload {
            bucket: &self.name,
            key: key.as_str(),
            content_type: media_type.name(),
            max_bytes,
            lifetime: Self::FORM_LIFETIME,
        };
        PostForm { url: self.post_url.clone(), fields: post_form::sign(&self.signer, &upload, now) }
    }

    /// A URL that downloads the object, for `lifetime` or [`Self::MAX_URL_LIFETIME`], whichever is shorter. It must not be stored.
    #[must_use]
    pub fn presigned_get(&self, key: &ObjectKey, lifetime: Duration) -> String {
        let lifetime = lifetime.min(Self::MAX_URL_LIFETIME);
        presigned_get::sign(&self.signer, &self.address, key.as_str(), now(), lifetime)
    }
}

impl BucketAddress {
    /// At `endpoint` all buckets share a host; at AWS's own address each bucket has its own.
    fn new(bucket: &str, region: &str, endpoint: Option<&str>) -> Self {
        let Some(endpoint) = endpoint else {
            let host = format!("{bucket}.s3.{region}.{}", domain(region));
            return Self { scheme: "https://".to_owned(), host, path: "/".to_owned() };
        };
        let (scheme, host) = match endpoint.strip_prefix("http://") {
            Some(host) => ("http://", host),
            None => ("https://", endpoint.trim_start_matches("https://")),
        };
        let host = host.trim_end_matches('/').to_owned();
        Self { scheme: scheme.to_owned(), host, path: format!("/{bucket}/") }
    }

    fn url(&self) -> String {
        format!("{}{}{}", self.scheme, self.host, self.path)
    }
}

impl Signer {
    /// The credential scope, as `x-amz-credential` names it without the access key id.
    fn scope(&self, day: &str) -> String {
        format!("{day}/{}/s3/aws4_request", self.region)
    }

    /// `x-amz-credential`.
    fn credential(&self, day: &str) -> String {
        format!("{}/{}", self.credentials.access_key_id(), self.scope(day))
    }

    /// The signature over `text`, in lower-case hexadecimal.
    fn sign(&self, day: &str, text: &str) -> String {
        let key =
            crate::crypto::aws_signing_key(self.credentials.secret_access_key(), day, &self.region, "s3");
        crate::crypto::hex(&crate::crypto::hmac_sha256(&key, text.as_bytes()))
    }
}

/// The system's time. AWS compares a signature with its own clock, so a host's other clock has no say.
fn now() -> UnixSeconds {
    UnixSeconds::new(SystemClock.now_millis() / 1000)
}

/// The day of an `x-amz-date`.
fn day_of(amz_date: &str) -> &str {
    amz_date.get(..8).unwrap_or_default()
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

#[cfg(test)]
mod tests;
