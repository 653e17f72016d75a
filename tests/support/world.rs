//! The running bundle.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use local_dynamo::{Dynamo, OPERATOR, ServiceCall};
use local_gateway::{Bundle, BundleOptions, Config};
use local_wechat::Simulator;
use serde_json::{Value, json};
use shared::host::{Clock, Host, SystemRandomness};

use crate::{
    Effects, Phone, Response, TestClock, WeChatPay, WorldBuilder,
    api::{ApiDescription, Exchange, usage},
    leaks,
    log::CapturedLog,
    operator::{self, SigningClient},
};

/// How many requests functions made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    /// To DynamoDB; those to Secrets Manager and S3 are not counted.
    pub dynamodb: usize,
    /// To WeChat and WeChat Pay.
    pub wechat: usize,
}

/// The running bundle, and ways to use it and to look at it.
pub struct World {
    /// The one clock of functions, WeChat and gateway.
    pub clock: TestClock,
    bundle: Bundle,
    http: reqwest::Client,
    log: CapturedLog,
    responses: Mutex<Vec<Response>>,
}

impl World {
    /// The usual world, when the builder is awaited.
    pub fn start() -> WorldBuilder {
        WorldBuilder::default()
    }

    pub(crate) async fn launch(builder: WorldBuilder) -> Self {
        let log = CapturedLog::start();
        let clock = TestClock::start();
        let config = Config::parse(&builder.config, Path::new(".")).expect("a configuration");
        let options = BundleOptions {
            listen: BundleOptions::default().listen,
            data: None,
            config,
            parameters: builder.parameters.into_iter().collect(),
            clock: Arc::new(clock.clone()),
            // 15 seconds between the first deliveries of a notice become 15 milliseconds.
            notify_speed: 1000,
            // A test about these events switches them on, because others count calls and deliveries.
            push_subscribe_events: false,
            // A test about shipping switches it on, because every payment that is not shipped causes pushes.
            trade_managed: builder.trade_managed,
            throughput_scale: builder.throughput_scale,
            run_schedules: false,
        };
        let bundle = Bundle::start(options).await.expect("the bundle starts");
        let http = local_wechat::http_client(Duration::from_secs(8)).expect("a client");
        Self { clock, bundle, http, log, responses: Mutex::default() }
    }

    /// Where the API is.
    #[must_use]
    pub fn url(&self) -> String {
        self.bundle.base_url()
    }

    /// The running bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The simulated WeChat.
    #[must_use]
    pub fn wechat(&self) -> &Simulator {
        self.bundle.wechat().expect("the simulated WeChat is used")
    }

    /// The local DynamoDB.
    #[must_use]
    pub fn dynamo(&self) -> &Dynamo {
        self.bundle.dynamo()
    }

    /// The HTTP client of this world.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Everything logged so far, a JSON object a line.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Every response of our API so far.
    #[must_use]
    pub fn responses(&self) -> Vec<Response> {
        self.responses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests our API has answered so far.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.responses.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A new user with a phone, not logged in.
    #[must_use]
    pub fn stranger(&self) -> Phone<'_> {
        self.person(None)
    }

