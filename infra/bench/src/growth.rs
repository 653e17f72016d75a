//! The same requests over small tables and over large ones: nothing grows with a table.
//!
//! The whole bundle runs in this process, over its embedded DynamoDB. Customers are copies of two that really logged in and ordered
//! here, one with a paid order, one in ten with an order that waits to be paid; only keys differ. Requests and capacity units are
//! DynamoDB's own measure and must be the same to the last half unit; times are this machine's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use local_dynamo::{CapacityUnits, Dynamo, OPERATOR};
use local_gateway::{Bundle, BundleOptions};
use local_wechat::SignType;
use serde_json::{Value, json};
use shared::{
    host::{Host, SystemClock, SystemRandomness},
    store::shards,
    types::BoxError,
};
use tokio::task::JoinSet;

use crate::{
    clock,
    report::{Section, Target},
    statistics::{Sample, time},
    table::Table,
};

/// What one kind of request has cost, each time.
#[derive(Default)]
struct Costs {
    units: Vec<(usize, CapacityUnits, CapacityUnits)>,
    nanos: Vec<u64>,
}

/// Costs by request, in the order of the walk.
type Walk = BTreeMap<(usize, &'static str), Costs>;

/// Measures with few customers and with so many.
///
/// # Errors
/// The bundle does not start or does not answer as it should.
pub async fn measure(many: usize) -> Result<Section, BoxError> {
    let (small, few_rows, _) = World::measure(FEW).await?;
    let (large, many_rows, seeding) = World::measure(many).await?;
    let mut table = Table::new([
        "request".to_owned(),
        "requests to DynamoDB".to_owned(),
        "read units".to_owned(),
        "write units".to_owned(),
        format!("time, {FEW} customers"),
        format!("time, {many} customers"),
    ]);
    let mut grown = Vec::new();
    for ((key, before), after) in small.iter().zip(large.values()) {
        let what = key.1;
        if before.units != after.units {
            grown.push(what.to_owned());
        }
        let (requests, reads, writes) = after.units.last().copied().unwrap_or_default();
        let median = |costs: &Costs| time(costs.nanos.iter().copied().collect::<Sample>().median());
        table.row([
            what.to_owned(),
            requests.to_string(),
            reads.to_string(),
            writes.to_string(),
            median(before),
            median(after),
        ]);
    }
    Ok(Section {
        title: "Growth",
        text: format!(
            "Every request {ROUNDS} times over tables with {FEW} customers ({few_rows} rows) and with {many} ({many_rows} rows, written in {}). \
             Requests and units are of one request and must be the same in both; times are medians, with gateway, function and \
             embedded DynamoDB in one process.\n",
            time(seeding)
        ),
        table,
        targets: vec![Target::none(
            &format!("no request costs more requests or units with {many} customers than with {FEW}"),
            &grown,
        )],
    })
}

/// The bundle with its customers.
struct World {
    bundle: Bundle,
    client: reqwest::Client,
    walk: Walk,
}

/// Somebody who is logged in.
struct Customer {
    openid: String,
    user_id: String,
    token: String,
}

/// An order that was placed.
struct Placed {
    order_id: String,
    out_trade_no: String,
}

impl World {
    /// A walk over tables with so many customers; how many rows they are; how long it took to write them.
    async fn measure(customers: usize) -> Result<(Walk, usize, u64), BoxError> {
        let bundle =
            Bundle::start(BundleOptions { run_schedules: false, ..BundleOptions::default() }).await?;
        let host = Host::new(BTreeMap::new(), Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new());
        let mut world = Self { bundle, client: host.http()?, walk: Walk::new() };
        let models = world.models().await?;
        let started = clock::now();
        let rows = seed(&world.bundle, &models, customers).await?;
        let seeding = clock::nanos_since(started);
        // Once for the secrets and the connections.
        world.round(0).await?;
        world.walk.clear();
        for round in 1..=ROUNDS {
            world.round(round).await?;
        }
        let Self { bundle, walk, .. } = world;
        bundle.stop().await;
        Ok((walk, rows, seeding))
    }

    /// Two customers as the functions leave them in the tables: one has paid, one has not yet.
    async fn models(&mut self) -> Result<[Model; 2], BoxError> {
        let mut models = Vec::new();
        for (number, pays) in [(1, true), (2, false)] {
            let customer = self.log_in(&self.person().await?, "").await?;
            let placed = self.order(&customer, "").await?;
            let prepay = json!({ "outTradeNo": placed.out_trade_no });
            let _ = self.call("", "POST /api/pay/unified-order", &customer.token, &prepay).await?;
            let transaction = transaction_id(number);
            if pays {
                self.notify("", &customer, &placed, &transaction).await?;
            }
            models.push(Model::read(&self.bundle, &customer, &placed, &transaction, pays).await?);
        }
        models.try_into().map_err(|_| "two models".into())
    }

    /// Everything that is measured, once, by a new customer.
    async fn round(&mut self, round: usize) -> Result<(), BoxError> {
        let openid = self.person().await?;
        let _ = self.log_in(&openid, "POST /api/login, a new user").await?;
        // Of two logins in one millisecond nobody can tell which is the later one.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let customer = self.log_in(&openid, "POST /api/login, a known user").await?;
        let (token, nothing) = (customer.token.as_str(), Value::Null);
        let _ = self.call("GET /api/user", "GET /api/user", token, &nothing).await?;
        let _ = self.call("GET /api/products", "GET /api/products", token, &nothing).await?;
        let placed = self.order(&customer, "POST /api/orders").await?;
        let _ = self.call("GET /api/orders", "GET /api/orders", token, &nothing).await?;
        let read = format!("GET /api/orders/{}", placed.order_id);
        let _ = self.call("GET /api/orders/{orderId}", &read, token, &nothing).await?;
        let prepay = json!({ "outTradeNo": placed.out_trade_no });
        for what in ["POST /api/pay/unified-order", "POST /api/pay/unified-order, again"] {
            let _ = self.call(what, "POST /api/pay/unified-order", token, &prepay).await?;
        }
        for what in ["POST /api/pay/notify", "POST /api/pay/notify, again"] {
            self.notify(what, &customer, &placed, &transaction_id(1000 + round)).await?;
        }
        let placed = self.order(&customer, "").await?;
        let cancel = format!("POST /api/orders/{}/cancel", placed.order_id);
        let _ = self.call("POST /api/orders/{orderId}/cancel", &cancel, token, &json!({})).await?;
        self.begin();
        let started = clock::now();
        let report = self.bundle.run_task("order-sweep").await?;
        self.end("order-sweep, nothing due", started);
        if report.pointer("/paid") != Some(&json!(0)) {
            return Err(format!("somebody's order was due: {report}").into());
        }
        Ok(())
    }

    /// A person whom WeChat knows and we do not: an openid.
    async fn person(&self) -> Result<String, BoxError> {
        let wechat = self.bundle.wechat().ok_or("no simulated WeChat")?;
        Ok(wechat.create_user(local_wechat::NewUser::default()).openid)
    }

    async fn log_in(&mut self, openid: &str, what: &'static str) -> Result<Customer, BoxError> {
        let url = format!("{}/_wechat/wx/login", self.bundle.base_url());
        let code = self.client.post(url).json(&json!({ "openid": openid })).send().await?;
        let code: Value = code.json().await?;
        let answer = self.call(what, "POST /api/login", "", &json!({ "code": code.get("code") })).await?;
        let openid = openid.to_owned();
        Ok(Customer { openid, user_id: text(&answer, "userId")?, token: text(&answer, "token")? })
    }

    async fn order(&mut self, customer: &Customer, what: &'static str) -> Result<Placed, BoxError> {
        let water = json!({ "productId": "water", "quantity": 1 });
        let answer = self.call(what, "POST /api/orders", &customer.token, &water).await?;
        Ok(Placed { order_id: text(&answer, "orderId")?, out_trade_no: text(&answer, "outTradeNo")? })
    }

    /// A genuine notice that the order was paid.
    async fn notify(
        &mut self,
        what: &'static str,
        customer: &Customer,
        placed: &Placed,
        transaction_id: &str,
    ) -> Result<(), BoxError> {
        let wechat = self.bundle.wechat().ok_or("no simulated WeChat")?;
        let account = wechat.account();
        let fields = [
            ("return_code", "SUCCESS"),
            ("result_code", "SUCCESS"),
            ("appid", &account.app_id),
            ("mch_id", &account.mch_id),
            ("nonce_str", "c4210e95fc37659eb02793a338996fbb"),
            ("out_trade_no", &placed.out_trade_no),
            ("transaction_id", transaction_id),
            ("openid", &customer.openid),
            ("total_fee", "200"),
            ("fee_type", "CNY"),
            ("time_end", "20261121120000"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let notice = wechat.sign_notice(fields, SignType::HmacSha256);
        let url = format!("{}/api/pay/notify", self.bundle.base_url());
        let request = self.client.post(url).header("content-type", "text/xml").body(notice);
        let answer = self.send(what, request).await?.text().await?;
        if answer.contains("SUCCESS") { Ok(()) } else { Err(format!("{what}: {answer}").into()) }
    }

    /// A request of the mini program; measured if `what` names it.
    async fn call(
        &mut self,
        what: &'static str,
        route: &str,
        token: &str,
        body: &Value,
    ) -> Result<Value, BoxError> {
        let (method, path) = route.split_once(' ').ok_or("a method and a path")?;
        let url = format!("{}{path}", self.bundle.base_url());
        let request = self.client.request(method.parse()?, url).bearer_auth(token);
        let request = if body.is_null() { request } else { request.json(body) };
        let answer: Value = self.send(what, request).await?.json().await?;
        if answer.get("success") == Some(&Value::Bool(true)) {
            return Ok(answer);
        }
        Err(format!("{route}: {answer}").into())
    }

    async fn send(
        &mut self,
        what: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, BoxError> {
        self.begin();
        let started = clock::now();
        let response = request.send().await?;
        self.end(what, started);
        Ok(response)
    }

    fn begin(&self) {
        let _ = self.bundle.dynamo().take_calls();
    }

    fn end(&mut self, what: &'static str, started: std::time::Instant) {
        let nanos = clock::nanos_since(started);
        let mut calls = self.bundle.dynamo().take_calls();
        calls.retain(|call| call.caller != OPERATOR && call.operation != "GetSecretValue");
        if what.is_empty() {
            return;
        }
        let place =
            self.walk.keys().find(|(_, known)| *known == what).map_or(self.walk.len(), |(place, _)| *place);
        let costs = self.walk.entry((place, what)).or_default();
        let reads = calls.iter().map(|call| call.read_units).sum();
        let writes = calls.iter().map(|call| call.write_units).sum();
        costs.units.push((calls.len(), reads, writes));
        costs.nanos.push(nanos);
    }
}

/// A customer's rows, as texts with the ids that are to be changed.
struct Model {
    /// The table's name and the row.
    rows: Vec<(String, String)>,
    ids: Vec<String>,
}

impl Model {
    async fn read(
        bundle: &Bundle,
        customer: &Customer,
        placed: &Placed,
        transaction_id: &str,
        paid: bool,
    ) -> Result<Self, BoxError> {
        let keys = [
            ("UsersTable", "id", &customer.user_id),
            ("SessionsTable", "openid", &customer.openid),
            ("OrdersTable", "order_id", &placed.order_id),
            ("PaymentsTable", "transaction_id", &transaction_id.to_owned()),
        ];
        let mut rows = Vec::new();
        for (table, key, value) in keys.into_iter().take(if paid { 4 } else { 3 }) {
            let table = &bundle.stack().table(table).ok_or(table)?.name;
            let request = json!({ "TableName": table, "Key": { key: { "S": value } } });
            let answer = bundle.dynamo().call_as_operator("GetItem", request).await?;
            let mut row = answer.get("Item").cloned().ok_or_else(|| format!("no row in {table}"))?;
            if let Some(due) = row.get_mut("next_query_at") {
                // Long after this is over.
                *due = json!({ "N": "4000000000" });
            }
            rows.push((table.clone(), row.to_string()));
        }
        let ids = [&customer.user_id, &customer.openid, &placed.order_id, transaction_id];
        Ok(Self { rows, ids: ids.map(str::to_owned).to_vec() })
    }

    /// The rows of the `number`-th copy, as long as the original's: digits replace the end of each id.
    fn copy(&self, number: usize, shard: &str) -> Result<Vec<(String, Value)>, BoxError> {
        let mut rows = Vec::new();
        for (table, row) in &self.rows {
            let mut row = row.clone();
            for id in &self.ids {
                let kept =
                    id.len().checked_sub(9).and_then(|length| id.get(..length)).ok_or("a longer id")?;
                row = row.replace(id.as_str(), &format!("{kept}{number:09}"));
            }
            let mut row: Value = serde_json::from_str(&row)?;
            if let Some(due) = row.get_mut("due_shard") {
                *due = json!({ "S": shard });
            }
            rows.push((table.clone(), row));
        }
        Ok(rows)
    }
}

/// Fills the tables with copies, every tenth of the one that has not paid. Returns how many rows that were.
async fn seed(bundle: &Bundle, [paid, waiting]: &[Model; 2], customers: usize) -> Result<usize, BoxError> {
    let shards: Vec<String> = shards().collect();
    let mut writing = JoinSet::new();
    let (mut batch, mut rows) = (Batch::default(), 0);
    for number in 0..customers {
        let model = if number % 10 == 9 { waiting } else { paid };
        let shard = shards.get(number / 10 % shards.len().max(1)).ok_or("no shards")?;
        for (table, row) in model.copy(number, shard)? {
            batch.add(table, row);
            rows += 1;
        }
        // A request takes 25 rows, and a customer has 4 at most.
        if batch.rows > 21 || number + 1 == customers {
            let (dynamo, full) = (bundle.dynamo().clone(), std::mem::take(&mut batch));
            writing.spawn(full.write(dynamo));
        }
        if writing.len() >= AT_ONCE
            && let Some(written) = writing.join_next().await
        {
            written??;
        }
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    Ok(rows)
}

/// Rows to be written at once, by table.
#[derive(Default)]
struct Batch {
    tables: BTreeMap<String, Vec<Value>>,
    rows: usize,
}

impl Batch {
    fn add(&mut self, table: String, row: Value) {
        self.tables.entry(table).or_default().push(json!({ "PutRequest": { "Item": row } }));
        self.rows += 1;
    }

    async fn write(self, dynamo: Dynamo) -> Result<(), BoxError> {
        let answer = dynamo.call_as_service("BatchWriteItem", json!({ "RequestItems": self.tables })).await?;
        match answer.get("UnprocessedItems").and_then(Value::as_object) {
            Some(left) if !left.is_empty() => Err("rows were left out".into()),
            _ => Ok(()),
        }
    }
}

fn transaction_id(number: usize) -> String {
    // As long as WeChat Pay's, and apart from those of the copies.
    format!("4200{number:015}000000000")
}

fn text(answer: &Value, key: &str) -> Result<String, BoxError> {
    Ok(answer.get(key).and_then(Value::as_str).ok_or_else(|| format!("no {key} in {answer}"))?.to_owned())
}

const FEW: usize = 1000;
const ROUNDS: usize = 20;
/// Requests of the seeding under way.
const AT_ONCE: usize = 8;
