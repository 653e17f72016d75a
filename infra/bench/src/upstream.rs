//! One server for everything that a function calls. Secrets Manager returns one secret with every key. A table says how other operations
//! and paths are answered; all else answers `{}`.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use serde_json::json;
use shared::types::BoxError;
use tokio::{net::TcpListener, task::JoinHandle};

/// The server for everything that a function calls. Dropping it stops the server.
pub struct Upstream {
    /// The server's address.
    pub url: String,
    calls: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

/// What is answered: by the name of an operation of AWS without its prefix, such as `GetItem`, or by the path of a request to WeChat.
pub type Answers = BTreeMap<&'static str, String>;

struct UpstreamState {
    answers: Answers,
    calls: Arc<AtomicUsize>,
}

impl Upstream {
    /// Listens on a free port of this machine. `secret` is the value of every secret.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(secret: &str) -> Result<Self, BoxError> {
        Self::start_with(secret, Answers::new()).await
    }

    /// As [`Upstream::start`], with answers of these operations and paths.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start_with(secret: &str, answers: Answers) -> Result<Self, BoxError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let calls = Arc::new(AtomicUsize::new(0));
        let app = router(secret, answers, Arc::clone(&calls));
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let server = tokio::spawn(async move {
            // The server ends when the task is aborted.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { url, calls, server })
    }

    /// The number of calls so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Answers every request and counts it in `calls`.
pub fn router(secret: &str, mut answers: Answers, calls: Arc<AtomicUsize>) -> Router {
    let secret = json!({
        "ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:bench",
        "Name": "bench",
        "SecretString": secret,
        "VersionId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        "VersionStages": ["AWSCURRENT"],
    });
    answers.insert("GetSecretValue", secret.to_string());
    Router::new().fallback(respond).with_state(Arc::new(UpstreamState { answers, calls }))
}

/// Answers a request after reading all of it, as real servers do.
async fn respond(
    State(state): State<Arc<UpstreamState>>,
    uri: Uri,
    headers: HeaderMap,
    _: Bytes,
) -> Response {
    state.calls.fetch_add(1, Ordering::Relaxed);
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let name = target.map_or_else(|| uri.path(), |target| target.rsplit('.').next().unwrap_or(target));
    let body = state.answers.get(name).cloned().unwrap_or_else(|| "{}".to_owned());
    ([(CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}