    /// A new user, not logged in; WeChat answers this unionid to a login.
    #[must_use]
    pub fn person(&self, unionid: Option<&str>) -> Phone<'_> {
        let unionid = unionid.map(str::to_owned);
        let user = self.wechat().create_user(local_wechat::NewUser { unionid, ..Default::default() });
        Phone::new(self, user.openid)
    }

    /// The phone of a user that the simulated WeChat has, not logged in.
    #[must_use]
    pub fn phone(&self, openid: &str) -> Phone<'_> {
        Phone::new(self, openid.to_owned())
    }

    /// A new user, logged in.
    pub async fn user(&self) -> Phone<'_> {
        let mut phone = self.stranger();
        phone.log_in().await;
        phone
    }

    /// A request to our API.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.http.request(method, format!("{}{path}", self.url()))
    }

    /// Sends a request, and keeps the response for the search for leaks. Fails the test if the description of the API does not allow
    /// this exchange.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Response {
        let sent = request.try_clone().expect("a body that is no stream").build().expect("a request");
        let response =
            Response::read(request.timeout(Duration::from_secs(60)).send().await.expect("an answer")).await;
        check_exchange(&sent, &response);
        self.responses.lock().unwrap_or_else(PoisonError::into_inner).push(response.clone());
        response
    }

    /// A `POST` of JSON without a token.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(self.request("POST", path).json(body)).await
    }

    /// A request of a developer at `/_wechat/{path}`: of the timeline, the clock or the simulator's controls.
    pub async fn control(&self, method: &str, path: &str, body: &Value) -> Response {
        let request = self.request(method, &format!("/_wechat/{path}")).json(body);
        // Moving the clock runs every schedule.
        let request = request.timeout(Duration::from_secs(60));
        Response::read(request.send().await.expect("an answer")).await
    }

    /// A request of an operator, signed with IAM.
    pub async fn operator(&self, method: &str, path: &str, body: &Value) -> Response {
        let body = serde_json::to_vec(body).expect("JSON");
        let headers = operator::sign(SigningClient::Sdk, &self.url(), method, path, &body, self.now());
        self.send(self.request(method, path).headers(headers).body(body)).await
    }

    /// A request of an operator with a body of bytes, such as a picture.
    pub async fn operator_with_bytes(&self, method: &str, path: &str, body: &[u8]) -> Response {
        let headers = operator::sign_bytes(&self.url(), method, path, body, self.now());
        self.send(self.request(method, path).headers(headers).body(body.to_vec())).await
    }

    /// A request of an operator, signed as the curl of Debian 12 signs it.
    pub async fn operator_with_curl(&self, method: &str, path: &str, body: &Value) -> Response {
        let body = serde_json::to_vec(body).expect("JSON");
        let headers = operator::sign(SigningClient::Curl, &self.url(), method, path, &body, self.now());
        self.send(self.request(method, path).headers(headers).body(body)).await
    }

    /// A request of an operator with an `Idempotency-Key`.
    pub async fn operator_once(&self, method: &str, path: &str, body: &Value, key: &str) -> Response {
        let body = serde_json::to_vec(body).expect("JSON");
        let headers = operator::sign(SigningClient::Sdk, &self.url(), method, path, &body, self.now());
        let request = self.request(method, path).headers(headers).header("Idempotency-Key", key);
        self.send(request.body(body)).await
    }

    /// Asks for a refund as an operator, which must succeed; notices that follow from it have arrived.
    pub async fn request_refund(&self, body: &Value, key: &str) -> Response {
        self.try_request_refund(body, key).await.ok()
    }

    /// Asks for a refund as an operator; notices that follow from it have arrived.
    pub async fn try_request_refund(&self, body: &Value, key: &str) -> Response {
        let response = self.operator_once("POST", "/api/admin/refunds", body, key).await;
        self.wechat().wait_for_notices().await;
        response
    }

    /// The notices that WeChat Pay could send.
    #[must_use]
    pub fn wechat_pay(&self) -> WeChatPay<'_> {
        WeChatPay::new(self)
    }

    /// How many requests functions have sent to this path of WeChat.
    #[must_use]
    pub fn calls_to(&self, path: &str) -> usize {
        self.wechat().upstream_calls().iter().filter(|call| call.path == path).count()
    }

    /// Lets the stream deliver every event that it has: the reports of `order-events`.
    pub async fn deliver_events(&self) -> Vec<Value> {
        self.bundle.drain_stream("order-events").await.expect("the stream is delivered")
    }

    /// What followed from the orders so far.
    pub async fn effects(&self) -> Effects {
        Effects::read(self).await
    }

    /// Runs `order-sweep` once, and lets the workers end that it has started: the sum of all reports.
    pub async fn sweep(&self) -> Value {
        let report = self.bundle.run_task("order-sweep").await.expect("the sweep runs");
        let reports = self.bundle.wait_for_invocations("order-sweep").await.expect("the workers run");
        reports.into_iter().fold(report, |mut sum, report| {
            for (name, count) in report.as_object().expect("a report") {
                let count = count.as_u64().expect("a count");
                sum[name] = json!(sum[name].as_u64().expect("a count") + count);
            }
            sum
        })
    }

    /// All items of the table with this logical id. A page of a scan holds a megabyte, so that several may be read.
    pub async fn items(&self, logical_id: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut scan = json!({ "TableName": self.table(logical_id) });
        loop {
            let mut page = self.dynamo().call_as_operator("Scan", scan.clone()).await.expect("a scan");
            items.extend(page["Items"].as_array_mut().into_iter().flat_map(std::mem::take));
            match page["LastEvaluatedKey"].take() {
                Value::Null => return items,
                last => scan["ExclusiveStartKey"] = last,
            }
        }
    }

    /// The keys and contents of all uploads, by key.
    #[must_use]
    pub fn uploads(&self) -> Vec<(String, Vec<u8>)> {
        let bucket = self.bundle.stack().bucket("UploadsBucket").expect("a bucket");
        let objects = self.bundle.s3().objects(&bucket.name);
        objects.into_iter().map(|object| (object.key, object.bytes)).collect()
    }

    /// A host with the settings of the function in this folder and the permissions of an operator.
    #[must_use]
    pub fn operator_host(&self, folder: &str) -> Host {
        let host = self.bundle.host(folder).expect("a function");
        let functions = &self.bundle.stack().functions;
        let function = functions.iter().find(|function| function.folder == folder).expect("a function");
        let of_lambda = ["REGION", "ENDPOINT_URL_DYNAMODB", "ENDPOINT_URL_LAMBDA", "ENDPOINT_URL_S3"];
        let of_lambda = of_lambda.iter().map(|name| format!("AWS_{name}"));
        let more = ["AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned()];
        let names = function.environment.keys().cloned().chain(of_lambda).chain(more);
        let mut environment: BTreeMap<String, String> = names
            .filter_map(|name| {
                let value = host.optional_var(&name)?.to_owned();
                Some((name, value))
            })
            .collect();
        environment.insert("AWS_ACCESS_KEY_ID".to_owned(), OPERATOR.to_owned());
        environment.insert("AWS_SECRET_ACCESS_KEY".to_owned(), self.dynamo().secret_access_key(OPERATOR));
        Host::new(environment, Arc::new(self.clock.clone()), Arc::new(SystemRandomness), Vec::new())
    }

    /// The name of the table with this logical id.
    #[must_use]
    pub fn table(&self, logical_id: &str) -> String {
        self.bundle.stack().table(logical_id).expect("the table").name.clone()
    }

    /// How many requests the functions made during `work`.
    pub async fn count_requests<T>(&self, work: impl Future<Output = T>) -> (T, Requests) {
        let (value, calls, wechat) = self.record_calls(work).await;
        (value, Requests { dynamodb: calls.len(), wechat })
    }

    /// The functions' requests to DynamoDB during `work`, and how many they sent to WeChat.
    pub async fn record_calls<T>(&self, work: impl Future<Output = T>) -> (T, Vec<ServiceCall>, usize) {
        drop(self.dynamo().take_calls());
        let before = self.wechat().upstream_calls().len();
        let value = work.await;
        let mut calls = self.dynamo().take_calls();
        calls.retain(|call| call.caller != "operator");
        calls.retain(|call| !["GetSecretValue", "PutEvents"].contains(&call.operation.as_str()));
        // The local S3 has its decisions in the same log.
        calls.retain(|call| call.permissions.iter().all(|needed| !needed.action.starts_with("s3:")));
        (value, calls, self.wechat().upstream_calls().len() - before)
    }

    /// Writes an item into the table with this logical id, as it is.
    pub async fn put_item(&self, logical_id: &str, item: Value) {
        let put = json!({ "TableName": self.table(logical_id), "Item": item });
        self.dynamo().call_as_operator("PutItem", put).await.expect("a put");
    }

    /// Writes items into the table with this logical id, as they are, 25 in a request.
    pub async fn put_items(&self, logical_id: &str, items: &[Value]) {
        for items in items.chunks(25) {
            let puts: Vec<Value> =
                items.iter().map(|item| json!({ "PutRequest": { "Item": item } })).collect();
            let request = json!({ "RequestItems": { self.table(logical_id): puts } });
            self.dynamo().call_as_operator("BatchWriteItem", request).await.expect("the puts");
        }
    }

    /// The time of the world, in Unix seconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.now_millis() / 1000
    }
}

/// Compares an exchange with the description of the API, and records what of the description it uses.
fn check_exchange(sent: &reqwest::Request, response: &Response) {
    let exchange = Exchange {
        method: sent.method().as_str(),
        path: sent.url().path(),
        query: sent.url().query().unwrap_or_default(),
        headers: sent.headers(),
        body: sent.body().and_then(reqwest::Body::as_bytes).unwrap_or_default(),
        response,
    };
    if !exchange.path.starts_with("/api/") {
        return;
    }
    let description = ApiDescription::shared();
    let problems = description.problems(&exchange);
    assert!(problems.is_empty(), "docs/openapi.yaml does not allow it:\n{}", problems.join("\n"));
    usage::record(description, &exchange);
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            leaks::search(self);
        }
    }
}
