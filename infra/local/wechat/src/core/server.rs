//! The HTTP server for the back end, with the steps that every route shares.
//!
//! The server applies the faults of the transport (no answer, a gateway's page) around each handler, and writes the log.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Query, RawPathParams, Request};
use axum::response::Response;
use axum::routing::any;
use http::StatusCode;

use crate::core::context::Context;
use crate::core::exchange::{ApiRequest, ApiResponse, Route};
use crate::core::family::Family;
use crate::core::faults::Fault;
use crate::core::log::{CallKind, LoggedCall};
use crate::core::notices::NoticeSender;
use crate::core::tls::TlsPeer;

/// Called after every request that was answered.
pub(crate) type Observer = Arc<dyn Fn(Family, &ApiRequest, &ApiResponse) + Send + Sync>;

/// Serves the routes. The route `unknown` handles every other path.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) context: Arc<Context>,
    pub(crate) routes: Vec<Route>,
    pub(crate) unknown: Route,
    pub(crate) observer: Observer,
    pub(crate) notices: NoticeSender,
}

impl Server {
    pub(crate) fn router(&self) -> Router {
        let mut router = Router::new();
        for route in &self.routes {
            let (server, path, route) = (self.clone(), route.path, route.clone());
            router = router.route(path, any(move |request: Request| serve(server, route, request)));
        }
        let (server, unknown) = (self.clone(), self.unknown.clone());
        router.fallback(move |request: Request| serve(server, unknown, request))
    }
}

async fn serve(server: Server, route: Route, request: Request) -> Response {
    let context = &server.context;
    let request = read_request(request).await;
    let fault = context.faults().take_for(route.path, route.family);

    let mut call = LoggedCall {
        seq: 0,
        time: context.now(),
        kind: CallKind::Upstream,
        method: request.method.to_string(),
        path: request.path.clone(),
        request: (route.summary)(&request),
        status: None,
        outcome: "no answer".to_owned(),
        fault: fault.as_ref().map(|fault| fault.name().to_owned()),
        answer: None,
    };

    let response = match &fault {
        Some(Fault::TimeoutBefore { millis, .. }) => {
            context.log().push(call);
            return drop_connection(*millis).await;
        }
        Some(Fault::TimeoutAfter { millis, .. }) => {
            call.outcome = format!("{}, but no answer", (route.handler)(&request, None).outcome);
            context.log().push(call);
            return drop_connection(*millis).await;
        }
        Some(Fault::LateEffect { millis, .. }) => {
            let (context, millis) = (Arc::clone(context), *millis);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                call.outcome = format!("{}, but no answer", (route.handler)(&request, None).outcome);
                context.log().push(call);
            });
            return drop_connection(0).await;
        }
        Some(Fault::HttpStatus { status, .. }) => gateway_page(*status),
        Some(Fault::Body { body, .. }) => ApiResponse {
            status: StatusCode::OK,
            content_type: "text/plain",
            headers: Vec::new(),
            body: Bytes::from(body.clone()),
            outcome: "a body of the test's".to_owned(),
        },
        Some(Fault::Garbage { .. }) => gateway_page(200),
        Some(Fault::AnswerAfterNotices { .. }) => {
            let response = (route.handler)(&request, None);
            // A caller that can't be reached must not hold up its own request for ever.
            let _ = tokio::time::timeout(LATEST_ANSWER, server.notices.wait_until_idle()).await;
            response
        }
        _ => (route.handler)(&request, fault.as_ref()),
    };
    call.status = Some(response.status.as_u16());
    call.outcome.clone_from(&response.outcome);
    context.log().push(call);
    (server.observer)(route.family, &request, &response);
    response.into_response()
}

async fn read_request(request: Request) -> ApiRequest {
    let (mut head, body) = request.into_parts();
    let path_value = RawPathParams::from_request_parts(&mut head, &())
        .await
        .ok()
        .and_then(|values| values.iter().next().map(|(_, value)| value.to_owned()));
    let query = Query::try_from_uri(&head.uri).map(|Query(query)| query).unwrap_or_default();
    // A body above the limit counts as empty.
    let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    ApiRequest {
        method: head.method,
        path: head.uri.path().to_owned(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        path_value: path_value.unwrap_or_default(),
        query,
        headers: head.headers,
        body,
        peer: head.extensions.remove::<ConnectInfo<TlsPeer>>().map(|ConnectInfo(peer)| peer),
    }
}

/// Waits, then closes the connection. A body that fails before its first byte makes the server close the connection without
/// sending a status line.
async fn drop_connection(millis: u64) -> Response {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    let broken = io::Error::new(io::ErrorKind::ConnectionAborted, "the answer is lost");
    Response::new(Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(broken)])))
}

/// The page of a gateway in front of WeChat.
fn gateway_page(status: u16) -> ApiResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    ApiResponse {
        status,
        content_type: "text/html",
        headers: Vec::new(),
        body: format!(
            "<html>\r\n<head><title>{status}</title></head>\r\n<body><h1>{status}</h1></body>\r\n</html>\r\n"
        )
        .into(),
        outcome: "a page of HTML".to_owned(),
    }
}

/// How long an answer waits for notices at most, in real time: a client waits a little longer.
const LATEST_ANSWER: Duration = Duration::from_secs(4);

/// The largest body in bytes: a picture of 10 MB and what surrounds it.
const BODY_LIMIT: usize = 11 * 1024 * 1024;
