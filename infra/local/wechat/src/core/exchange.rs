//! A request of the back end, the response, and the route from one to the other.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::core::family::Family;
use crate::core::faults::Fault;
use crate::core::tls::TlsPeer;

/// A request of the back end, read completely.
#[derive(Debug, Default)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Path and query, byte for byte as sent: Pay v3 signs them.
    pub(crate) target: String,
    /// The decoded value of the placeholder `{…}` in the route's path.
    pub(crate) path_value: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The client of a TLS connection; `None` on a plain connection.
    pub(crate) peer: Option<TlsPeer>,
}

/// A response to the back end, and its outcome for the log.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: StatusCode,
    /// The header `Content-Type`; none is sent if this is empty.
    pub(crate) content_type: &'static str,
    /// All other headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) outcome: String,
}

/// Handles a request. The fault that was set for this request, if any, changes the response.
pub(crate) type Handler = Arc<dyn Fn(&ApiRequest, Option<&Fault>) -> ApiResponse + Send + Sync>;

/// A path of WeChat's server API with its handler.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) family: Family,
    /// Returns the request's fields for the log, which masks secrets.
    pub(crate) summary: fn(&ApiRequest) -> Value,
    pub(crate) handler: Handler,
}

impl Route {
    /// A route whose requests a function of the service handles.
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
    /// The first query parameter with this name; `None` if it is empty, because WeChat treats an empty parameter as absent.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The header with this name; `None` if it is empty or no text.
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
