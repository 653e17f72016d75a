//! Compares the cost of the same requests over small and over large tables. No cost may grow with a table.
//!
//! The whole bundle runs in this process, over its embedded DynamoDB. Customers are copies of two that really logged in and ordered
//! here, one with a paid order, one in ten with an order that waits to be paid; only keys differ. Requests and capacity units are
//! DynamoDB's own measure and must be the same to the last half unit; times are this machine's.

use std::{collections::BTreeMap, time::Duration};

use local_dynamo::{CapacityUnits, Dynamo, OPERATOR};
use local_gateway::{Bundle, BundleOptions};
use local_wechat::SignType;
use serde_json::{Value, json};
use shared::{store::shards, types::BoxError};
use tokio::task::JoinSet;

use crate::{
    clock,
    plot::{self, Group},
    progress::Progress,
    report::{Section, Target},
    statistics::{Sample, time},
    table::Table,
};

/// The costs of one kind of request, one entry per request.
#[derive(Default)]
struct Costs {
    units: Vec<(usize, CapacityUnits, CapacityUnits)>,
    nanos: Vec<u64>,
}

/// Costs by request, in the order in which a round sends them.
type CostsByRequest = BTreeMap<(usize, &'static str), Costs>;

/// Measures with few customers and with `many`.
///
/// # Errors
/// The bundle does not start, or a response is not the expected one.
pub async fn measure(many: usize) -> Result<Section, BoxError> {
    let (small, few_rows, _) = GrowthRun::measure(FEW).await?;
    let (large, many_rows, seeding) = GrowthRun::measure(many).await?;
    let mut table = Table::new([
        "request".to_owned(),
        "requests to DynamoDB".to_owned(),
        "read units".to_owned(),
        "write units".to_owned(),
        format!("time, {FEW} customers"),
        format!("time, {many} customers"),
    ]);
    let (mut grown, mut groups) = (Vec::new(), Vec::new());
    for ((key, before), after) in small.iter().zip(large.values()) {
        let what = key.1;
        if before.units != after.units {
            grown.push(what.to_owned());
        }
        let (requests, reads, writes) = after.units.last().copied().unwrap_or_default();
        let median = |costs: &Costs| costs.nanos.iter().copied().collect::<Sample>().median();
        let medians = [median(before), median(after)];
        let bars = medians.map(|median| (median, time(median))).into();
        groups.push(Group { name: what.to_owned(), bars });
        let [few_median, many_median] = medians.map(time);
        table.add_row([
            what.to_owned(),
            requests.to_string(),
            reads.to_string(),
            writes.to_string(),
            few_median,
            many_median,
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
        plots: vec![plot::bars(
            "growth.svg",
            "Time of a request over small and large tables",
            &[&format!("{FEW} customers"), &format!("{many} customers")],
            &groups,
        )?],
    })
}

/// A bundle with its customers, and the costs that were measured.
struct GrowthRun {
    bundle: Bundle,
    client: reqwest::Client,
    costs: CostsByRequest,
}

/// A user who is logged in.
struct Customer {
    openid: String,
    user_id: String,
    token: String,
}

/// An order that was placed.
struct PlacedOrder {
    order_id: String,
    out_trade_no: String,
}

impl GrowthRun {
    /// Measures over tables with so many customers. Returns the costs, the number of rows, and the nanoseconds of writing them.
    async fn measure(customers: usize) -> Result<(CostsByRequest, usize, u64), BoxError> {
        let bundle =
            Bundle::start(BundleOptions { run_schedules: false, ..BundleOptions::default() }).await?;
        let mut run = Self {
            bundle,
            client: local_wechat::http_client(Duration::from_secs(8))?,
            costs: CostsByRequest::new(),
        };
        let models = run.models().await?;
        let started = clock::now();
        let rows = seed_customers(&run.bundle, &models, customers).await?;
        let seeding = clock::nanos_since(started);
        // One round that does not count, to load secrets and open connections.
        run.round(0).await?;
        run.costs.clear();
        for round in 1..=ROUNDS {
            run.round(round).await?;
        }
        let Self { bundle, costs, .. } = run;
        bundle.stop().await;
        Ok((costs, rows, seeding))
    }

    /// Two customers whose rows are copied for the others: one has paid, the other has not.
    async fn models(&mut self) -> Result<[RowTemplate; 2], BoxError> {
        let mut models = Vec::new();
        for (number, pays) in [(1, true), (2, false)] {
            let customer = self.log_in(&self.new_openid().await?, "").await?;
            let placed = self.place_order(&customer, "").await?;
            let prepay = json!({ "outTradeNo": placed.out_trade_no });
            let _ = self.call_route("", "POST /api/pay/unified-order", &customer.token, &prepay).await?;
            let transaction = transaction_id(number);
            if pays {
                self.send_notice("", &customer, &placed, &transaction).await?;
            }
            models.push(RowTemplate::read(&self.bundle, &customer, &placed, &transaction, pays).await?);
        }
        models.try_into().map_err(|_| "two models".into())
    }

    /// Sends every measured request once, as a new customer.
    async fn round(&mut self, round: usize) -> Result<(), BoxError> {
        let openid = self.new_openid().await?;
        let _ = self.log_in(&openid, "POST /api/login, a new user").await?;
        // Two logins in the same millisecond would have no order.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let customer = self.log_in(&openid, "POST /api/login, a known user").await?;
        let (token, nothing) = (customer.token.as_str(), Value::Null);
        let _ = self.call_route("GET /api/user", "GET /api/user", token, &nothing).await?;
        let _ = self.call_route("GET /api/products", "GET /api/products", token, &nothing).await?;
        let placed = self.place_order(&customer, "POST /api/orders").await?;
        let _ = self.call_route("GET /api/orders", "GET /api/orders", token, &nothing).await?;
        let read = format!("GET /api/orders/{}", placed.order_id);
        let _ = self.call_route("GET /api/orders/{orderId}", &read, token, &nothing).await?;
        let prepay = json!({ "outTradeNo": placed.out_trade_no });
        for what in ["POST /api/pay/unified-order", "POST /api/pay/unified-order, again"] {
            let _ = self.call_route(what, "POST /api/pay/unified-order", token, &prepay).await?;
        }
        for what in ["POST /api/pay/notify", "POST /api/pay/notify, again"] {
            self.send_notice(what, &customer, &placed, &transaction_id(1000 + round)).await?;
        }
        let placed = self.place_order(&customer, "").await?;
        let cancel = format!("POST /api/orders/{}/cancel", placed.order_id);
        let _ = self.call_route("POST /api/orders/{orderId}/cancel", &cancel, token, &json!({})).await?;
        self.start_counting();
        let started = clock::now();
        let report = self.bundle.run_task("order-sweep").await?;
        self.record_costs("order-sweep, nothing due", started);
        if report.pointer("/paid") != Some(&json!(0)) {
            return Err(format!("an order was due: {report}").into());
        }
        Ok(())
    }

    /// Creates a user in the simulated WeChat who has not logged in yet. Returns the openid.
    async fn new_openid(&self) -> Result<String, BoxError> {
        let wechat = self.bundle.wechat().ok_or("no simulated WeChat")?;
        Ok(wechat.create_user(local_wechat::NewUser::default()).openid)
    }

    async fn log_in(&mut self, openid: &str, what: &'static str) -> Result<Customer, BoxError> {
        let url = format!("{}/_wechat/wx/login", self.bundle.base_url());
        let code = self.client.post(url).json(&json!({ "openid": openid })).send().await?;
        let code: Value = code.json().await?;
        let answer =
            self.call_route(what, "POST /api/login", "", &json!({ "code": code.get("code") })).await?;
        let openid = openid.to_owned();
        Ok(Customer { openid, user_id: text(&answer, "userId")?, token: text(&answer, "token")? })
    }

    async fn place_order(
        &mut self,
        customer: &Customer,
        what: &'static str,
    ) -> Result<PlacedOrder, BoxError> {
        let water = json!({ "productId": "water", "quantity": 1 });
        let answer = self.call_route(what, "POST /api/orders", &customer.token, &water).await?;
        Ok(PlacedOrder { order_id: text(&answer, "orderId")?, out_trade_no: text(&answer, "outTradeNo")? })
    }

    /// Sends a genuine payment notice of the order.
    async fn send_notice(
        &mut self,
        what: &'static str,
        customer: &Customer,
        placed: &PlacedOrder,
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

    /// Sends a request of the mini program. The cost is recorded under `what`, unless `what` is empty.
    async fn call_route(
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
        self.start_counting();
        let started = clock::now();
        let response = request.send().await?;
        self.record_costs(what, started);
        Ok(response)
    }

    fn start_counting(&self) {
        let _ = self.bundle.dynamo().take_calls();
    }

    fn record_costs(&mut self, what: &'static str, started: std::time::Instant) {
        let nanos = clock::nanos_since(started);
        let mut calls = self.bundle.dynamo().take_calls();
        calls.retain(|call| call.caller != OPERATOR && call.operation != "GetSecretValue");
        if what.is_empty() {
            return;
        }
        let place =
            self.costs.keys().find(|(_, known)| *known == what).map_or(self.costs.len(), |(place, _)| *place);
        let costs = self.costs.entry((place, what)).or_default();
        let reads = calls.iter().map(|call| call.read_units).sum();
        let writes = calls.iter().map(|call| call.write_units).sum();
        costs.units.push((calls.len(), reads, writes));
        costs.nanos.push(nanos);
    }
}

/// A customer's rows as texts, and the ids in them that each copy replaces.
struct RowTemplate {
    /// The table's name and the row.
    rows: Vec<(String, String)>,
    ids: Vec<String>,
}

impl RowTemplate {
    async fn read(
        bundle: &Bundle,
        customer: &Customer,
        placed: &PlacedOrder,
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
                // Long after the measurement, so that no copy becomes due.
                *due = json!({ "N": "4000000000" });
            }
            rows.push((table.clone(), row.to_string()));
        }
        let ids = [&customer.user_id, &customer.openid, &placed.order_id, transaction_id];
        Ok(Self { rows, ids: ids.map(str::to_owned).to_vec() })
    }

    /// The rows of the `number`-th copy. Digits replace the end of each id, so that the rows are as long as the original's.
    fn copy_rows(&self, number: usize, shard: &str) -> Result<Vec<(String, Value)>, BoxError> {
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

/// Fills the tables with copies; every tenth is of the customer who has not paid. Returns the number of rows.
async fn seed_customers(
    bundle: &Bundle,
    [paid, waiting]: &[RowTemplate; 2],
    customers: usize,
) -> Result<usize, BoxError> {
    let shards: Vec<String> = shards().collect();
    let mut writing = JoinSet::new();
    let (mut batch, mut rows) = (WriteBatch::default(), 0);
    let progress = Progress::new("customers written", u64::try_from(customers)?);
    for number in 0..customers {
        progress.step();
        let model = if number % 10 == 9 { waiting } else { paid };
        let shard = shards.get(number / 10 % shards.len().max(1)).ok_or("no shards")?;
        for (table, row) in model.copy_rows(number, shard)? {
            batch.add(table, row);
            rows += 1;
        }
        // `BatchWriteItem` takes 25 rows, and a customer has at most 4.
        if batch.rows > 21 || number + 1 == customers {
            let (dynamo, full) = (bundle.dynamo().clone(), std::mem::take(&mut batch));
            writing.spawn(full.write(dynamo));
        }
        if writing.len() >= MAX_CONCURRENT_WRITES
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

/// Rows for one `BatchWriteItem`, by table.
#[derive(Default)]
struct WriteBatch {
    tables: BTreeMap<String, Vec<Value>>,
    rows: usize,
}

impl WriteBatch {
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
    // As long as WeChat Pay's ids, and different from those of the copies.
    format!("4200{number:015}000000000")
}

fn text(answer: &Value, key: &str) -> Result<String, BoxError> {
    Ok(answer.get(key).and_then(Value::as_str).ok_or_else(|| format!("no {key} in {answer}"))?.to_owned())
}

/// Enough that more than 500 orders wait to be paid, so that the sweep goes through the shards of both.
const FEW: usize = 6000;
const ROUNDS: usize = 20;
/// The maximum number of concurrent requests while seeding.
const MAX_CONCURRENT_WRITES: usize = 8;
