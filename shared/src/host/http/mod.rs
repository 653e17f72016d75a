//! The HTTP client of all services: requests and answers over connections that are kept.
//!
//! It is a thin layer over `hyper-util`, because two things are needed that clients above it do not offer: a connection can be opened before
//! the first request needs it ([`HttpClient::open_early`]), and a request costs no more than its bytes.

mod connector;

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use serde::Serialize;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::types::BoxError;
use connector::Connector;

/// An HTTP client. All clones share their connections.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
}

/// A request that is not sent yet.
pub struct RequestBuilder {
    client: HttpClient,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
    timeout: Duration,
    /// The first part of the request that could not be written.
    error: Option<BoxError>,
}

/// An answer whose content is not read yet.
pub struct HttpResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Incoming,
    deadline: Instant,
}

/// A request failed. The error names no URL, because a URL can hold secrets.
#[derive(Debug)]
pub struct HttpError {
    kind: HttpErrorKind,
    cause: BoxError,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HttpErrorKind {
    /// The request can't be written.
    Request,
    /// No connection could be opened, so nothing was sent.
    Connect,
    /// Time is up.
    Timeout,
    /// The connection broke, or carried something that is not HTTP.
    Exchange,
}

impl HttpClient {
    /// A client that uses an idle connection again for as long as `idle`.
    pub(super) fn new(tls: ClientConfig, idle: Duration) -> Self {
        let connector = Connector::new(tls, CONNECT, idle);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Lambda freezes a function between requests. When it runs again, the service may have closed its idle connections.
            .pool_idle_timeout(idle)
            .build(connector.clone());
        Self { client, connector }
    }

    /// A `GET` of `url`.
    #[must_use]
    pub fn get(&self, url: impl Into<String>) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A `POST` to `url`.
    #[must_use]
    pub fn post(&self, url: impl Into<String>) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A request to `url`.
    #[must_use]
    pub fn request(&self, method: Method, url: impl Into<String>) -> RequestBuilder {
        RequestBuilder {
            client: self.clone(),
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: TOTAL,
            error: None,
        }
    }

    /// Begins to open a connection to the host of `url`, which the next request to it then uses. Does nothing if a connection was used so
    /// recently that it is still kept. A failure shows in the request that needs the connection. The receiver hears when it is open or has
    /// failed.
    pub(super) fn open_early(&self, url: &str) -> Option<oneshot::Receiver<()>> {
        self.connector.open_early(url.parse().ok()?)
    }
}

impl RequestBuilder {
    /// Adds a header.
    #[must_use]
    pub fn header<V>(mut self, name: impl TryInto<HeaderName, Error: Into<BoxError>>, value: V) -> Self
    where
        V: TryInto<HeaderValue, Error: Into<BoxError>>,
    {
        let header = name.try_into().map_err(Into::into);
        match header.and_then(|name| Ok((name, value.try_into().map_err(Into::into)?))) {
            Ok((name, value)) => drop(self.headers.insert(name, value)),
            Err(error) => drop(self.error.get_or_insert(error)),
        }
        self
    }

    /// Adds headers.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Sets the content.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the content to a JSON text.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => self.header(CONTENT_TYPE, "application/json").body(json),
            Err(error) => {
                self.error.get_or_insert_with(|| error.into());
                self
            }
        }
    }

    /// Sets how long everything may take, from opening a connection to reading the content of the answer.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends the request and waits for the head of the answer.
    ///
    /// # Errors
    /// [`HttpError`]. Unless [`HttpError::is_connect`] says that there was no connection, the request may have taken effect.
    pub async fn send(self) -> Result<HttpResponse, HttpError> {
        let refused = |cause| HttpError { kind: HttpErrorKind::Request, cause };
        if let Some(error) = self.error {
            return Err(refused(error));
        }
        let uri: Uri = self.url.parse().map_err(|error: http::uri::InvalidUri| refused(error.into()))?;
        let mut request = http::Request::new(Full::new(self.body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) =
            (self.method, uri, self.headers);
        let headers = request.headers_mut();
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(NAME));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        self.client.connector.note_use(request.uri());
        let deadline = Instant::now() + self.timeout;
        let sent = timeout_at(deadline, self.client.client.request(request)).await;
        let response = sent.map_err(HttpError::timeout)?.map_err(|error| HttpError {
            kind: if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Exchange },
            cause: error.into(),
        })?;
        let (parts, body) = response.into_parts();
        Ok(HttpResponse { status: parts.status, headers: parts.headers, body, deadline })
    }
}

impl HttpResponse {
    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Reads the whole content.
    ///
    /// # Errors
    /// [`HttpError`]: the content does not arrive, or not in time.
    pub async fn bytes(self) -> Result<Bytes, HttpError> {
        let body = timeout_at(self.deadline, self.body.collect()).await.map_err(HttpError::timeout)?;
        Ok(body.map_err(HttpError::exchange)?.to_bytes())
    }

    /// Reads the next bytes of the content; `None` at its end.
    ///
    /// # Errors
    /// [`HttpError`]: the content does not arrive, or not in time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let frame = timeout_at(self.deadline, self.body.frame()).await.map_err(HttpError::timeout)?;
            let Some(frame) = frame else { return Ok(None) };
            // What is not data are trailers, which no service sends.
            if let Ok(data) = frame.map_err(HttpError::exchange)?.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

impl HttpError {
    /// Whether no connection could be opened, so that nothing was sent.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.kind == HttpErrorKind::Connect
    }

    fn timeout(elapsed: tokio::time::error::Elapsed) -> Self {
        Self { kind: HttpErrorKind::Timeout, cause: elapsed.into() }
    }

    fn exchange(error: hyper::Error) -> Self {
        Self { kind: HttpErrorKind::Exchange, cause: error.into() }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            HttpErrorKind::Request => "the request can't be written",
            HttpErrorKind::Connect => "no connection could be opened",
            HttpErrorKind::Timeout => "the answer took too long",
            HttpErrorKind::Exchange => "the connection failed",
        })
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// The name by which services know this client.
const NAME: &str = "wechat-mini-program-backend/0.1";
/// How long opening a connection may take.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
/// How long a request may take that sets no other time.
const TOTAL: Duration = Duration::from_secs(8);
