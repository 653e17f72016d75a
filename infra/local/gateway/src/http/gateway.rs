//! What happens to a request: route, authorization, event, function, answer.

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
use http::Response;
use lambda_http::Context;
use local_template::RouteAuth;
use shared::{host::Clock, types::error_chain};
use url::Url;

use super::{
    Routes, event,
    iam::{self, Caller},
    incoming::Incoming,
    refusal::Refusal,
    reply,
    routes::Matched,
};

/// What requests share.
pub(crate) struct Gateway {
    routes: Routes,
    clock: Arc<dyn Clock>,
    port: u16,
    request_ids: RequestIds,
}

/// The service in front of the functions, to be mounted at the root.
pub(crate) fn router(gateway: Gateway) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(gateway))
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    gateway.answer(request, source).await.unwrap_or_else(Refusal::into_response)
}

impl Gateway {
    pub(crate) fn new(routes: Routes, clock: Arc<dyn Clock>, port: u16) -> Self {
        let request_ids = RequestIds::new(clock.now_millis(), port);
        Self { routes, clock, port, request_ids }
    }

    async fn answer(&self, request: Request, source: SocketAddr) -> Result<Response<Body>, Refusal> {
        let matched =
            self.routes.find(request.method().as_str(), request.uri().path()).ok_or(Refusal::NotFound)?;
        let incoming = Incoming::read(request, source.ip()).await?;
        // API Gateway serves the host names that it knows; what is none would not reach a function.
        if incoming.header("host").is_some_and(|host| Url::parse(&format!("http://{host}/")).is_err()) {
            return Err(Refusal::BadRequest);
        }
        let caller = match matched.endpoint.auth {
            RouteAuth::AwsIam => Some(iam::authorize(&incoming, self.clock.now_millis())?),
            RouteAuth::None => None,
        };
        self.call(&incoming, &matched, caller).await
    }

    async fn call(
        &self,
        incoming: &Incoming,
        matched: &Matched,
        caller: Option<Caller>,
    ) -> Result<Response<Body>, Refusal> {
        let endpoint = &matched.endpoint;
        let now_millis = self.clock.now_millis();
        let request_id = self.request_ids.next();
        let context = context(&request_id, now_millis, endpoint.limit);
        let stamp = event::Stamp { request_id, port: self.port, now_millis, caller };
        let event = event::build(incoming, matched, &stamp).to_string();
        if event.len() > LARGEST_PAYLOAD {
            return Err(Refusal::TooLarge);
        }
        let answer = endpoint.function.answer(event, context, endpoint.limit).await;
        let answer = answer.map_err(|failure| {
            let (route, chain) = (&endpoint.route_key, error_chain(&failure));
            tracing::error!(route, request_id = stamp.request_id, error.chain = chain, "no answer");
            Refusal::from(&failure)
        })?;
        reply::response(answer).ok_or(Refusal::Internal)
    }
}

fn context(request_id: &str, now_millis: u64, limit: Duration) -> Context {
    let mut context = Context::default();
    request_id.clone_into(&mut context.request_id);
    context.deadline = now_millis.saturating_add(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    context
}

/// Ids that no other request has, not even one of another bundle on this machine.
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

/// Lambda takes and gives 6 MB; Base64 counts.
pub(super) const LARGEST_PAYLOAD: usize = 6 * 1024 * 1024;
