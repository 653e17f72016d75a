//! A request of the back end, the answer to it, and the route that leads to what answers.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::core::family::Family;
use crate::core::faults::Fault;
use crate::core::tls::TlsPeer;

/// A request as a handler sees it.
#[derive(Debug, Default)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Path and query exactly as sent.
    pub(crate) target: String,
    /// What stands for `{…}` in the route's path, decoded.
    pub(crate) path_value: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The other end of a TLS connection; `None` on a plain one.
    pub(crate) peer: Option<TlsPeer>,
}

/// An answer, and one word about it for the log.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: StatusCode,
    /// Empty: no header.
    pub(crate) content_type: &'static str,
    /// The others.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) outcome: String,
}

/// Answers a request, as the fault that hits it wants.
pub(crate) type Handler = Arc<dyn Fn(&ApiRequest, Option<&Fault>) -> ApiResponse + Send + Sync>;

/// One API of the server side.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) family: Family,
    /// The request's fields for the log; secrets are masked there.
    pub(crate) summary: fn(&ApiRequest) -> Value,
    pub(crate) handler: Handler,
}

impl Route {
    /// A route to a function of the service.
    pub(crate) fn new<S: Send + Sync + 'static>(
        path: &'static str,
        family: Family,
        summary: fn(&ApiRequest) -> Value,
        service: &Arc<S>,
        handle: fn(&S, &ApiRequest, Option<&Fault>) -> ApiResponse,
    ) -> Self {
        let service = Arc::clone(service);
        let handler: Handler = Arc::new(move |request, fault| handle(&service, request, fault));
        Self { path, family, summary, handler }
    }
}

impl ApiRequest {
    /// The first query parameter of that name, if it is not empty: WeChat treats an empty one as absent.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The header, if it is text and not empty.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
    }
}

impl ApiResponse {
    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !self.content_type.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        response
    }
}
