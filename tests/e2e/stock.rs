//! Stock: what orders take from it and give back, in one row and in many.

use std::{collections::BTreeSet, time::Duration};

use e2e::{Phone, Response, World};
use futures_util::future;
use local_dynamo::{DynamoFault, FaultKind};
use serde_json::{Value, json};

const TEA: &str = "/api/admin/products/tea";

/// Saves the counted product `tea` with these fields as well.
async fn save(world: &World, more: Value) -> Response {
    let mut tea = json!({ "name": "茶", "price": 900, "shelf": "sale" });
    tea.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    world.operator("PUT", TEA, &tea).await.ok()
}

async fn add(world: &World, add: i64) -> Response {
    world.operator("POST", &format!("{TEA}/stock"), &json!({ "add": add })).await
}

/// What the operator reads.
async fn stock(world: &World) -> Option<i64> {
    world.operator("GET", TEA, &json!({})).await.ok().json()["product"]["stock"].as_i64()
}

/// The stock of each row of the product, by its key.
async fn rows(world: &World) -> Vec<(String, i64)> {
    let mut rows: Vec<(String, i64)> = world
        .items("ProductsTable")
        .await
        .iter()
        .filter_map(|row| {
            let key = row["product_id"]["S"].as_str()?.to_owned();
            let stock = row["stock"]["N"].as_str()?.parse().expect("a number");
            (key.split('#').next() == Some("tea")).then_some((key, stock))
        })
        .collect();
    rows.sort();
    assert!(rows.iter().all(|(_, stock)| *stock >= 0), "{rows:?}");
    rows
}

async fn order(phone: &Phone<'_>, quantity: u32) -> Response {
    phone.post("/api/orders", &json!({ "productId": "tea", "quantity": quantity })).await
}

/// Pays for the order; the notice has arrived.
async fn pay(world: &World, phone: &Phone<'_>, placed: &Response) {
    let prepaid = phone.prepay(&placed.text("/outTradeNo")).await;
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
}

/// Closes the order; then the notice arrives that it was paid, and its effects are done.
async fn pay_after_close(world: &World, phone: &Phone<'_>, placed: &Response, transaction: &str) {
    phone.cancel(&placed.text("/orderId")).await;
    let number = placed.text("/outTradeNo");
    let notice = world.wechat_pay().payment_fields(&number, transaction, &phone.openid, 1800);
    world.wechat_pay().send_payment_notice(world.wechat_pay().sign(notice, &[])).await;
    // A record that is delivered again has no effect.
    for _ in 0..2 {
        world.deliver_events().await;
    }
}

/// The answers to the next writes of the function are lost.
fn lose_answers(world: &World, caller: &str, times: u32) {
    let (caller, operation) = (Some(caller.to_owned()), Some("TransactWriteItems".to_owned()));
    world.dynamo().inject_fault(DynamoFault { caller, operation, kind: FaultKind::TimeoutAfter, times });
}

#[tokio::test]
async fn an_order_has_no_more_of_a_product_than_the_product_allows() {
    let world = World::start().await;
    let phone = world.user().await;
    let saved = save(&world, json!({ "stock": 9, "maxPerOrder": 2 })).await.json();
    assert_eq!(saved["product"]["maxPerOrder"], 2);
    let listed = phone.get("/api/products").await.json();
    assert!(listed["products"].as_array().expect("a list").iter().any(|one| one["maxPerOrder"] == 2));
    let refused = order(&phone, 3).await;
    assert_eq!((refused.status, refused.text("/code").as_str()), (409, "CONFLICT"));
    assert!(refused.body.contains("每单限购 2 件"), "{}", refused.body);
    let basket = json!({ "items": [
        { "productId": "water", "quantity": 1 },
        { "productId": "tea", "quantity": 3 },
    ] });
    assert_eq!(phone.post("/api/orders", &basket).await.status, 409);
    assert_eq!(stock(&world).await, Some(9));
    assert_eq!(order(&phone, 2).await.status, 200);

    let saved = save(&world, json!({})).await.json();
    assert_eq!(saved["product"].get("maxPerOrder"), None);
    assert_eq!(order(&phone, 3).await.status, 200);
    assert_eq!(stock(&world).await, Some(4));
}

