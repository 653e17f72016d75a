//! The timeline's event of a request.

use bytes::Bytes;
use http::{HeaderMap, Response, header::CONTENT_TYPE};
use local_phone::Event;
use local_template::RouteAuth;
use serde_json::{Map, Value};

use super::{request::GatewayRequest, routes::Endpoint};

/// The event of a request that matched a route, with its answer.
pub(super) fn build(
    request: &GatewayRequest,
    endpoint: &Endpoint,
    request_id: &str,
    response: &Response<Bytes>,
) -> Event {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Event::new("request")
        .with("requestId", request_id)
        .with("method", request.method())
        .with("path", request.path())
        .with_some("query", request.query())
        .with("route", endpoint.route_key.as_str())
        .with("function", endpoint.function.folder())
        .with("caller", caller(request, endpoint))
        .with("requestHeaders", headers(&request.head.headers))
        .with_body("requestBody", request.body.clone())
        .with("status", response.status().as_u16())
        .with_some("code", code(response))
        .with_body("responseBody", response.body().clone())
        .with_some("contentType", content_type)
}

/// As whom the request came, whether or not it was let in.
fn caller(request: &GatewayRequest, endpoint: &Endpoint) -> &'static str {
    match (endpoint.auth, request.header("authorization")) {
        (_, None) => "anybody",
        (RouteAuth::AwsIam, Some(_)) => "operator",
        (RouteAuth::None, Some(header)) if header.starts_with("Bearer ") => "user",
        (RouteAuth::None, Some(_)) => "anybody",
    }
}

fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let text = |name: &str| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.collect::<Vec<_>>().join(", ")
    };
    headers.keys().map(|name| (name.as_str().to_owned(), text(name.as_str()).into())).collect()
}

/// The error code of a failure.
fn code(response: &Response<Bytes>) -> Option<String> {
    if response.status().as_u16() < 400 {
        return None;
    }
    let body: Value = serde_json::from_slice(response.body()).ok()?;
    Some(body.get("code")?.as_str()?.to_owned())
}
