//! The HTTP server in front of [`RequestHandler`].

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use tokio::net::TcpListener;

use super::connection::{ConnectionHandle, CuttableListener};
use super::request_handler::{RequestHandler, RequestOutcome};
use crate::request_target::{AwsService, RequestTarget};
use crate::response::AwsResponse;
use crate::sigv4::WireRequest;

/// Serves requests until `stop` resolves.
pub(crate) async fn serve(
    listener: TcpListener,
    handler: Arc<RequestHandler>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let app = Router::new().fallback(handle_request).with_state(handler);
    let app = app.into_make_service_with_connect_info::<ConnectionHandle>();
    // The result is always `Ok`, because axum retries a failed accept by itself.
    let _ = axum::serve(CuttableListener(listener), app).with_graceful_shutdown(stop).await;
}

async fn handle_request(
    State(handler): State<Arc<RequestHandler>>,
    ConnectInfo(connection): ConnectInfo<ConnectionHandle>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        let message = "The request is larger than 16 MB.";
        let response = AwsResponse::error(413, "RequestEntityTooLarge", message);
        return http_response(AwsService::DynamoDb, response);
    };
    // In a task of its own, so that an operation that has begun ends even if the client disconnects.
    match tokio::spawn(async move { handle_parts(&handler, &parts, &body).await }).await {
        Ok((service, RequestOutcome::Response(response))) => http_response(service, response),
        Ok((_, RequestOutcome::Disconnect)) | Err(_) => {
            connection.cut();
            Response::new(Body::empty())
        }
    }
}

async fn handle_parts(handler: &RequestHandler, parts: &Parts, body: &[u8]) -> (AwsService, RequestOutcome) {
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .and_then(RequestTarget::parse);
    let is_post = parts.method == http::Method::POST && parts.uri.path() == "/";
    let Some(target) = target.filter(|_| is_post) else {
        let code = "com.amazon.coral.service#UnknownOperationException";
        let response = AwsResponse::error(400, code, "No such operation");
        return (AwsService::DynamoDb, RequestOutcome::Response(response));
    };
    let request = WireRequest {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.headers,
        body,
    };
    (target.service, handler.handle_signed(target, &request).await)
}

fn http_response(service: AwsService, response: AwsResponse) -> Response {
    let AwsResponse { status, body } = response;
    let mut response = Response::new(Body::from(Bytes::clone(&body)));
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let request_id = format!("LOCAL{:08}", REQUESTS.fetch_add(1, Ordering::Relaxed));
    response.headers_mut().extend(HeaderValue::from_str(&request_id).map(|id| (REQUEST_ID, id)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(service.content_type()));
    response
}

static REQUESTS: AtomicU64 = AtomicU64::new(1);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
