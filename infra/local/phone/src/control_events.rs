//! Records what the page, a script or a person does at `/_wechat/…`: phone APIs and controls.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::{event::Event, timeline::Timeline};

/// Middleware that records every request that changes something, with its answer.
pub async fn record_controls(State(timeline): State<Timeline>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    let started = Instant::now();
    let response = next.run(Request::from_parts(head, Body::from(body.clone()))).await;
    let duration = started.elapsed();
    let (head, answer) = response.into_parts();
    // The answer is a text in memory, so that this fails only if it is very large.
    let answer = to_bytes(answer, MAX_BYTES).await.unwrap_or_default();
    let event = match path.strip_prefix("/wx/") {
        Some(api) => phone_event(api, &body, head.status, answer.clone()),
        None => Event::new("control")
            .with("method", method.as_str())
            .with("path", format!("/_wechat{path}"))
            .with_body("body", body)
            .with("status", head.status.as_u16()),
    };
    timeline.record(event.lasting(duration));
    Response::from_parts(head, Body::from(answer))
}

fn phone_event(api: &str, body: &Bytes, status: StatusCode, answer: Bytes) -> Event {
    let mut arguments: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let openid = arguments.remove("openid");
    let arguments = Bytes::from(Value::Object(arguments).to_string());
    let event = Event::new("phone").with("api", api).with_some("openid", openid);
    event
        .with_body("arguments", arguments)
        .with_body(if status.is_success() { "result" } else { "error" }, answer)
}

/// The largest body: a picture of 10 MB in Base64 and what surrounds it.
const MAX_BYTES: usize = 16 * 1024 * 1024;
