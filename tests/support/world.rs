//! The bundle, running.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use local_dynamo::{Dynamo, ServiceCall};
use local_gateway::{Bundle, Config, Options};
use local_wechat::{SignedNotice, Simulator};
use serde_json::{Value, json};
use shared::host::{Clock, Host, SystemRandomness};

use crate::{
    Answer, Phone, TestClock, leaks,
    log::Log,
    operator::{self, Tool},
};

/// How a world differs from the usual one.
#[derive(Default)]
pub struct Setup {
    /// The configuration file's contents.
    pub config: String,
    /// Parameters of the template, by name.
    pub parameters: Vec<(&'static str, &'static str)>,
}

/// The bundle, running, and what is needed to look at it from all sides.
pub struct World {
    /// The one clock of functions, WeChat and gateway.
    pub clock: TestClock,
    bundle: Bundle,
    http: reqwest::Client,
    log: Log,
    answers: Mutex<Vec<Answer>>,
}

impl World {
    /// The usual world.
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// A world with this configuration file.
    pub async fn configured(config: &str) -> Self {
        Self::with(Setup { config: config.to_owned(), ..Setup::default() }).await
    }

    /// A world that differs.
    pub async fn with(setup: Setup) -> Self {
        let log = Log::catch();
        let clock = TestClock::start();
        let config = Config::parse(&setup.config, Path::new(".")).expect("a configuration");
        let parameters = setup.parameters.into_iter();
        let options = Options {
            port: 0,
            data: None,
            config,
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            clock: Arc::new(clock.clone()),
            // 15 seconds between the first deliveries of a notice become 15 milliseconds.
            notify_speed: 1000,
            run_schedules: false,
        };
        let bundle = Bundle::start(options).await.expect("the bundle starts");
        // The functions' own kind of client.
        let host =
            Host::new(BTreeMap::new(), Arc::new(clock.clone()), Arc::new(SystemRandomness), Vec::new());
        let http = host.http().expect("a client");
        Self { clock, bundle, http, log, answers: Mutex::default() }
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

    /// The client that everything here is sent with.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Everything logged so far, a JSON object a line.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Every answer of our API so far.
    #[must_use]
    pub fn answers(&self) -> Vec<Answer> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new user with a phone, not logged in.
    #[must_use]
    pub fn stranger(&self) -> Phone<'_> {
        self.person(None)
    }

