//! The whole local world: any request through the gateway, the function, DynamoDB and the simulated WeChat, and what follows of it.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use local_dynamo::sigv4::{self, Signer, WireRequest};
use local_gateway::{Bundle, BundleOptions};
use local_wechat::NewUser;
use serde_json::{Value, json};
use shared::host::{Clock, SystemClock};
use tokio::runtime::{Builder, Runtime};

use crate::{
    exchange::{FuzzedRequest, FuzzedRoute, Names},
    reader::Reader,
};

/// Any request, of a user who is staff or of an operator, as the route is for. Events that follow from it are delivered.
pub(crate) fn answer() -> Reader {
    let mut world = None;
    let mut inputs = 0_u32;
    Box::new(move |input| {
        // What the local world has written and logged stays in memory, so there is a new one from time to time.
        if inputs.is_multiple_of(INPUTS_PER_WORLD) {
            world = Some(World::start());
        }
        inputs = inputs.wrapping_add(1);
        if let Some(world) = &world {
            world.runtime.block_on(world.local.answer(input));
        }
    })
}

struct World {
    runtime: Runtime,
    local: LocalWorld,
}

/// A running bundle with one user, who is staff and has placed an order.
struct LocalWorld {
    bundle: Bundle,
    http: reqwest::Client,
    routes: Vec<FuzzedRoute>,
    token: String,
    names: Names,
}

/// An answer: its status and its body.
struct Answer {
    status: u16,
    body: String,
}

impl World {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let local = runtime.block_on(LocalWorld::start());
        Self { runtime, local }
    }
}

impl LocalWorld {
    async fn start() -> Self {
        let options = BundleOptions { run_schedules: false, ..BundleOptions::default() };
        let bundle = Bundle::start(options).await.expect("the bundle starts");
        let http = local_wechat::http_client(Duration::from_secs(60)).expect("a client");
        let routes = FuzzedRoute::all(bundle.stack());
        let openid = bundle.wechat().expect("the simulated WeChat").create_user(NewUser::default()).openid;
        let names = Names {
            order_id: String::new(),
            out_trade_no: String::new(),
            user_id: String::new(),
            openid: openid.clone(),
        };
        let mut world = Self { bundle, http, routes, token: String::new(), names };
        let code = world.set_up("POST", "/_wechat/wx/login", &json!({ "openid": openid })).await;
        let login = world.set_up("POST", "/api/login", &json!({ "code": text(&code, "code") })).await;
        world.token = text(&login, "token");
        world.names.user_id = text(&login, "userId");
        let role = format!("/api/admin/users/{}/role", world.names.user_id);
        let _ = world.set_up("PUT", &role, &json!({ "role": "staff" })).await;
        let order = json!({ "productId": "water", "quantity": 1 });
        let order = world.set_up("POST", "/api/orders", &order).await;
        world.names.order_id = text(&order, "orderId");
        world.names.out_trade_no = text(&order, "outTradeNo");
        world
    }

    /// Sends a request that must succeed: the answer.
    async fn set_up(&self, method: &str, path: &str, body: &Value) -> Value {
        let method = method.parse().expect("a method");
        let is_operator = path.starts_with("/api/admin/");
        let answer =
            self.send(method, path, is_operator, HeaderMap::new(), body.to_string().into_bytes()).await;
        let Answer { status, body } = answer.expect("an answer");
        assert!(status < 300, "{path}: {status} {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Sends what the input says, and delivers the events that follow from it.
    async fn answer(&self, input: &[u8]) {
        let request = FuzzedRequest::read(&self.routes, &self.names, input);
        let route = request.route;
        let mut path = request.path();
        if !request.query.is_empty() {
            path = format!("{path}?{}", request.query);
        }
        let method: Method = route.method.parse().expect("a method");
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
                && !OF_THE_CONNECTION.contains(&name.as_str())
            {
                headers.insert(name, value);
            }
        }
        // A request that no client can send is no input.
        let Some(answer) =
            self.send(method.clone(), &path, route.is_for_operators, headers, request.body).await
        else {
            return;
        };
        let Answer { status, body } = answer;
        // 501 says that the stack has switched the feature off.
        assert!(status < 500 || status == 501, "{status} of {method} {path}: {body}");
        if status < 300 && method != Method::GET {
            self.deliver_events().await;
        }
    }

    async fn deliver_events(&self) {
        for task in ["order-events", "push-events"] {
            let reports = self.bundle.drain_stream(task).await.expect("the stream has an end");
            let failed = reports.iter().find(|report| report.get("errorType").is_some());
            assert!(failed.is_none(), "{task}: {failed:?}");
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        is_for_operators: bool,
        mut headers: HeaderMap,
        body: Vec<u8>,
    ) -> Option<Answer> {
        let base = self.bundle.base_url();
        let host = base.strip_prefix("http://").unwrap_or(&base);
        headers.insert("host", host.parse().ok()?);
        if !headers.contains_key("content-type") {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        if is_for_operators {
            let (path, query) =
                path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
            let request =
                WireRequest { method: method.as_str(), path, query, headers: &headers, body: &body };
            headers = sigv4::sign(&request, OPERATOR, SystemClock.now_millis() / 1000)?;
        } else if !headers.contains_key("authorization") {
            headers.insert("authorization", format!("Bearer {}", self.token).parse().ok()?);
        }
        let request = self.http.request(method, format!("{base}{path}")).headers(headers).body(body);
        let answer = self.http.execute(request.build().ok()?).await.expect("an answer");
        Some(Answer { status: answer.status().as_u16(), body: answer.text().await.expect("a body") })
    }
}

fn text(answer: &Value, name: &str) -> String {
    answer.get(name).and_then(Value::as_str).expect("a text").to_owned()
}

/// How many inputs a world serves.
const INPUTS_PER_WORLD: u32 = 5000;
/// Headers that are not the caller's to choose, because the client and the connection decide on them.
const OF_THE_CONNECTION: [&str; 7] =
    ["connection", "content-length", "expect", "host", "te", "transfer-encoding", "upgrade"];
/// The operator of the local gateway.
const OPERATOR: Signer<'static> = Signer {
    access_key_id: "local",
    secret_access_key: "local",
    region: "us-east-1",
    service: "execute-api",
};
