//! The fixture of these tests: a simulator on a loopback port, a clock that tests advance, and a receiver of notices.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, RawQuery, State};
use axum::routing::{get, post};
use http::HeaderMap;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::notices;
use crate::core::random;
use crate::pay::v2::fields_from;
use crate::pay::v2::{Fields, sign, xml};
use crate::{NewUser, SignType, Simulator, SimulatorOptions};

pub(super) const SUCCESS: &str =
    "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";
pub(super) const FAIL: &str = "<xml><return_code>FAIL</return_code><return_msg>later</return_msg></xml>";

pub(super) struct Fixture {
    pub(super) wechat: Simulator,
    pub(super) base: String,
    pub(super) receiver: NoticeReceiver,
    pub(super) openid: String,
    clock: Arc<AtomicU64>,
    pub(super) client: Client,
}

/// The receiver of notices. It keeps their bodies and answers in the order that a test has set, then SUCCESS.
#[derive(Clone, Default)]
pub(super) struct NoticeReceiver {
    pub(super) url: String,
    received: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    answers: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
    queries: Arc<Mutex<Vec<String>>>,
    file: Arc<Mutex<Vec<u8>>>,
    /// The answer after those that a test has set; SUCCESS of WeChat Pay if it is not set.
    usual_answer: Arc<Mutex<Option<&'static str>>>,
}

