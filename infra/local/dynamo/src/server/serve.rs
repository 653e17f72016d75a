//! HTTP in front of [`World`].

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

use super::line::{Line, Lines};
use super::world::{Reply, World};
use crate::answer::Answer;
use crate::sigv4::Received;
use crate::target::{Service, Target};

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    world: Arc<World>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let app = Router::new().fallback(handle).with_state(world);
    let app = app.into_make_service_with_connect_info::<Line>();
    // Ends with `stop`; accepting retries by itself.
    let _ = axum::serve(Lines(listener), app).with_graceful_shutdown(stop).await;
}

async fn handle(
    State(world): State<Arc<World>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        let answer = Answer::error(413, "RequestEntityTooLarge", "The request is larger than 16 MB.");
        return response(Service::DynamoDb, answer);
    };
    // In a task of its own: what has begun ends, even if the client goes away.
    match tokio::spawn(async move { answer(&world, &parts, &body).await }).await {
        Ok((service, Reply::Answer(answer))) => response(service, answer),
        Ok((_, Reply::Nothing)) | Err(_) => {
            line.cut();
            Response::new(Body::empty())
        }
    }
}

async fn answer(world: &World, parts: &Parts, body: &[u8]) -> (Service, Reply) {
    let target =
        parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).and_then(Target::parse);
    let is_post = parts.method == http::Method::POST && parts.uri.path() == "/";
    let Some(target) = target.filter(|_| is_post) else {
        let code = "com.amazon.coral.service#UnknownOperationException";
        return (Service::DynamoDb, Reply::Answer(Answer::error(400, code, "No such operation")));
    };
    let received = Received {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.headers,
        body,
    };
    (target.service, world.receive(target, &received).await)
}

fn response(service: Service, answer: Answer) -> Response {
    let Answer { status, body } = answer;
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
const LARGEST_BODY: usize = 16 * 1024 * 1024;
