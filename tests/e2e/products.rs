//! `/api/admin/products…`

use std::time::Duration;

use e2e::{Phone, Response, World};
use insta::assert_snapshot;
use local_dynamo::{DynamoFault, FaultKind};
use serde_json::{Value, json};

const TEA: &str = "/api/admin/products/tea";

async fn save(world: &World, product: &Value) -> Response {
    world.operator("PUT", TEA, product).await
}

async fn read(world: &World) -> Response {
    world.operator("GET", TEA, &json!({})).await
}

async fn add(world: &World, add: i64) -> Response {
    world.operator("POST", &format!("{TEA}/stock"), &json!({ "add": add })).await
}

async fn list(world: &World, query: &str) -> Response {
    world.operator("GET", &format!("/api/admin/products?{query}"), &json!({})).await
}

fn ids(answer: &Response) -> Vec<String> {
    let products = answer.json()["products"].as_array().expect("products").clone();
    products.iter().map(|product| product["productId"].as_str().expect("an id").to_owned()).collect()
}

async fn is_for_sale(phone: &Phone<'_>) -> bool {
    phone.get("/api/products").await.ok().body.contains(r#""productId":"tea""#)
}

/// The answer to the function's next write is lost after the write; the client repeats it.
fn lose_an_answer(world: &World) {
    let (caller, operation) = (Some("ProductsFunction".to_owned()), Some("TransactWriteItems".to_owned()));
    world.dynamo().inject_fault(DynamoFault { caller, operation, kind: FaultKind::TimeoutAfter, times: 1 });
}

#[tokio::test]
async fn a_saved_product_is_sold_and_keeps_who_saved_it() {
    let world = World::start().await;
    let phone = world.user().await;
    assert_eq!(read(&world).await.outcome(), "404 NOT_FOUND");
    let saved =
        save(&world, &json!({ "name": "龙井茶", "price": 900, "shelf": "sale", "stock": 2 })).await.ok();
    let at = saved.text("/product/changedAt");
    assert_snapshot!(saved.body.replace(&at, "…"), @r#"{"success":true,"product":{"productId":"tea","name":"龙井茶","price":900,"shelf":"sale","delivery":"express","stock":2,"changedBy":"arn:aws:iam::000000000000:user/local","changedAt":"…"}}"#);
    assert_eq!(read(&world).await.ok().body, saved.body);
    assert!(is_for_sale(&phone).await);
    let order = phone.post("/api/orders", &json!({ "productId": "tea", "quantity": 2 })).await.ok();
    assert_eq!(order.text("/totalFee"), "1800");
    let too_many = phone.post("/api/orders", &json!({ "productId": "tea", "quantity": 3 })).await;
    assert_eq!(too_many.outcome(), "409 OUT_OF_STOCK");
}

#[tokio::test]
async fn a_product_saved_without_a_shelf_goes_off_sale_and_keeps_its_stock() {
    let world = World::start().await;
    let phone = world.user().await;
    save(&world, &json!({ "name": "茶", "price": 900, "shelf": "sale", "stock": 5 })).await.ok();
    let saved = save(&world, &json!({ "name": "茶", "price": 800 })).await.ok().json();
    assert_eq!(
        (&saved["product"]["shelf"], &saved["product"]["price"], &saved["product"]["stock"]),
        (&json!("off"), &json!(800), &json!(5))
    );
    assert!(!is_for_sale(&phone).await);
    let ordered = phone.post("/api/orders", &json!({ "productId": "tea", "quantity": 1 })).await;
    assert_eq!(ordered.outcome(), "404 NOT_FOUND");
    assert_eq!(ids(&list(&world, "shelf=off").await.ok()), ["tea"]);
    assert_eq!(ids(&list(&world, "").await.ok()), ["cake", "coffee", "umbrella", "water"]);
    let uncounted = save(&world, &json!({ "name": "茶", "price": 800, "stock": null })).await.ok();
    assert_eq!(uncounted.json()["product"].get("stock"), None);
}

#[tokio::test]
async fn goods_are_added_and_taken_out_but_never_below_zero() {
    let world = World::start().await;
    assert_eq!(add(&world, 1).await.outcome(), "404 NOT_FOUND");
    save(&world, &json!({ "name": "茶", "price": 900 })).await.ok();
    assert_eq!(add(&world, 1).await.outcome(), "409 CONFLICT", "the stock is not counted");
    save(&world, &json!({ "name": "茶", "price": 900, "stock": 3 })).await.ok();
    assert_eq!(add(&world, 4).await.ok().text("/product/stock"), "7");
    assert_eq!(add(&world, -7).await.ok().text("/product/stock"), "0");
    assert_eq!(add(&world, -1).await.outcome(), "409 OUT_OF_STOCK");
    assert_eq!(read(&world).await.text("/product/stock"), "0");
    let body = json!({ "add": 1, "count": 1 });
    let unknown_field = world.operator("POST", &format!("{TEA}/stock"), &body).await;
    for refused in [add(&world, 0).await, add(&world, 1_000_000_001).await, unknown_field] {
        assert_eq!(refused.outcome(), "400 INVALID_INPUT");
    }
}

#[tokio::test]
async fn a_stock_below_zero_takes_the_goods_that_come() {
    let world = World::start().await;
    let item = json!({ "product_id": { "S": "tea" }, "name": { "S": "茶" }, "price": { "N": "900" },
                       "stock": { "N": "-3" }, "changed_by": { "S": "an earlier hand" } });
    world.put_item("ProductsTable", item).await;
    assert_eq!(read(&world).await.ok().text("/product/changedBy"), "an earlier hand");
    assert_eq!(add(&world, -1).await.outcome(), "409 OUT_OF_STOCK");
    assert_eq!(add(&world, 2).await.ok().text("/product/stock"), "-1");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_made_once() {
    let world = World::start().await;
    lose_an_answer(&world);
    let saved = save(&world, &json!({ "name": "茶", "price": 900, "stock": 10 })).await.ok();
    assert_eq!(saved.text("/product/stock"), "10");
    for (change, stock) in [(5, "15"), (-4, "11")] {
        lose_an_answer(&world);
        assert_eq!(add(&world, change).await.ok().text("/product/stock"), stock);
    }
    assert_eq!(read(&world).await.text("/product/stock"), "11");
}

#[tokio::test]
async fn goods_that_come_with_a_key_are_added_once() {
    let world = World::start().await;
    let change = async |key: &str, add: i64| {
        world.operator_once("POST", &format!("{TEA}/stock"), &json!({ "add": add }), key).await
    };
    for rows in [1, 3] {
        let product = json!({ "name": "茶", "price": 900, "stock": 10, "stockRows": rows });
        save(&world, &product).await.ok();
        let key = |name: &str| format!("{name}, {rows} rows");
        for _ in 0..2 {
            assert_eq!(change(&key("note 1"), 5).await.ok().text("/product/stock"), "15");
        }
        assert_eq!(change(&key("note 1"), 6).await.outcome(), "409 CONFLICT", "another number");
        // The request that takes the last goods is sent twice at once, and once more.
        let sold = key("sold at the market");
        let taken = futures_util::future::join_all((0..2).map(|_| change(&sold, -15))).await;
        for answer in [taken, vec![change(&sold, -15).await]].into_iter().flatten() {
            assert_eq!(answer.ok().text("/product/stock"), "0");
        }
        assert_eq!(change(&key("note 2"), -1).await.outcome(), "409 OUT_OF_STOCK");
        assert_eq!(
            change(&key("note 2"), 1).await.ok().text("/product/stock"),
            "1",
            "nothing was taken with it"
        );
        world.clock.advance(Duration::from_secs(25 * 60 * 60));
        assert_eq!(
            change(&key("note 1"), 6).await.ok().text("/product/stock"),
            "7",
            "a key is kept for a day"
        );
    }
    assert_eq!(change("", 1).await.outcome(), "400 INVALID_INPUT");
}

#[tokio::test]
async fn goods_that_many_operators_take_at_once_are_each_taken_once() {
    let world = World::start().await;
    save(&world, &json!({ "name": "茶", "price": 900, "stock": 5 })).await.ok();
    let taken = futures_util::future::join_all((0..20).map(|_| add(&world, -1))).await;
    assert_eq!(taken.iter().filter(|answer| answer.status == 200).count(), 5);
    assert_eq!(read(&world).await.text("/product/stock"), "0");
}

#[tokio::test]
async fn many_products_are_paged() {
    let world = World::start().await;
    for number in 0..60 {
        let path = format!("/api/admin/products/p{number:02}");
        world.operator("PUT", &path, &json!({ "name": "茶", "price": 1 })).await.ok();
    }
    let first = list(&world, "shelf=off").await.ok();
    let cursor = first.text("/cursor");
    let second = list(&world, &format!("cursor={cursor}&shelf=off")).await.ok();
    assert_eq!(second.json().get("cursor"), None);
    let expected: Vec<String> = (0..60).map(|number| format!("p{number:02}")).collect();
    assert_eq!([ids(&first), ids(&second)].concat(), expected);
    for query in ["shelf=top", "cursor=%20"] {
        assert_eq!(list(&world, query).await.outcome(), "400 INVALID_INPUT", "{query}");
    }
}

#[tokio::test]
async fn a_wrong_product_is_refused_and_nothing_is_written() {
    let world = World::start().await;
    for (product, field) in [
        (json!({ "price": 1 }), "name"),
        (json!({ "name": "茶", "price": 0 }), "price"),
        (json!({ "name": "茶", "price": "1" }), "price"),
        (json!({ "name": "茶", "price": 1, "shelf": "top" }), "shelf"),
        (json!({ "name": "茶", "price": 1, "stock": -1 }), "stock"),
        (json!({ "name": "茶", "price": 1, "productId": "tea" }), "productId"),
    ] {
        let refused = save(&world, &product).await;
        assert_eq!(refused.outcome(), "400 INVALID_INPUT");
        assert!(refused.text("/message").contains(field), "{}", refused.body);
    }
    assert_eq!(read(&world).await.outcome(), "404 NOT_FOUND");
    let unsigned = world.send(world.request("PUT", TEA).json(&json!({ "name": "茶", "price": 1 }))).await;
    assert_eq!(unsigned.status, 403);
}
