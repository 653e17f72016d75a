//! A shop whose functions run as they ship, behind the local DynamoDB and the simulated WeChat.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use local_dynamo::{Dynamo, DynamoOptions, PartitionLayout, ThroughputOptions};
use local_template::{Function, Stack, Template};
use local_wechat::{NewUser, SignType, Simulator, SimulatorOptions};
use serde_json::{Value, json};
use shared::types::BoxError;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{LoadedBuild, OrderPath};
use crate::{deployment, event, process::Process, runtime_api::RuntimeApi};

/// A running shop with one product.
pub(super) struct Shop {
    stack: Stack,
    dynamo: Dynamo,
    /// The time of the database's partitions, in milliseconds.
    time: Arc<AtomicU64>,
    wechat: Simulator,
    http: reqwest::Client,
    wechat_url: String,
    functions: BTreeMap<String, RunningFunction>,
    /// The time at which the orders begin.
    origin: u64,
    /// Where the stream of the outbox was read to.
    iterator: String,
    server: JoinHandle<()>,
}

/// A user who is logged in.
pub(super) struct User {
    openid: String,
    token: String,
}

struct RunningFunction {
    api: RuntimeApi,
    _process: Process,
}

impl Shop {
    /// Starts the functions, and saves a product whose stock is counted.
    ///
    /// # Errors
    /// A binary does not start, or the product can't be saved.
    pub(super) async fn open(build: &LoadedBuild<'_>, scale: u32) -> Result<Self, BoxError> {
        let wechat = Simulator::new(SimulatorOptions::default());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let wechat_url = format!("http://{}", listener.local_addr()?);
        let app = wechat.upstream().nest("/_wechat", wechat.control());
        let server = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        let account = wechat.account();
        let parameters = [
            ("MiniProgramAppId", account.app_id.as_str()),
            ("OfficialAccountAppId", account.official_app_id.as_str()),
            ("MerchantId", account.mch_id.as_str()),
            ("PublicBaseUrl", "https://api.example.com"),
            ("WechatApiBase", &wechat_url),
            ("PayApiBase", &wechat_url),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let stack = Template::read(build.template)?.deploy_with_plain_http(&parameters)?;
        let (dynamo, time) = start_dynamo(&stack, &wechat, scale).await?;
        let mut functions = BTreeMap::new();
        for (name, binary) in build.binaries {
            let Some(function) = stack.functions.iter().find(|function| function.folder == *name) else {
                continue;
            };
            let api = RuntimeApi::start().await?;
            let mut environment = environment(function, &dynamo);
            environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address.clone());
            let process = Process::start(binary, &environment)?;
            functions.insert(name.clone(), RunningFunction { api, _process: process });
        }
        let iterator = outbox_iterator(&stack, &dynamo).await?;
        let http = local_wechat::http_client(Duration::from_secs(8))?;
        let mut shop =
            Self { stack, dynamo, time, wechat, http, wechat_url, functions, origin: 0, iterator, server };
        shop.save_product().await?;
        Ok(shop)
    }

    /// Logs in so many new users. They have all the units that they need.
    ///
    /// # Errors
    /// A login is refused.
    pub(super) async fn log_in(&mut self, count: u64) -> Result<Vec<User>, BoxError> {
        let mut users = Vec::new();
        for _ in 0..count {
            let openid = self.wechat.create_user(NewUser::default()).openid;
            let url = format!("{}/_wechat/wx/login", self.wechat_url);
            let code: Value =
                self.http.post(url).json(&json!({ "openid": openid })).send().await?.json().await?;
            let body = json!({ "code": code.get("code") }).to_string();
            let answer = self.request("login", "POST /api/login", "", &body).await?;
            users.push(User { openid, token: text(&answer, "token")? });
            // A second for the partitions, so that they have what they had before.
            self.time.fetch_add(1_000, Ordering::Relaxed);
        }
        self.time.fetch_add(PAUSE, Ordering::Relaxed);
        drop(self.dynamo.take_hot_keys());
        drop(self.dynamo.take_calls());
        self.origin = self.time.load(Ordering::Relaxed);
        Ok(users)
    }

    /// Sets the time since [`log_in`](Self::log_in), in milliseconds.
    pub(super) fn set_time(&self, millis: u64) {
        self.time.store(self.origin.saturating_add(millis), Ordering::Relaxed);
    }

    /// The key that has throttled a request since the last call.
    pub(super) fn hot_key(&self) -> Option<String> {
        let (key, _) = self.dynamo.take_hot_keys().into_iter().next()?;
        Some(key.to_string())
    }

