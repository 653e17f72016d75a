//! Calls an operator's route for a page, which has no key: the request is signed here and goes through the whole gateway.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{
    Json,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode,
    header::{CONTENT_TYPE, HOST},
};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::host::Clock;

use super::{Controls, refuse};
use crate::http::sign_as_operator;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorCall {
    method: String,
    /// The path with its query.
    path: String,
    body: Option<Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

pub(super) async fn call(
    State(controls): State<Arc<Controls>>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call: OperatorCall = match serde_json::from_slice(&body) {
        Ok(call) => call,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    // A path that the gateway would read as another one must not get an operator's signature.
    if !call.path.starts_with("/api/admin/") || call.path.contains("..") {
        return refuse(StatusCode::BAD_REQUEST, "path is one of /api/admin/…");
    }
    let host = headers.get(HOST).cloned().unwrap_or_else(|| HeaderValue::from_static("127.0.0.1"));
    let request = signed_request(&call, host, controls.clock.now_millis() / 1000);
    let Some(request) = request else {
        return refuse(StatusCode::BAD_REQUEST, "method, path or headers are malformed");
    };
    answer(controls.gateway.answer(request, source).await).await
}

/// The request with an operator's signature; `None` if a part of it is malformed.
fn signed_request(call: &OperatorCall, host: HeaderValue, now: u64) -> Option<Request<Body>> {
    let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
    let mut request = Request::builder().method(call.method.as_str()).uri(&call.path).body(()).ok()?;
    let headers = request.headers_mut();
    for (name, value) in &call.headers {
        headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    headers.insert(HOST, host);
    if call.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    *request.headers_mut() = sign_as_operator(&request, body.as_bytes(), now)?;
    Some(request.map(|()| Body::from(body)))
}

async fn answer(response: Response) -> Response {
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| match str::from_utf8(&body) {
        Ok(text) => Value::from(text),
        Err(_) => json!({ "base64": STANDARD.encode(&body) }),
    });
    Json(json!({ "status": head.status.as_u16(), "body": body })).into_response()
}
