//! The path of a request: route, authorization, event, function, response.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
};
use bytes::Bytes;
use http::Response;
use lambda_http::Context;
use local_phone::Timeline;
use local_template::RouteAuth;
use shared::{host::Clock, types::error_chain};
use tokio::time::Instant;
use url::Url;

use super::{
    RouteTable,
    error::GatewayError,
    event,
    iam::{self, IamCaller},
    limits::MAX_PAYLOAD_BYTES,
    request::GatewayRequest,
    request_event, response,
    routes::RouteMatch,
};
use crate::clock::MovableClock;

/// The local API Gateway, shared by all requests.
pub(crate) struct Gateway {
    routes: RouteTable,
    clock: Arc<MovableClock>,
    port: u16,
    request_ids: RequestIds,
    timeline: Timeline,
}

/// The router in front of the functions, to be mounted at the root.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new().fallback(handle_request).with_state(gateway)
}

async fn handle_request(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    gateway.answer(request, source).await
}

impl Gateway {
    pub(crate) fn new(routes: RouteTable, clock: Arc<MovableClock>, port: u16, timeline: Timeline) -> Self {
        let request_ids = RequestIds::new(clock.now_millis(), port);
        Self { routes, clock, port, request_ids, timeline }
    }

    /// Answers a request, whoever it is from.
    pub(crate) async fn answer(&self, request: Request, source: SocketAddr) -> Response<Body> {
        let response = self.respond(request, source).await.unwrap_or_else(GatewayError::into_response);
        response.map(Body::from)
    }

    async fn respond(&self, request: Request, source: SocketAddr) -> Result<Response<Bytes>, GatewayError> {
        let route = self
            .routes
            .find(request.method().as_str(), request.uri().path())
            .ok_or(GatewayError::NotFound)?;
        let request = GatewayRequest::read(request, source.ip()).await?;
        let request_id = self.request_ids.next();
        let started = Instant::now();
        let called = self.call_route(&request, &route, &request_id).await;
        let response = called.unwrap_or_else(GatewayError::into_response);
        let event = request_event::build(&request, &route.endpoint, &request_id, &response);
        self.timeline.record(event.lasting(started.elapsed()));
        Ok(response)
    }

    async fn call_route(
        &self,
        request: &GatewayRequest,
        route: &RouteMatch,
        request_id: &str,
    ) -> Result<Response<Bytes>, GatewayError> {
        // API Gateway only serves its own host names, so a `Host` that is not a host name never reaches a function.
        if request.header("host").is_some_and(|host| Url::parse(&format!("http://{host}/")).is_err()) {
            return Err(GatewayError::BadRequest);
        }
        let caller = match route.endpoint.auth {
            RouteAuth::AwsIam => Some(iam::authorize(request, &self.clock)?),
            RouteAuth::None => None,
        };
        self.call_function(request, route, request_id, caller).await
    }

    async fn call_function(
        &self,
        request: &GatewayRequest,
        route: &RouteMatch,
        request_id: &str,
        caller: Option<IamCaller>,
    ) -> Result<Response<Bytes>, GatewayError> {
        let endpoint = &route.endpoint;
        let now_millis = self.clock.now_millis();
        let context = lambda_context(request_id, now_millis, endpoint.limit);
        let request_id = request_id.to_owned();
        let metadata = event::RequestMetadata { request_id, port: self.port, now_millis, caller };
        let event = event::build(request, route, &metadata).to_string();
        if event.len() > MAX_PAYLOAD_BYTES {
            return Err(GatewayError::TooLarge);
        }
        let result = endpoint.function.respond(event, context, endpoint.limit).await;
        let answer = result.map_err(|failure| {
            let (route, chain) = (&endpoint.route_key, error_chain(&failure));
            tracing::error!(
                route,
                request_id = metadata.request_id,
                error.chain = chain,
                "function call failed"
            );
            GatewayError::from(&failure)
        })?;
        response::from_function(answer).ok_or(GatewayError::Internal)
    }
}

fn lambda_context(request_id: &str, now_millis: u64, limit: Duration) -> Context {
    let mut context = Context::default();
    request_id.clone_into(&mut context.request_id);
    context.deadline = now_millis.saturating_add(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    context
}

/// Makes request ids that are unique on this machine, also across bundles.
struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    fn new(now_millis: u64, port: u16) -> Self {
        Self { prefix: format!("{now_millis:x}-{port:x}"), next: AtomicU64::new(1) }
    }

    fn next(&self) -> String {
        format!("{}-{}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed))
    }
}