    /// Lets one user order, and pay if `path` says so.
    ///
    /// # Errors
    /// A function refuses a request.
    pub(super) async fn order(
        &mut self,
        path: OrderPath,
        user: &User,
        number: usize,
    ) -> Result<(), BoxError> {
        let body = json!({ "productId": PRODUCT, "quantity": 1 }).to_string();
        let placed = self.request("order", "POST /api/orders", &user.token, &body).await?;
        if path == OrderPath::Placed {
            return Ok(());
        }
        let out_trade_no = text(&placed, "outTradeNo")?;
        let body = json!({ "outTradeNo": out_trade_no }).to_string();
        let _ = self.request("unified-order", "POST /api/pay/unified-order", &user.token, &body).await?;
        self.pay(user, &out_trade_no, number).await?;
        self.deliver_events().await
    }

    /// Sends a genuine payment notice.
    async fn pay(&mut self, user: &User, out_trade_no: &str, number: usize) -> Result<(), BoxError> {
        let account = self.wechat.account();
        let transaction_id = format!("4200{number:024}");
        let fields = [
            ("return_code", "SUCCESS"),
            ("result_code", "SUCCESS"),
            ("appid", &account.app_id),
            ("mch_id", &account.mch_id),
            ("nonce_str", "c4210e95fc37659eb02793a338996fbb"),
            ("out_trade_no", out_trade_no),
            ("transaction_id", &transaction_id),
            ("openid", &user.openid),
            ("total_fee", PRICE),
            ("fee_type", "CNY"),
            ("time_end", "20261121120000"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let notice = self.wechat.sign_notice(fields, SignType::HmacSha256);
        let event = event::http_event("POST /api/pay/notify", &[("content-type", "text/xml")], Some(&notice));
        let answer = self.invoke("pay-notify", &event).await?;
        if answer.contains("<![CDATA[SUCCESS]]>") { Ok(()) } else { Err(format!("notice: {answer}").into()) }
    }

    /// Delivers what is new in the outbox, as Lambda does.
    async fn deliver_events(&mut self) -> Result<(), BoxError> {
        let request = json!({ "ShardIterator": self.iterator, "Limit": 100 });
        let page = self.dynamo.call_as_service("GetRecords", request).await?;
        self.iterator = text(&page, "NextShardIterator")?;
        let records = page.get("Records").and_then(Value::as_array).cloned().unwrap_or_default();
        let filters = self.stack.functions.iter().filter(|function| function.folder == EVENTS);
        let filters: Vec<_> =
            filters.flat_map(|function| &function.streams).flat_map(|stream| &stream.filters).collect();
        let records: Vec<Value> = records
            .into_iter()
            .filter(|record| filters.is_empty() || filters.iter().any(|filter| filter.matches(record)))
            .collect();
        if records.is_empty() {
            return Ok(());
        }
        let answer = self.invoke(EVENTS, &json!({ "Records": records }).to_string()).await?;
        if answer.contains("errorType") { Err(format!("{EVENTS}: {answer}").into()) } else { Ok(()) }
    }

    /// Saves the product by the route of operators, with as many rows of stock as there may be; directly in a build that has no such route.
    async fn save_product(&mut self) -> Result<(), BoxError> {
        if !self.functions.contains_key("products") {
            let table = &self.stack.table("ProductsTable").ok_or("no ProductsTable")?.name;
            let item = json!({
                "product_id": { "S": PRODUCT },
                "name": { "S": NAME },
                "price": { "N": PRICE },
                "shelf": { "S": "sale" },
                "stock": { "N": STOCK.to_string() },
            });
            let put = json!({ "TableName": table, "Item": item });
            let _ = self.dynamo.call_as_operator("PutItem", put).await?;
            return Ok(());
        }
        let price: u64 = PRICE.parse()?;
        let mut body =
            json!({ "name": NAME, "price": price, "shelf": "sale", "stock": STOCK, "stockRows": ROWS });
        let answer = self.save(&body).await?;
        if answer.contains(SUCCESS) {
            return Ok(());
        }
        if let Some(body) = body.as_object_mut() {
            body.remove("stockRows");
        }
        let answer = self.save(&body).await?;
        if answer.contains(SUCCESS) { Ok(()) } else { Err(format!("the product: {answer}").into()) }
    }

    async fn save(&mut self, body: &Value) -> Result<String, BoxError> {
        let route = format!("PUT /api/admin/products/{PRODUCT}");
        let headers = [("content-type", "application/json")];
        let mut event: Value =
            serde_json::from_str(&event::http_event(&route, &headers, Some(&body.to_string())))?;
        let operator = json!({
            "accessKey": "AKIDEXAMPLE",
            "accountId": "000000000000",
            "callerId": "AKIDEXAMPLE",
            "userArn": "arn:aws:iam::000000000000:user/bench",
            "userId": "AKIDEXAMPLE",
        });
        if let Some(event) = event.as_object_mut() {
            event.insert("routeKey".to_owned(), "PUT /api/admin/products/{productId}".into());
            event.insert("pathParameters".to_owned(), json!({ "productId": PRODUCT }));
        }
        for (name, value) in [
            ("routeKey", json!("PUT /api/admin/products/{productId}")),
            ("authorizer", json!({ "iam": operator })),
        ] {
            if let Some(context) = event.pointer_mut("/requestContext").and_then(Value::as_object_mut) {
                context.insert(name.to_owned(), value);
            }
        }
        // Time runs meanwhile, because spreading a stock over many rows writes the product's own row once for each.
        let time = Arc::clone(&self.time);
        let clock = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                time.fetch_add(1_000, Ordering::Relaxed);
            }
        });
        let answer = self.invoke("products", &event.to_string()).await;
        clock.abort();
        self.time.fetch_add(PAUSE, Ordering::Relaxed);
        answer
    }

    /// Sends a request of the mini program. Returns the answer's body.
    async fn request(
        &mut self,
        function: &str,
        route: &str,
        token: &str,
        body: &str,
    ) -> Result<Value, BoxError> {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("content-type", "application/json")];
        if !token.is_empty() {
            headers.push(("authorization", bearer.as_str()));
        }
        let answer = self.invoke(function, &event::http_event(route, &headers, Some(body))).await?;
        let answer: Value = serde_json::from_str(&answer)?;
        let body: Value = serde_json::from_str(&text(&answer, "body")?)?;
        if body.get("success") == Some(&Value::Bool(true)) {
            return Ok(body);
        }
        Err(format!("{route}: {body}").into())
    }

    async fn invoke(&mut self, function: &str, event: &str) -> Result<String, BoxError> {
        let running = self.functions.get_mut(function).ok_or_else(|| format!("{function} was not built"))?;
        Ok(String::from_utf8_lossy(&running.api.invoke(event).await?.body).into_owned())
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A database whose partitions have AWS's throughput divided by `scale`, in a time of their own.
async fn start_dynamo(
    stack: &Stack,
    wechat: &Simulator,
    scale: u32,
) -> Result<(Dynamo, Arc<AtomicU64>), BoxError> {
    let account = wechat.account();
    let secrets = [
        ("MiniProgramSecret", json!({ "app_secret": account.app_secret })),
        ("OfficialAccountSecret", json!({ "app_secret": account.official_app_secret })),
        (
            "MerchantSecret",
            json!({
                "api_v2_key": account.api_v2_key,
                "api_v3_key": account.api_v3_key,
                "serial_no": account.merchant_serial_no,
                "private_key": account.merchant_private_key,
                "platform_keys": [],
            }),
        ),
    ];
    let declared = |name: &str| stack.secrets.iter().any(|secret| secret.logical_id == name);
    let secrets = secrets.into_iter().filter(|(name, _)| declared(name));
    let time = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&time);
    let throughput = ThroughputOptions {
        scale,
        burst_seconds: 0,
        layout: PartitionLayout::KeyPerPartition,
        clock: Arc::new(move || clock.load(Ordering::Relaxed)),
    };
    let options = DynamoOptions {
        address: "127.0.0.1:0".parse()?,
        data: None,
        secrets: secrets.map(|(name, value)| (name.to_owned(), value.to_string())).collect(),
        operator_secret: "the operator of the bench".to_owned(),
        throughput: Some(throughput),
    };
    Ok((Dynamo::start(stack, options).await?, time))
}

