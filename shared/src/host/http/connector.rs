//! Opens connections: when a request needs one, or early.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::ClientConfig;
use tokio::{
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tower_service::Service;

use crate::types::BoxError;

/// A connection, with TLS or without.
type Connection = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Opens connections, and gives out one that was opened early.
#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<HttpConnector>,
    connect_timeout: Duration,
    idle: Duration,
    hosts: Arc<Mutex<HashMap<String, KnownHost>>>,
}

/// What is known of the connections to one host.
struct KnownHost {
    /// When a request last used a connection, or one was opened early.
    used: Instant,
    /// A connection that is being opened early since this time, or has been.
    early: Option<(Instant, JoinHandle<Result<Connection, BoxError>>)>,
}

impl Connector {
    /// Opening a connection may take `connect_timeout`. A connection that was opened early is used for as long as `idle`, like those that are
    /// idle after a request.
    pub(super) fn new(tls: ClientConfig, connect_timeout: Duration, idle: Duration) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        Self {
            https: HttpsConnector::from((http, Arc::new(tls))),
            connect_timeout,
            idle,
            hosts: Arc::default(),
        }
    }

    /// Begins to open a connection to the host of `uri`, unless one was used so recently that it is kept. The receiver hears when it is
    /// open or has failed.
    pub(super) fn open_early(&self, uri: Uri) -> Option<oneshot::Receiver<()>> {
        let name = name(&uri)?;
        let mut hosts = self.hosts();
        if hosts.get(&name).is_some_and(|host| host.used.elapsed() < self.idle) {
            return None;
        }
        let (end, ended) = oneshot::channel();
        let opening = self.open(uri);
        let opening = tokio::spawn(async move {
            let opened = opening.await;
            drop(end);
            opened
        });
        let now = Instant::now();
        hosts.insert(name, KnownHost { used: now, early: Some((now, opening)) });
        Some(ended)
    }

    /// Notes that a request uses a connection to the host of `uri`.
    pub(super) fn note_use(&self, uri: &Uri) {
        let Some(name) = name(uri) else { return };
        let now = Instant::now();
        self.hosts().entry(name).or_insert(KnownHost { used: now, early: None }).used = now;
    }

    /// The connection to the host of `uri` that was opened early, if it is not too old.
    fn take_early(&self, uri: &Uri) -> Option<JoinHandle<Result<Connection, BoxError>>> {
        let (since, early) = self.hosts().get_mut(&name(uri)?)?.early.take()?;
        (since.elapsed() < self.idle).then_some(early)
    }

    fn open(&self, uri: Uri) -> impl Future<Output = Result<Connection, BoxError>> + Send + 'static {
        let (opening, connect_timeout) = (self.https.clone().call(uri), self.connect_timeout);
        async move { timeout(connect_timeout, opening).await? }
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, KnownHost>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let early = self.take_early(&uri);
        let connector = self.clone();
        Box::pin(async move {
            if let Some(early) = early
                && let Ok(Ok(connection)) = early.await
            {
                return Ok(connection);
            }
            connector.open(uri).await
        })
    }
}

/// Scheme, host and port, which tell one host's connections from another's.
fn name(uri: &Uri) -> Option<String> {
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}
