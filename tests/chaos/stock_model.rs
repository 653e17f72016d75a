//! Random histories of a counted product, several things at once and with lost answers: no row of its stock falls below zero, no piece is
//! lost or made, and `OUT_OF_STOCK` is said only when none is left. A history that fails is shrunk to the shortest one that does.
//!
//! ```text
//! STOCK_HISTORIES=1000 cargo test -p e2e --test chaos stock_model
//! ```

use std::{
    collections::BTreeSet,
    future::IntoFuture,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use e2e::{Phone, World};
use futures_util::future;
use local_dynamo::{DynamoFault, FaultKind};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::number_of;

/// What somebody does about the product.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// A user orders so many pieces, and again with the same key if that fails.
    Order { user: usize, quantity: u32 },
    /// The user of an order cancels it.
    Cancel(usize),
    /// WeChat Pay says that an order is paid, also one that is closed by now.
    Pay(usize),
    /// An operator adds pieces, or takes some out.
    Add(i64),
    /// An operator spreads the stock over so many rows.
    Spread(u16),
}

/// What happens at the same time, with faults of DynamoDB for the next writes of the function of orders.
type Round = (Vec<Act>, Option<(FaultKind, u32)>);

fn history() -> impl Strategy<Value = Vec<Round>> {
    let act = prop_oneof![
        4 => (0..USERS, 1u32..4).prop_map(|(user, quantity)| Act::Order { user, quantity }),
        2 => (0usize..20).prop_map(Act::Cancel),
        2 => (0usize..20).prop_map(Act::Pay),
        1 => (-4i64..6).prop_filter("a number", |add| *add != 0).prop_map(Act::Add),
        1 => (1u16..6).prop_map(Act::Spread),
    ];
    let fault = prop_oneof![
        Just(FaultKind::TimeoutAfter),
        Just(FaultKind::TimeoutBefore),
        Just(FaultKind::TransactionConflict),
        Just(FaultKind::Throttle),
    ];
    let faults = proptest::option::of((fault, 1u32..4));
    prop::collection::vec((prop::collection::vec(act, 1..6), faults), 1..5)
}

/// A product of its own in a shop.
struct Shop<'w> {
    world: &'w World,
    users: &'w [Phone<'w>],
    product_id: String,
    /// Pieces that operators have put in.
    counted: i64,
}

impl Shop<'_> {
    async fn open(&mut self) {
        let product = json!({ "name": "茶", "price": 100, "shelf": "sale", "stock": STOCK, "stockRows": 2 });
        self.world.operator("PUT", &self.path(), &product).await.ok();
        self.counted = STOCK;
    }

    fn path(&self) -> String {
        format!("/api/admin/products/{}", self.product_id)
    }

    /// Does everything of the round at the same time; how many pieces operators have added.
    async fn run_round(&self, (acts, faults): &Round, orders: &[Value]) -> i64 {
        if let Some((kind, times)) = *faults {
            let (caller, operation) =
                (Some("OrderFunction".to_owned()), Some("TransactWriteItems".to_owned()));
            self.world.dynamo().inject_fault(DynamoFault { caller, operation, kind, times });
        }
        let acts = acts.iter().enumerate().map(|(number, act)| self.act(*act, number, orders));
        let added = future::join_all(acts).await.into_iter().sum();
        self.world.dynamo().clear_faults();
        added
    }

    async fn act(&self, act: Act, number: usize, orders: &[Value]) -> i64 {
        let of_orders = |index: usize| index.checked_rem(orders.len()).and_then(|index| orders.get(index));
        match act {
            Act::Order { user, quantity } => self.order(user, quantity, number).await,
            Act::Cancel(index) => {
                if let Some(order) = of_orders(index) {
                    self.user_of(order).try_cancel(&text(order, "order_id")).await;
                }
            }
            Act::Pay(index) => {
                if let Some(order) = of_orders(index) {
                    self.pay(order).await;
                }
            }
            Act::Add(add) => {
                let (path, body) = (format!("{}/stock", self.path()), json!({ "add": add }));
                let key = format!("{}-{}", self.product_id, KEY.fetch_add(1, Ordering::Relaxed));
                let add_once = || self.world.operator_once("POST", &path, &body, &key);
                let twice = [add_once().await.status, add_once().await.status];
                return if twice.contains(&200) { add } else { 0 };
            }
            Act::Spread(rows) => {
                let product = json!({ "name": "茶", "price": 100, "shelf": "sale", "stockRows": rows });
                self.world.operator("PUT", &self.path(), &product).await;
            }
        }
        0
    }

    async fn order(&self, user: usize, quantity: u32, number: usize) {
        let key = format!("{}-{number}-{}", self.product_id, KEY.fetch_add(1, Ordering::Relaxed));
        let body = json!({ "productId": self.product_id, "quantity": quantity });
        for _ in 0..2 {
            let answer = self.users[user].post_once("/api/orders", &body, &key).await;
            assert!([200, 409, 503].contains(&answer.status), "{}", answer.body);
            if answer.status == 200 {
                return;
            }
        }
    }

    async fn pay(&self, order: &Value) {
        let (number, user) = (text(order, "out_trade_no"), self.user_of(order));
        let total = order["total_fee"]["N"].as_str().and_then(|fee| fee.parse().ok()).expect("a fee");
        let transaction = format!("42{}", &number[number.len() - 20..]);
        let pay = self.world.wechat_pay();
        let notice = pay.payment_fields(&number, &transaction, &user.openid, total);
        pay.send_payment_notice(pay.sign(notice, &[])).await;
    }

    fn user_of(&self, order: &Value) -> &Phone<'_> {
        let openid = text(order, "openid");
        self.users.iter().find(|user| user.openid == openid).expect("the user of the order")
    }

    /// The orders of the product, oldest first.
    async fn orders(&self) -> Vec<Value> {
        let orders = self.world.items("OrdersTable").await;
        let is_of_product = |order: &Value| order["items"]["L"][0]["M"]["product_id"]["S"] == self.product_id;
        let mut orders: Vec<Value> = orders.into_iter().filter(is_of_product).collect();
        orders.sort_by_key(|order| text(order, "order_id"));
        orders
    }

    /// No row is below zero, and what lies in rows and what orders hold is what was put in. How many pieces lie in rows.
    async fn check(&self, orders: &[Value]) -> i64 {
        let products = self.world.items("ProductsTable").await;
        let is_row = |row: &&Value| text(row, "product_id").split('#').next() == Some(&self.product_id);
        let rows: Vec<i64> = products
            .iter()
            .filter(is_row)
            .filter_map(|row| row["stock"]["N"].as_str()?.parse().ok())
            .collect();
        assert!(rows.iter().all(|stock| *stock >= 0), "a row below zero: {rows:?}");
        let held = |order: &Value| -> i64 {
            let reserved = order["reserved"]["L"].as_array().cloned().unwrap_or_default();
            reserved.iter().map(|taken| number(&taken["M"], "quantity")).sum()
        };
        let left: i64 = rows.iter().sum();
        assert_eq!(
            left + orders.iter().map(held).sum::<i64>(),
            self.counted,
            "pieces were lost or made: {rows:?}"
        );
        for order in orders {
            let pieces = number(&order["items"]["L"][0]["M"], "quantity");
            match text(order, "status").as_str() {
                "CLOSED" => assert_eq!(held(order), 0, "{order}"),
                "UNPAID" => assert_eq!(held(order), pieces, "{order}"),
                "PAID" => assert!([0, pieces].contains(&held(order)), "{order}"),
                other => panic!("{other}: {order}"),
            }
        }
        left
    }

    /// An order that is paid and holds nothing has a case, and only such an order that was closed before.
    async fn check_cases(&self, orders: &[Value], closed: &BTreeSet<String>) {
        let cases = self.world.items("CasesTable").await;
        let oversold: BTreeSet<String> = cases
            .iter()
            .filter(|case| case["kind"]["S"] == "OVERSOLD")
            .map(|case| text(case, "order_id"))
            .collect();
        for order in orders.iter().filter(|order| text(order, "status") == "PAID") {
            let id = text(order, "order_id");
            let holds =
                order.get("reserved").is_some_and(|list| list["L"].as_array().is_some_and(|l| !l.is_empty()));
            assert_eq!(oversold.contains(&id), !holds, "{order}");
            assert!(holds || closed.contains(&id), "an order that was never closed is oversold: {order}");
        }
    }
}