#[tokio::test]
async fn the_last_one_is_not_refused_to_a_request_that_took_it() {
    let world = World::start().await;
    let phone = world.user().await;
    save(&world, json!({ "stock": 0, "stockRows": 4 })).await;
    for number in 0..8 {
        add(&world, 1).await.ok();
        let key = format!("key-{number}");
        let body = json!({ "productId": "tea", "quantity": 1 });
        let placed = future::join_all((0..12).map(|_| phone.post_once("/api/orders", &body, &key))).await;
        let outcomes: Vec<String> = placed.iter().map(Response::outcome).collect();
        assert!(placed.iter().all(|answer| [200, 503].contains(&answer.status)), "{outcomes:?}");
        let numbers: BTreeSet<String> = placed
            .iter()
            .filter(|answer| answer.status == 200)
            .map(|answer| answer.text("/orderId"))
            .collect();
        assert_eq!(numbers.len(), 1, "{outcomes:?}");
        // A user can have few unpaid orders.
        world.clock.advance(Duration::from_secs(31 * 60));
    }
}

#[tokio::test]
async fn the_last_one_is_sold_once_and_a_cancelled_order_gives_it_back_once() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    save(&world, json!({ "stock": 1 })).await;
    let placed = order(&one, 1).await.ok();
    assert_eq!(stock(&world).await, Some(0));
    assert_eq!(order(&two, 1).await.outcome(), "409 OUT_OF_STOCK");
    for _ in 0..2 {
        one.cancel(&placed.text("/orderId")).await;
    }
    assert_eq!(stock(&world).await, Some(1));
    order(&two, 1).await.ok();
}

#[tokio::test]
async fn an_expired_order_gives_its_goods_back_by_the_sweep() {
    let world = World::start().await;
    let phone = world.user().await;
    save(&world, json!({ "stock": 5 })).await;
    order(&phone, 2).await.ok();
    let prepaid = order(&phone, 3).await.ok();
    phone.prepay(&prepaid.text("/outTradeNo")).await;
    assert_eq!(stock(&world).await, Some(0));
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(1801));
        world.sweep().await;
    }
    assert_eq!(stock(&world).await, Some(5));
}

#[tokio::test]
async fn a_paid_order_keeps_its_goods_and_a_refund_gives_none_back() {
    let world = World::start().await;
    let phone = world.user().await;
    save(&world, json!({ "stock": 5 })).await;
    let placed = order(&phone, 2).await.ok();
    pay(&world, &phone, &placed).await;
    world.deliver_events().await;
    assert_eq!(stock(&world).await, Some(3));
    world.request_refund(&json!({ "outTradeNo": placed.text("/outTradeNo") }), "k").await;
    world.deliver_events().await;
    assert_eq!(stock(&world).await, Some(3));
}

#[tokio::test]
async fn an_order_that_is_placed_again_after_a_lost_answer_takes_its_goods_once() {
    let world = World::start().await;
    let phone = world.user().await;
    for rows in [1, 8] {
        save(&world, json!({ "stock": 10, "stockRows": rows })).await;
        for (lost, key) in [(1, "one"), (3, "all")] {
            lose_answers(&world, "OrderFunction", lost);
            let body = json!({ "productId": "tea", "quantity": 1 });
            let key = format!("{key}-{rows}");
            let first = phone.post_once("/api/orders", &body, &key).await;
            assert_eq!(first.status, if lost == 3 { 503 } else { 200 }, "{}", first.body);
            phone.post_once("/api/orders", &body, &key).await.ok();
        }
        assert_eq!(stock(&world).await, Some(8));
    }
}

