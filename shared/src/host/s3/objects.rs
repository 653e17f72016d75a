//! Calls of S3 that copy and delete objects.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>

use std::time::Duration;

use http::{Method, header::HeaderName};

use super::UploadsBucket;
use crate::{
    host::{AwsCall, AwsError},
    types::ObjectKey,
};

/// What came of copying an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyOutcome {
    /// The copy is there.
    Copied,
    /// There is no object to copy.
    NoSource,
}

impl UploadsBucket {
    /// Copies the object with its media type. An object that stands under `to` is replaced.
    ///
    /// S3 says that an object is not there only to a role that may list the bucket; to others it says `AccessDenied`.
    ///
    /// # Errors
    /// [`AwsError`]; the copy may be there. It can be made again.
    pub async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> Result<CopyOutcome, AwsError> {
        let (source, path) = (format!("{}/{}", self.name, from.as_str()), self.path_of(to));
        let headers = vec![(HeaderName::from_static("x-amz-copy-source"), source.as_str())];
        let call = AwsCall::without_content(Method::PUT, &path, headers, TIMEOUT);
        match self.client.call(&call).await {
            Ok(_) => Ok(CopyOutcome::Copied),
            Err(error) if error.is("NoSuchKey") => Ok(CopyOutcome::NoSource),
            Err(error) => Err(error),
        }
    }

    /// Deletes the object. It is no error if there is none.
    ///
    /// # Errors
    /// [`AwsError`]; the object may be gone. It can be deleted again.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), AwsError> {
        let path = self.path_of(key);
        let call = AwsCall::without_content(Method::DELETE, &path, Vec::new(), TIMEOUT);
        self.client.call(&call).await.map(drop)
    }

    fn path_of(&self, key: &ObjectKey) -> String {
        // A key needs no percent-encoding, because `ObjectKey` takes only letters, digits, '-', '_', '/' and '.'.
        format!("{}{}", self.address.path, key.as_str())
    }
}

/// S3 copies 10 MB within a second or two.
const TIMEOUT: Duration = Duration::from_secs(10);