    /// A new user of whom WeChat tells a unionid, not logged in.
    #[must_use]
    pub fn person(&self, unionid: Option<&str>) -> Phone<'_> {
        let unionid = unionid.map(str::to_owned);
        let user = self.wechat().create_user(local_wechat::NewUser { unionid, ..Default::default() });
        Phone::new(self, user.openid)
    }

    /// The phone of a user that WeChat knows, not logged in.
    #[must_use]
    pub fn phone(&self, openid: &str) -> Phone<'_> {
        Phone::new(self, openid.to_owned())
    }

    /// A new user, logged in.
    pub async fn user(&self) -> Phone<'_> {
        let mut phone = self.stranger();
        let _ = phone.log_in().await;
        phone
    }

    /// A request to our API.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.http.request(method, format!("{}{path}", self.url()))
    }

    /// Sends it, and keeps the answer for the search for leaks.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer =
            Answer::read(request.timeout(Duration::from_secs(60)).send().await.expect("an answer")).await;
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer.clone());
        answer
    }

    /// A `POST` of JSON without a token.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request("POST", path).json(body)).await
    }

    /// A request of an operator, signed with IAM.
    pub async fn operator(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = serde_json::to_vec(body).expect("JSON");
        let headers = operator::sign(Tool::Sdk, &self.url(), method, path, &body, self.now());
        self.send(self.request(method, path).headers(headers).body(body)).await
    }

    /// The same, signed as the curl of Debian 12 signs it.
    pub async fn operator_with_curl(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = serde_json::to_vec(body).expect("JSON");
        let headers = operator::sign(Tool::Curl, &self.url(), method, path, &body, self.now());
        self.send(self.request(method, path).headers(headers).body(body)).await
    }

    /// The same with an `Idempotency-Key`.
    pub async fn operator_once(&self, method: &str, path: &str, body: &Value, key: &str) -> Answer {
        let body = serde_json::to_vec(body).expect("JSON");
        let headers = operator::sign(Tool::Sdk, &self.url(), method, path, &body, self.now());
        let request = self.request(method, path).headers(headers).header("Idempotency-Key", key);
        self.send(request.body(body)).await
    }

    /// A notice of a refund as WeChat Pay would send it.
    pub async fn refund_notify(&self, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request("POST", "/api/pay/refund-notify").header("content-type", "text/xml");
        self.send(request.body(body)).await
    }

    /// A genuine notice of APIv3, whatever it says, signed now.
    pub async fn notify_v3(&self, path: &str, event_type: &str, resource: Value) -> Answer {
        let notice = self.wechat().sign_notice_v3(event_type, resource, self.now());
        self.send_signed(path, &notice).await
    }

    /// Sends a notice of APIv3 as it was signed.
    pub async fn send_signed(&self, path: &str, notice: &SignedNotice) -> Answer {
        let mut request = self.request("POST", path).header("content-type", "application/json");
        for (name, value) in &notice.headers {
            request = request.header(name, value);
        }
        self.send(request.body(notice.body.clone())).await
    }

    /// A notice of payment as WeChat Pay would send it: signed, whatever it says.
    pub async fn notify(&self, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request("POST", "/api/pay/notify").header("content-type", "text/xml");
        self.send(request.body(body)).await
    }

    /// The fields of a genuine notice that the attempt was paid; tests change what they are about.
    #[must_use]
    pub fn notice(
        &self,
        out_trade_no: &str,
        transaction_id: &str,
        openid: &str,
        total_fee: u64,
    ) -> BTreeMap<String, String> {
        let account = self.wechat().account();
        [
            ("return_code", "SUCCESS"),
            ("result_code", "SUCCESS"),
            ("appid", &account.app_id),
            ("mch_id", &account.mch_id),
            ("nonce_str", "c4210e95fc37659eb02793a338996fbb"),
            ("out_trade_no", out_trade_no),
            ("transaction_id", transaction_id),
            ("openid", openid),
            ("total_fee", &total_fee.to_string()),
            ("cash_fee", &total_fee.to_string()),
            ("fee_type", "CNY"),
            ("bank_type", "OTHERS"),
            ("trade_type", "JSAPI"),
            ("time_end", "20261121120000"),
            ("attach", ""),
            ("future_field", "新字段"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// A genuine notice, altered by `changes` and signed as the shop is configured.
    #[must_use]
    pub fn signed_notice(&self, mut fields: BTreeMap<String, String>, changes: &[(&str, &str)]) -> String {
        fields.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.wechat().sign_notice(fields, local_wechat::SignType::HmacSha256)
    }

    /// Runs the sweep of unpaid orders once: its report.
    pub async fn sweep(&self) -> Value {
        self.bundle.run_task("order-sweep").await.expect("the sweep runs")
    }

    /// The items of the table with this logical id: of all pages, of which each holds a megabyte.
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

    /// The name of the table with this logical id.
    #[must_use]
    pub fn table(&self, logical_id: &str) -> String {
        self.bundle.stack().table(logical_id).expect("the table").name.clone()
    }

    /// Requests to DynamoDB and to WeChat that `work` made.
    pub async fn cost<T>(&self, work: impl Future<Output = T>) -> (T, (usize, usize)) {
        let (value, calls, upstream) = self.calls(work).await;
        (value, (calls.len(), upstream))
    }

    /// The functions' requests to DynamoDB, and how many they sent to WeChat, that `work` made.
    pub async fn calls<T>(&self, work: impl Future<Output = T>) -> (T, Vec<ServiceCall>, usize) {
        let _ = self.dynamo().take_calls();
        let upstream = self.wechat().upstream_calls().len();
        let value = work.await;
        let mut calls = self.dynamo().take_calls();
        calls.retain(|call| call.caller != "operator" && call.operation != "GetSecretValue");
        (value, calls, self.wechat().upstream_calls().len() - upstream)
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.now_millis() / 1000
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            leaks::search(self);
        }
    }
}
