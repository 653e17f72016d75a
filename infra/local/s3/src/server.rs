//! The handle to the local S3, and its routes.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use local_dynamo::Dynamo;
use local_template::Stack;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;

use crate::{
    access::{CallerKeys, StackAccess},
    error::S3Error,
    objects::{self, StoredObject},
};

/// A local S3 with the stack's buckets. Clones are handles to the same one.
#[derive(Clone)]
pub struct LocalS3 {
    inner: Arc<Inner>,
}

struct Inner {
    service: S3Service,
    folder: PathBuf,
    /// Deletes the folder, if it is a temporary one, with the last handle.
    _temporary: Option<TempDir>,
}

impl LocalS3 {
    /// Makes the stack's buckets: below `data` in the folder `s3`, or in a temporary folder. Callers and their permissions are those of
    /// `dynamo`.
    ///
    /// # Errors
    /// [`S3Error`]: the folder can't be used.
    pub fn new(stack: &Stack, dynamo: &Dynamo, data: Option<&Path>) -> Result<Self, S3Error> {
        let (folder, temporary) = match data {
            Some(data) => (data.join("s3"), None),
            None => {
                let unusable = |source| S3Error::Folder { path: std::env::temp_dir(), source };
                let temporary = TempDir::new().map_err(unusable)?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        for path in stack.buckets.iter().map(|bucket| folder.join(&bucket.name)).chain([folder.clone()]) {
            fs::create_dir_all(&path).map_err(|source| S3Error::Folder { path, source })?;
        }
        let files = FileSystem::new(&folder)
            .map_err(|error| S3Error::Server { path: folder.clone(), problem: format!("{error:?}") })?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(CallerKeys(dynamo.clone()));
        builder.set_access(StackAccess::new(stack, dynamo, &folder));
        let inner = Inner { service: builder.build(), folder, _temporary: temporary };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The routes, for a listener of their own. Each bucket is a folder at the root.
    pub fn router(&self) -> Router {
        Router::new().fallback(serve).with_state(self.inner.service.clone())
    }

    /// All objects of the bucket with this name, by key. The list is empty if the folder can't be read.
    #[must_use]
    pub fn objects(&self, bucket: &str) -> Vec<StoredObject> {
        objects::list(&self.inner.folder.join(bucket)).unwrap_or_default()
    }
}

async fn serve(State(service): State<S3Service>, request: Request) -> Response {
    match service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(response) => response.map(axum::body::Body::new),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
