//! A bundle of three test functions, and an HTTP client.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lambda_http::{Body, Request, RequestExt, Response, request::RequestContext};
use local_template::Template;
use serde_json::{Value, json};
use shared::{
    api::{ApiError, request},
    crypto,
    host::{Host, HostError, SystemClock, SystemRandomness},
    runtime::{Function, Task},
    types::BoxError,
};

use crate::{Bundle, BundleOptions, Config, function::RegisteredFunction};

/// Echoes the request, with the id of the instance.
pub(crate) struct Echo {
    instance: String,
    environment: Value,
}

impl Function for Echo {
    const NAME: &'static str = "echo";

    async fn init(host: &Host) -> Result<Self, HostError> {
        let instance = crypto::hex(&host.random::<8>()?);
        let environment = json!({
            "PUBLIC_BASE_URL": host.var("PUBLIC_BASE_URL")?,
            "AWS_ACCESS_KEY_ID": host.var("AWS_ACCESS_KEY_ID")?,
            "PATH": host.optional_var("PATH"),
        });
        Ok(Self { instance, environment })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request.uri().path() {
            "/panic" => panic!("on purpose"),
            "/slow" => tokio::time::sleep(Duration::from_secs(60)).await,
            "/picture" => {
                let picture = Body::Binary(vec![0xff, 0xd8, 0xff]);
                let response = Response::builder().header("content-type", "image/jpeg");
                return Ok(response.header("set-cookie", "a=1").body(picture).unwrap());
            }
            _ => {}
        }
        let iam = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                let caller = context.authorizer.as_ref().and_then(|authorizer| authorizer.iam.clone());
                caller.and_then(|caller| caller.user_arn)
            }
            _ => None,
        };
        let parameters = request.path_parameters_ref();
        let parameters: BTreeMap<&str, &str> = parameters.iter().flat_map(|all| all.iter()).collect();
        let echoed = json!({
            "route": request::route(&request),
            "path": parameters,
            "query": request::query(&request, "q"),
            "body": String::from_utf8_lossy(request::bytes(&request)),
            "sourceIp": request::source_ip(&request),
            "iam": iam,
            "instance": self.instance,
            "environment": self.environment,
        });
        Ok(Response::new(Body::Text(echoed.to_string())))
    }
}

/// Fails to start the first time.
pub(crate) struct Flaky;

static HAS_FAILED: AtomicBool = AtomicBool::new(false);

impl Function for Flaky {
    const NAME: &'static str = "flaky";

    async fn init(_: &Host) -> Result<Self, HostError> {
        if HAS_FAILED.swap(true, Ordering::SeqCst) { Ok(Self) } else { Err(HostError::Missing("LUCK")) }
    }

    async fn handle(&self, _: Request) -> Result<Response<Body>, ApiError> {
        Ok(Response::new(Body::Text("up".to_owned())))
    }
}

/// Reports its event.
pub(crate) struct Tick;

impl Task for Tick {
    const NAME: &'static str = "tick";
    type Event = Value;
    type Report = Value;

    async fn init(_: &Host) -> Result<Self, HostError> {
        Ok(Self)
    }

    async fn run(&self, event: Value) -> Result<Value, BoxError> {
        Ok(json!({"source": event["source"]}))
    }
}

pub(crate) const REGISTRY: [RegisteredFunction; 3] = [
    RegisteredFunction::function::<Echo>(),
    RegisteredFunction::function::<Flaky>(),
    RegisteredFunction::task::<Tick>(),
];

pub(crate) fn template() -> Template {
    Template::parse(include_str!("shop.yaml")).unwrap()
}

pub(crate) async fn start() -> Bundle {
    start_with(Config::default()).await
}

pub(crate) async fn start_with(config: Config) -> Bundle {
    Bundle::deploy(BundleOptions { config, ..BundleOptions::default() }, &template(), &REGISTRY)
        .await
        .unwrap()
}

pub(crate) async fn start_quietly(
    template: &str,
    registry: &[RegisteredFunction],
    run_schedules: bool,
) -> Bundle {
    let options = BundleOptions { run_schedules, ..BundleOptions::default() };
    Bundle::deploy(options, &Template::parse(template).unwrap(), registry).await.unwrap()
}

pub(crate) fn client() -> reqwest::Client {
    local_wechat::http_client(Duration::from_secs(8)).unwrap()
}

pub(crate) fn host() -> Host {
    Host::new(BTreeMap::new(), Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new())
}

/// The answer as JSON.
pub(crate) async fn json(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}
