//! Partitions of DynamoDB that throttle in the middle of anything: nothing is lost and nothing is done twice.

use std::time::Duration;

use e2e::{Effects, Phone, Response, TestClock, World};
use serde_json::{Value, json};

/// Lets the world's clock run, ten times as fast as time itself, so that throttled partitions get their units back.
fn run_clock(clock: &TestClock) {
    let clock = clock.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            clock.advance(Duration::from_millis(100));
        }
    });
}

/// Repeats a request until it succeeds. Everything before must say that it may be repeated.
async fn until_ok(send: impl AsyncFn() -> Response) -> Response {
    for _ in 0..100 {
        let response = send().await;
        if response.status == 200 {
            return response;
        }
        assert_eq!(response.outcome(), "503 UPSTREAM_BUSY", "{}", response.body);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    send().await.ok()
}

/// Logs in and buys a bottle of water. Returns the order's id.
async fn buy(world: &World, mut phone: Phone<'_>, number: usize) -> String {
    let login =
        until_ok(async || world.post("/api/login", &json!({ "code": phone.code().await })).await).await;
    phone.token = login.text("/token");
    let order = json!({ "productId": "water", "quantity": 1 });
    let placed =
        until_ok(async || phone.post_once("/api/orders", &order, &format!("key-{number}")).await).await;
    let prepaid = until_ok(async || phone.try_prepay(&placed.text("/outTradeNo")).await).await;
    phone.pay(&prepaid).await;
    let order_id = placed.text("/orderId");
    let read = until_ok(async || phone.get(&format!("/api/orders/{order_id}")).await).await;
    assert!(["PAID", "UNPAID"].contains(&read.text("/order/status").as_str()), "{}", read.body);
    order_id
}

#[tokio::test]
async fn orders_under_throttling_are_each_paid_and_delivered_once() {
    // Each partition has 2 writes and 6 reads a second.
    let world = World::start().with_throughput_scale(500).await;
    let water = json!({ "name": "矿泉水", "price": 200, "shelf": "sale", "stock": 10 });
    run_clock(&world.clock);
    let save = async || world.operator("PUT", "/api/admin/products/water", &water).await;
    until_ok(save).await;
    let purchases = (0..4).map(|number| buy(&world, world.stranger(), number));
    let orders = futures_util::future::join_all(purchases).await;
    world.wechat().wait_for_notices().await;
    let status = async |order_id: &str| {
        let key =
            json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } } });
        let row = world.dynamo().call_as_operator("GetItem", key).await.expect("the order");
        row["Item"]["status"]["S"].clone()
    };
    // A notice that was refused each time is made good by the sweep, and an event by the next delivery.
    let mut failures = Vec::new();
    for _ in 0..60 {
        failures.extend(world.bundle().drain_stream("order-events").await.err());
        failures.extend(world.bundle().run_task("order-events").await.err());
        failures.extend(world.bundle().run_task("order-sweep").await.err());
        let mut paid = 0;
        for order_id in &orders {
            paid += usize::from(status(order_id).await == "PAID");
        }
        if paid == orders.len() && world.effects().await.pending == 0 {
            break;
        }
        world.clock.advance(Duration::from_secs(61));
    }
    for order_id in &orders {
        assert_eq!(status(order_id).await, "PAID", "{order_id}");
    }
    let hot_keys = world.dynamo().take_hot_keys();
    assert!(!hot_keys.is_empty(), "nothing was throttled");
    let Effects { published, pending, .. } = world.effects().await;
    assert_eq!((published, pending), (orders.len(), 0), "{hot_keys:?}, {failures:?}");
    assert_eq!(world.items("PaymentsTable").await.len(), orders.len());
    assert_eq!(world.items("OrdersTable").await.len(), orders.len());
    let product =
        until_ok(async || world.operator("GET", "/api/admin/products/water", &Value::Null).await).await;
    assert_eq!(product.json()["product"]["stock"], 10 - orders.len());
}

#[tokio::test]
async fn a_request_that_stays_throttled_is_a_503_and_can_be_repeated() {
    let world = World::start().with_throughput_scale(500).await;
    let (mut phone, mut refused) = (world.stranger(), None);
    for _ in 0..20 {
        // The clock stands still, so that no unit comes back.
        let response = world.post("/api/login", &json!({ "code": phone.code().await })).await;
        if response.status != 200 {
            refused = Some(response);
            break;
        }
        phone.token = response.text("/token");
    }
    let refused = refused.expect("a partition without units");
    assert_eq!(refused.outcome(), "503 UPSTREAM_BUSY");
    world.clock.advance(Duration::from_secs(60));
    phone.log_in().await;
}