async fn run_history(world: &World, product_id: String, history: &[Round]) {
    // Others than those of histories before, who have unpaid orders.
    let users = future::join_all((0..USERS).map(|_| world.user())).await;
    let mut shop = Shop { world, users: &users, product_id, counted: 0 };
    shop.open().await;
    let mut closed = BTreeSet::new();
    let mut orders = Vec::new();
    for round in history {
        shop.counted += shop.run_round(round, &orders).await;
        orders = shop.orders().await;
        let is_closed =
            |order: &&Value| text(order, "status") == "CLOSED" || order.get("closed_at").is_some();
        closed.extend(orders.iter().filter(is_closed).map(|order| text(order, "order_id")));
        shop.check(&orders).await;
        world.deliver_events().await;
    }
    orders = shop.orders().await;
    let left = shop.check(&orders).await;
    shop.check_cases(&orders, &closed).await;
    // Every piece that is left can be ordered, and not one more.
    world.clock.advance(Duration::from_secs(4));
    let body = json!({ "productId": shop.product_id, "quantity": 1 });
    for _ in 0..left {
        users[0].post("/api/orders", &body).await.ok();
    }
    assert_eq!(users[0].post("/api/orders", &body).await.outcome(), "409 OUT_OF_STOCK");
    shop.check(&shop.orders().await).await;
}

fn text(row: &Value, name: &str) -> String {
    row[name]["S"].as_str().unwrap_or_default().to_owned()
}

fn number(row: &Value, name: &str) -> i64 {
    row[name]["N"].as_str().and_then(|text| text.parse().ok()).expect("a number")
}

#[test]
fn no_history_of_a_stock_sells_a_piece_twice_or_loses_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let start =
        World::start().with_parameter("PaidAfterClose", "REVIVE").with_parameter("MaxUnpaidOrders", "100");
    let world = runtime.block_on(start.into_future());
    let cases = u32::try_from(number_of("STOCK_HISTORIES").unwrap_or(12)).expect("a number");
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let products = AtomicU32::new(0);
    let result = runner.run(&history(), |history| {
        let product_id = format!("tea{}", products.fetch_add(1, Ordering::Relaxed));
        let run = || runtime.block_on(run_history(&world, product_id, &history));
        catch_unwind(AssertUnwindSafe(run)).map_err(|_| TestCaseError::fail("as is said above"))
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

const USERS: usize = 4;
/// The number of the next key of a request.
static KEY: AtomicU32 = AtomicU32::new(0);
/// Pieces that there are at first.
const STOCK: i64 = 9;