fn environment(function: &Function, dynamo: &Dynamo) -> BTreeMap<String, String> {
    let mut environment = deployment::environment(function, &dynamo.url());
    environment.insert("AWS_ACCESS_KEY_ID".to_owned(), function.logical_id.clone());
    let secret = dynamo.secret_access_key(&function.logical_id);
    environment.insert("AWS_SECRET_ACCESS_KEY".to_owned(), secret);
    environment
}

async fn outbox_iterator(stack: &Stack, dynamo: &Dynamo) -> Result<String, BoxError> {
    let table = stack.table("OutboxTable").ok_or("no OutboxTable")?;
    let arn = table.stream_arn.as_deref().ok_or("the outbox has no stream")?;
    let described = dynamo.call_as_service("DescribeStream", json!({ "StreamArn": arn })).await?;
    let shard = described.pointer("/StreamDescription/Shards/0/ShardId").cloned().unwrap_or_default();
    let request = json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "LATEST" });
    text(&dynamo.call_as_service("GetShardIterator", request).await?, "ShardIterator")
}

fn text(value: &Value, name: &str) -> Result<String, BoxError> {
    let text = value.get(name).and_then(Value::as_str).ok_or_else(|| format!("no {name} in {value}"))?;
    Ok(text.to_owned())
}

const EVENTS: &str = "order-events";
const PRODUCT: &str = "water";
const NAME: &str = "矿泉水";
/// In fen.
const PRICE: &str = "200";
const STOCK: u64 = 1_000_000_000;
/// The most rows that a product's stock can be split into.
const ROWS: u64 = 256;
const SUCCESS: &str = "\\\"success\\\":true";
/// Milliseconds in which partitions get back all they can have.
const PAUSE: u64 = 60_000;