#[tokio::test]
async fn a_closing_whose_answers_are_lost_gives_the_goods_back_once() {
    let world = World::start().await;
    let phone = world.user().await;
    save(&world, json!({ "stock": 8, "stockRows": 4 })).await;
    for lost in [1, 3] {
        let placed = order(&phone, 2).await.ok();
        lose_answers(&world, "OrderFunction", lost);
        phone.try_cancel(&placed.text("/orderId")).await;
        phone.cancel(&placed.text("/orderId")).await;
        assert_eq!(stock(&world).await, Some(8));
    }
}

#[tokio::test]
async fn a_payment_after_the_closing_takes_the_goods_again_or_opens_a_case() {
    let world = World::start().with_parameter("PaidAfterClose", "REVIVE").await;
    let phone = world.user().await;
    save(&world, json!({ "stock": 3, "stockRows": 2 })).await;
    let placed = order(&phone, 2).await.ok();
    pay_after_close(&world, &phone, &placed, "4200000000000000000000000001").await;
    assert_eq!(stock(&world).await, Some(1));
    // While the second order is closed, a piece that it wants is taken out.
    add(&world, 1).await.ok();
    let placed = order(&phone, 2).await.ok();
    phone.cancel(&placed.text("/orderId")).await;
    add(&world, -1).await.ok();
    pay_after_close(&world, &phone, &placed, "4200000000000000000000000002").await;
    assert_eq!(phone.status(&placed.text("/orderId")).await, "PAID");
    assert_eq!(stock(&world).await, Some(1), "no stock falls below zero");
    let cases = world.operator("GET", "/api/admin/cases?kind=OVERSOLD", &json!({})).await.ok().json();
    assert_eq!(cases["cases"][0]["orderId"], placed.text("/orderId"));
    assert_eq!(cases["cases"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_last_pieces_are_sold_wherever_they_lie_and_no_piece_more() {
    let world = World::start().await;
    let phones = future::join_all((0..6).map(|_| world.user())).await;
    save(&world, json!({ "stock": 40, "stockRows": 16 })).await;
    assert_eq!(rows(&world).await.len(), 17);
    let orders = (0..60).map(|number| order(&phones[number % phones.len()], 1));
    let answers = future::join_all(orders).await;
    let sold = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(answers.iter().all(|answer| [200, 409, 503].contains(&answer.status)));
    let left = stock(&world).await.and_then(|left| usize::try_from(left).ok()).expect("a number");
    assert_eq!(sold + left, 40);
    // Orders that lost each race did not hear that nothing is left.
    world.clock.advance(Duration::from_secs(2));
    for _ in 0..left {
        order(&phones[0], 1).await.ok();
    }
    assert_eq!(order(&phones[1], 1).await.outcome(), "409 OUT_OF_STOCK");
    assert_eq!(stock(&world).await, Some(0));
}

#[tokio::test]
async fn an_order_takes_from_several_rows_and_gives_back_to_them() {
    let world = World::start().await;
    let phone = world.user().await;
    save(&world, json!({ "stock": 6, "stockRows": 6 })).await;
    let before = rows(&world).await;
    let placed = order(&phone, 5).await.ok();
    assert_eq!(stock(&world).await, Some(1));
    let more = order(&phone, 2).await;
    assert_eq!(more.outcome(), "409 OUT_OF_STOCK");
    phone.cancel(&placed.text("/orderId")).await;
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn rows_are_changed_while_the_product_is_sold() {
    let world = World::start().await;
    let phones = future::join_all((0..4).map(|_| world.user())).await;
    save(&world, json!({ "stock": 60, "stockRows": 3 })).await;
    let sell = future::join_all((0..40).map(|number| order(&phones[number % phones.len()], 1)));
    let change = async {
        for rows in [8, 2, 1, 5] {
            save(&world, json!({ "stockRows": rows })).await;
        }
    };
    let (answers, ()) = future::join(sell, change).await;
    let sold = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status)), "60 are enough for 40 orders");
    let left = stock(&world).await.and_then(|left| usize::try_from(left).ok());
    assert_eq!(left, Some(60 - sold));
    let saved = save(&world, json!({ "stockRows": 1 })).await;
    assert_eq!(saved.json()["product"].get("stockRows"), None);
    let holding: Vec<_> = rows(&world).await.into_iter().filter(|(_, stock)| *stock > 0).collect();
    assert_eq!(holding, [("tea".to_owned(), i64::try_from(60 - sold).expect("a number"))]);
}

#[tokio::test]
async fn an_operator_sets_adds_and_takes_out_one_number_of_many_rows() {
    let world = World::start().await;
    save(&world, json!({ "stock": 100, "stockRows": 10 })).await;
    let evenly: Vec<i64> = rows(&world).await.into_iter().map(|(_, stock)| stock).collect();
    assert_eq!(evenly, [0, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10]);
    for (change, stock) in [(7, "107"), (-100, "7")] {
        lose_answers(&world, "ProductsFunction", 1);
        assert_eq!(add(&world, change).await.ok().text("/product/stock"), stock);
    }
    assert_eq!(add(&world, -8).await.outcome(), "409 OUT_OF_STOCK");
    for count in [50, 3, 0, 20] {
        lose_answers(&world, "ProductsFunction", 1);
        let saved = save(&world, json!({ "stock": count })).await;
        assert_eq!(saved.text("/product/stock"), count.to_string());
        assert_eq!(stock(&world).await, Some(count));
    }
    let listed = world.operator("GET", "/api/admin/products", &json!({})).await.ok().json();
    let tea = listed["products"].as_array().and_then(|all| all.iter().find(|one| one["productId"] == "tea"));
    assert_eq!(tea.map(|tea| (&tea["stock"], &tea["stockRows"])), Some((&json!(20), &json!(10))));
}

#[tokio::test]
async fn goods_of_a_product_that_is_not_counted_any_more_come_back_to_nowhere() {
    let world = World::start().await;
    let phone = world.user().await;
    for stock_rows in [1, 4] {
        save(&world, json!({ "stock": 8, "stockRows": stock_rows })).await;
        let placed = order(&phone, 2).await.ok();
        save(&world, json!({ "stock": null })).await;
        assert_eq!(stock(&world).await, None);
        phone.cancel(&placed.text("/orderId")).await;
        assert_eq!(stock(&world).await, None, "the product is still not counted");
        world.clock.advance(Duration::from_secs(3));
        order(&phone, 99).await.ok();
        // What lies in rows from before does not count.
        let saved = save(&world, json!({ "stock": 3 })).await;
        assert_eq!(saved.text("/product/stock"), "3");
        world.clock.advance(Duration::from_secs(3));
        assert_eq!(order(&phone, 4).await.outcome(), "409 OUT_OF_STOCK");
        save(&world, json!({ "stock": 0 })).await;
    }
}

#[tokio::test]
async fn a_change_of_a_product_with_many_rows_is_noticed_after_three_seconds() {
    let world = World::start().await;
    let phone = world.user().await;
    save(&world, json!({ "stock": 50, "stockRows": 5 })).await;
    order(&phone, 1).await.ok();
    save(&world, json!({ "price": 1000 })).await;
    assert_eq!(order(&phone, 1).await.ok().text("/totalFee"), "900", "the price that was read");
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(order(&phone, 1).await.ok().text("/totalFee"), "1000");
    save(&world, json!({ "shelf": "off" })).await;
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(order(&phone, 1).await.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn throttled_rows_lose_nothing_and_double_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    save(&world, json!({ "stock": 40, "stockRows": 4 })).await;
    let mut sold = 0;
    for kind in [FaultKind::Throttle, FaultKind::TransactionConflict, FaultKind::InternalError] {
        for times in [1, 2, 5] {
            let (caller, operation) = (Some("OrderFunction".to_owned()), None);
            world.dynamo().inject_fault(DynamoFault { caller, operation, kind, times });
            sold += i64::from(order(&phone, 1).await.status == 200);
            world.dynamo().clear_faults();
        }
    }
    assert!(sold > 0);
    assert_eq!(stock(&world).await, Some(40 - sold));
    assert_eq!(world.items("OrdersTable").await.len(), usize::try_from(sold).expect("a count"));
}