impl NoticeReceiver {
    pub(super) fn will_answer(&self, answers: &[(u16, &'static str)]) {
        self.answers.lock().unwrap().extend(answers);
    }

    pub(super) fn bodies(&self) -> Vec<String> {
        self.requests().into_iter().map(|(_, body)| body).collect()
    }

    pub(super) fn requests(&self) -> Vec<(HeaderMap, String)> {
        self.received.lock().unwrap().clone()
    }

    /// The address for pushes.
    pub(super) fn push_url(&self) -> String {
        self.url.replace("/notify", "/push")
    }

    pub(super) fn answer_pushes_with_success(&self) {
        *self.usual_answer.lock().unwrap() = Some("success");
    }

    /// Serves this file; returns its address.
    pub(super) fn serve_file(&self, bytes: &[u8]) -> String {
        *self.file.lock().unwrap() = bytes.to_vec();
        self.url.replace("/notify", "/file")
    }

    /// The query of each request.
    pub(super) fn queries(&self) -> Vec<String> {
        self.queries.lock().unwrap().clone()
    }

    pub(super) fn notices(&self) -> Vec<Fields> {
        self.bodies().iter().map(|body| xml::parse(body).unwrap()).collect()
    }
}

async fn take_notice(
    State(receiver): State<NoticeReceiver>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> (http::StatusCode, &'static str) {
    receiver.queries.lock().unwrap().push(query.unwrap_or_default());
    receiver.received.lock().unwrap().push((headers, body));
    let usual = receiver.usual_answer.lock().unwrap().unwrap_or(SUCCESS);
    let (status, answer) = receiver.answers.lock().unwrap().pop_front().unwrap_or((200, usual));
    (http::StatusCode::from_u16(status).unwrap(), answer)
}

/// The file that a test has set.
async fn send_file(State(receiver): State<NoticeReceiver>) -> Vec<u8> {
    receiver.file.lock().unwrap().clone()
}

/// Answers the check of an address for pushes.
async fn echo(Query(query): Query<HashMap<String, String>>) -> String {
    query.get("echostr").cloned().unwrap_or_default()
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::with(SimulatorOptions::default()).await
    }

    /// Starts a simulator with these options, but with the fixture's clock and speed.
    pub(super) async fn with(options: SimulatorOptions) -> Self {
        let clock = Arc::new(AtomicU64::new(1_700_000_042_000));
        let read = Arc::clone(&clock);
        let wechat = Simulator::new(SimulatorOptions {
            clock: Arc::new(move || read.load(Ordering::SeqCst)),
            notify_speed: 1000,
            ..options
        });
        let router = wechat.upstream().nest("/_wechat", wechat.control());
        let base = serve(router).await;
        let mut receiver = NoticeReceiver::default();
        let routes = Router::new()
            .route("/notify", post(take_notice))
            .route("/push", get(echo).post(take_notice))
            .route("/health", get(|| async {}))
            .route("/file", get(send_file))
            .route("/redirect", get(|| async { axum::response::Redirect::to("/file") }))
            .with_state(receiver.clone());
        receiver.url = format!("{}/notify", serve(routes).await);
        let openid = wechat.create_user(NewUser::default()).openid;
        Self { wechat, base, receiver, openid, clock, client: notices::client().unwrap() }
    }

    pub(super) fn advance(&self, millis: u64) {
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Response, reqwest::Error> {
        self.client.get(format!("{}{path}", self.base)).send().await
    }

    pub(super) async fn post(&self, path: &str, body: impl ToString) -> Result<Response, reqwest::Error> {
        self.client.post(format!("{}{path}", self.base)).body(body.to_string()).send().await
    }

    pub(super) async fn delete(&self, path: &str) -> Value {
        read_json(self.client.delete(format!("{}{path}", self.base)).send().await.unwrap()).await
    }

    pub(super) async fn get_json(&self, path: &str) -> Value {
        read_json(self.get(path).await.unwrap()).await
    }

    /// Calls `wx.<api>` on the phone of the fixture's user; returns status and callback object.
    pub(super) async fn call_wx(&self, api: &str, mut arguments: Value) -> (u16, Value) {
        if arguments.get("openid").is_none() {
            arguments["openid"] = self.openid.clone().into();
        }
        let response = self.post(&format!("/_wechat/wx/{api}"), arguments).await.unwrap();
        (response.status().as_u16(), read_json(response).await)
    }

    pub(super) async fn add_faults(&self, fault: Value) {
        assert_eq!(self.post("/_wechat/faults", &fault).await.unwrap().status(), 200, "{fault}");
    }

    pub(super) async fn login_code(&self) -> String {
        self.call_wx("login", json!({})).await.1["code"].as_str().unwrap().to_owned()
    }

    pub(super) fn code_to_session_path(&self, code: &str) -> String {
        let account = self.wechat.account();
        format!(
            "/sns/jscode2session?appid={}&secret={}&js_code={code}&grant_type=authorization_code",
            account.app_id, account.app_secret
        )
    }

    pub(super) async fn code_to_session(&self, code: &str) -> Value {
        self.get_json(&self.code_to_session_path(code)).await
    }

    /// The query of `/cgi-bin/token`.
    pub(super) fn token_path(&self, owner: TokenOwner) -> String {
        let (app_id, secret) = self.credentials(owner);
        format!("/cgi-bin/token?grant_type=client_credential&appid={app_id}&secret={secret}")
    }

    /// The body of `/cgi-bin/stable_token`.
    pub(super) fn stable_body(&self, owner: TokenOwner, force_refresh: bool) -> Value {
        let (appid, secret) = self.credentials(owner);
        json!({
            "grant_type": "client_credential",
            "appid": appid,
            "secret": secret,
            "force_refresh": force_refresh,
        })
    }

    fn credentials(&self, owner: TokenOwner) -> (&str, &str) {
        let account = self.wechat.account();
        match owner {
            TokenOwner::MiniProgram => (&account.app_id, &account.app_secret),
            TokenOwner::OfficialAccount => (&account.official_app_id, &account.official_app_secret),
        }
    }

    /// The owner's stable token.
    pub(super) async fn token_of(&self, owner: TokenOwner) -> String {
        let answer = self.post_json("/cgi-bin/stable_token", self.stable_body(owner, false)).await;
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Calls an API by POST with the mini program's token.
    pub(super) async fn api(&self, path: &str, body: Value) -> Value {
        let token = self.token_of(TokenOwner::MiniProgram).await;
        self.post_json(&format!("{path}?access_token={token}"), body).await
    }

    pub(super) async fn post_json(&self, path: &str, body: Value) -> Value {
        read_json(self.post(path, body).await.unwrap()).await
    }

    /// The fields of an order of 1.01 yuan, with these changes. An empty value removes a field.
    pub(super) fn order(&self, changes: &[(&str, &str)]) -> Fields {
        let account = self.wechat.account();
        let mut order = fields_from(&[
            ("appid", &account.app_id),
            ("mch_id", &account.mch_id),
            ("nonce_str", &random::nonce()),
            ("body", "小店-矿泉水 550ml×2"),
            ("out_trade_no", "order-0001"),
            ("total_fee", "101"),
            ("spbill_create_ip", "203.0.113.9"),
            ("notify_url", &self.receiver.url),
            ("trade_type", "JSAPI"),
            ("openid", &self.openid),
        ]);
        order.extend(fields_from(changes));
        order.retain(|_, value| !value.is_empty());
        order
    }

    /// The fields of a request to query or close the order.
    pub(super) fn query_fields(&self, changes: &[(&str, &str)]) -> Fields {
        let mut fields = self.order(changes);
        let names = ["appid", "mch_id", "nonce_str", "out_trade_no", "sign_type"];
        fields.retain(|name, _| {
            names.contains(&name.as_str()) || changes.iter().any(|(given, _)| given == name)
        });
        fields
    }

    pub(super) fn signed(&self, fields: Fields) -> String {
        let sign_type = sign_type_of(&fields);
        self.wechat.sign_notice(fields, sign_type)
    }

    /// Signs and posts a request. Checks that the response is signed if and only if `return_code` is SUCCESS.
    pub(super) async fn pay_api(&self, path: &str, fields: Fields) -> Fields {
        let sign_type = sign_type_of(&fields);
        let answer = self.post_xml(path, &self.signed(fields)).await;
        let is_signed = sign::is_signed(&answer, sign_type, &self.wechat.account().api_v2_key);
        assert_eq!(is_signed, answer["return_code"] == "SUCCESS", "{answer:?}");
        answer
    }

    pub(super) async fn post_xml(&self, path: &str, body: &str) -> Fields {
        let response = self.post(path, body).await.unwrap();
        assert_eq!(response.status(), 200);
        xml::parse(&response.text().await.unwrap()).unwrap()
    }

    pub(super) async fn prepay(&self, changes: &[(&str, &str)]) -> String {
        self.pay_api("/pay/unifiedorder", self.order(changes)).await["prepay_id"].clone()
    }

    /// The arguments of `wx.requestPayment`, signed.
    pub(super) fn payment(&self, prepay_id: &str, sign_type: SignType) -> Value {
        let account = self.wechat.account();
        let mut fields = fields_from(&[
            ("appId", account.app_id.as_str()),
            ("timeStamp", "1700000042"),
            ("nonceStr", "6Zku3M0P5L94XBubJuGMkzmLljENHfYZ"),
            ("package", &format!("prepay_id={prepay_id}")),
            ("signType", sign_type.as_str()),
        ]);
        let signature = sign::sign(&fields, sign_type, &account.api_v2_key);
        fields.remove("appId");
        fields.insert("paySign".to_owned(), signature);
        json!(fields)
    }

    /// Makes an order and pays it.
    pub(super) async fn buy(&self, out_trade_no: &str) -> (u16, Value) {
        let prepay_id = self.prepay(&[("out_trade_no", out_trade_no)]).await;
        self.call_wx("requestPayment", self.payment(&prepay_id, SignType::Md5)).await
    }
}

fn sign_type_of(fields: &Fields) -> SignType {
    fields.get("sign_type").and_then(|name| SignType::parse(name)).unwrap_or(SignType::Md5)
}

pub(super) async fn read_json(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}
