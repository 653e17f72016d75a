//! `GET /api/products`, `/api/orders…`

use std::time::Duration;

use e2e::{Requests, World};
use insta::assert_snapshot;
use local_wechat::Fault;
use serde_json::{Value, json};

#[tokio::test]
async fn the_catalogue_lists_what_is_for_sale() {
    let world = World::start().await;
    let phone = world.user().await;
    let item = json!({ "product_id": { "S": "hidden" }, "name": { "S": "x" }, "price": { "N": "1" } });
    world.put_item("ProductsTable", item).await;
    let answer = phone.get("/api/products").await.ok();
    assert!(
        answer.body.contains(r#"{"productId":"water","name":"矿泉水 550ml","price":200}"#),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("hidden"));
    assert_eq!(world.send(world.request("GET", "/api/products")).await.outcome(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn an_order_is_placed_at_the_catalogue_s_price_listed_and_read() {
    let world = World::start().await;
    let phone = world.user().await;
    let placed = phone.post("/api/orders", &json!({ "productId": "water", "quantity": 3 })).await;
    assert_snapshot!(placed.snapshot(), @r#"200 {"success":true,"orderId":"…","outTradeNo":"…01","totalFee":600}"#);
    let order = phone.get(&format!("/api/orders/{}", placed.text("/orderId"))).await;
    assert_snapshot!(order.snapshot(), @r#"200 {"success":true,"order":{"orderId":"…","outTradeNo":"…01","status":"UNPAID","totalFee":600,"items":[{"productId":"water","name":"矿泉水 550ml","price":200,"quantity":3}],"createdAt":"…"}}"#);
    let list = phone.get("/api/orders").await;
    assert_eq!(list.json()["orders"][0], order.json()["order"]);
}

#[tokio::test]
async fn placing_costs_two_requests_and_repeating_it_one() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = json!({ "productId": "water", "quantity": 1 });
    phone.post("/api/orders", &body).await.ok();
    let (_, cost) = world.count_requests(phone.post_once("/api/orders", &body, "k")).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 0 });
    let (_, cost) = world.count_requests(phone.post_once("/api/orders", &body, "k")).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
}

#[tokio::test]
async fn several_products_are_summed() {
    let world = World::start().await;
    let phone = world.user().await;
    let products = phone.get("/api/products").await.json()["products"].as_array().expect("products").clone();
    let items: Vec<_> =
        products.iter().map(|p| json!({ "productId": p["productId"], "quantity": 2 })).collect();
    let sum: u64 = products.iter().map(|p| p["price"].as_u64().expect("a price") * 2).sum();
    let placed = phone.post("/api/orders", &json!({ "items": items })).await.ok();
    assert_eq!(placed.json()["totalFee"], sum);
}

#[tokio::test]
async fn a_malformed_order_is_refused_with_the_field_s_name() {
    let world = World::start().await;
    let phone = world.user().await;
    let line = json!({ "productId": "water", "quantity": 1 });
    for (body, field) in [
        (json!({}), "productId"),
        (json!({ "productId": "water" }), "quantity"),
        (json!({ "productId": "water", "quantity": 0 }), "quantity"),
        (json!({ "productId": "water", "quantity": 100 }), "quantity"),
        (json!({ "productId": "water", "quantity": -1 }), "quantity"),
        (json!({ "productId": "water", "quantity": 1.5 }), "quantity"),
        (json!({ "productId": "water", "quantity": "1" }), "quantity"),
        (json!({ "productId": "wa ter", "quantity": 1 }), "productId"),
        (json!({ "productId": "water", "quantity": 1, "price": 1 }), "price"),
        (json!({ "productId": "water", "quantity": 1, "totalFee": 1 }), "totalFee"),
        (json!({ "items": [] }), "items"),
        (json!({ "items": vec![line.clone(); 21] }), "items"),
        (json!({ "items": [line.clone(), line.clone()] }), "items"),
        (json!({ "items": [{ "productId": "water", "quantity": 0 }] }), "items[0].quantity"),
        (json!({ "items": [line.clone()], "productId": "water", "quantity": 1 }), "items"),
        (json!({ "items": [{ "productId": "water", "quantity": 1, "price": 1 }] }), "price"),
    ] {
        let answer = phone.post("/api/orders", &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{body}");
        assert!(answer.text("/message").contains(field), "{body} {}", answer.body);
    }
    let unknown = phone.post("/api/orders", &json!({ "productId": "gold", "quantity": 1 })).await;
    assert_eq!(unknown.outcome(), "404 NOT_FOUND");
    assert!(world.items("OrdersTable").await.is_empty());
}

#[tokio::test]
async fn a_sum_that_no_order_can_have_is_refused() {
    let world = World::start().await;
    let phone = world.user().await;
    let item = json!({ "product_id": { "S": "palace" }, "name": { "S": "宫殿" }, "price": { "N": "900000000" }, "shelf": { "S": "sale" } });
    world.put_item("ProductsTable", item).await;
    let answer = phone.post("/api/orders", &json!({ "productId": "palace", "quantity": 2 })).await;
    assert_eq!(answer.outcome(), "400 INVALID_INPUT");
}

#[tokio::test]
async fn twenty_requests_with_one_idempotency_key_place_one_order() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = json!({ "productId": "water", "quantity": 2 });
    let placed =
        futures_util::future::join_all((0..20).map(|_| phone.post_once("/api/orders", &body, "tap"))).await;
    let orders: std::collections::BTreeSet<_> =
        placed.into_iter().map(|answer| answer.ok().text("/orderId")).collect();
    assert_eq!(orders.len(), 1);
    assert_eq!(world.items("OrdersTable").await.len(), 1);
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_one_user_and_one_request_for_a_day() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let body = json!({ "productId": "water", "quantity": 2 });
    let first = one.post_once("/api/orders", &body, "k").await.ok().text("/orderId");
    assert_ne!(two.post_once("/api/orders", &body, "k").await.ok().text("/orderId"), first);
    let other = one.post_once("/api/orders", &json!({ "productId": "water", "quantity": 3 }), "k").await;
    assert_snapshot!(other.snapshot(), @r#"409 {"success":false,"code":"CONFLICT","message":"该请求编号已用于其他订单","requestId":"…"}"#);
    world.clock.advance(Duration::from_secs(86_401));
    assert_ne!(one.post_once("/api/orders", &body, "k").await.ok().text("/orderId"), first);
    assert_eq!(one.post_once("/api/orders", &body, &"k".repeat(129)).await.outcome(), "400 INVALID_INPUT");
    assert_eq!(one.post_once("/api/orders", &body, "").await.outcome(), "400 INVALID_INPUT");
}

#[tokio::test]
async fn an_order_whose_answer_from_the_database_was_lost_is_placed_once() {
    use local_dynamo::{DynamoFault, FaultKind};
    let world = World::start().await;
    let phone = world.user().await;
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("OrderFunction".to_owned()),
        operation: Some("TransactWriteItems".to_owned()),
        kind: FaultKind::TimeoutAfter,
        times: 1,
    });
    phone.post_once("/api/orders", &json!({ "productId": "water", "quantity": 1 }), "k").await.ok();
    assert_eq!(world.items("OrdersTable").await.len(), 1);
}

#[tokio::test]
async fn the_list_is_paged_newest_first_and_shows_only_one_s_own() {
    let world = World::start().with_config("[orders]\nmax_unpaid = 25").await;
    let (one, two) = (world.user().await, world.user().await);
    let mut placed = Vec::new();
    for _ in 0..25 {
        placed.push(one.order().await.0);
        world.clock.advance(Duration::from_secs(1));
    }
    two.order().await;
    placed.reverse();
    let first = one.get("/api/orders").await.ok();
    let second = one.get(&format!("/api/orders?cursor={}", first.text("/cursor"))).await.ok();
    let ids = |answer: &e2e::Response| -> Vec<String> {
        let orders = answer.json()["orders"].as_array().expect("orders").clone();
        orders.iter().map(|order| order["orderId"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!([ids(&first), ids(&second)].concat(), placed);
    assert_eq!(second.json().get("cursor"), None);
    assert_eq!(one.get("/api/orders?cursor=x").await.outcome(), "400 INVALID_INPUT");
    assert_eq!(ids(&two.get("/api/orders").await.ok()).len(), 1);
}

#[tokio::test]
async fn an_order_is_found_by_the_numbers_of_its_attempt_and_payment() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let (order_id, out_trade_no) = one.buy().await;
    let found = one.get(&format!("/api/orders?outTradeNo={out_trade_no}")).await.ok();
    assert_eq!((found.text("/orders/0/orderId"), found.text("/orders/0/status")), (order_id, "PAID".into()));
    assert_eq!(found.json().get("cursor"), None);
    let payment = found.text("/orders/0/transactionId");
    let by_payment = one.get(&format!("/api/orders?transactionId={payment}")).await.ok();
    assert_eq!(by_payment.json()["orders"], found.json()["orders"]);
    for query in [format!("outTradeNo={out_trade_no}"), format!("transactionId={payment}")] {
        assert_eq!(two.get(&format!("/api/orders?{query}")).await.outcome(), "404 NOT_FOUND", "{query}");
    }
    for query in
        ["outTradeNo=x", "outTradeNo=", "transactionId=4200000000000000000000000009", "transactionId=%20"]
    {
        assert_eq!(one.get(&format!("/api/orders?{query}")).await.outcome(), "404 NOT_FOUND", "{query}");
    }
    let both = format!("/api/orders?outTradeNo={out_trade_no}&transactionId={payment}");
    assert_eq!(one.get(&both).await.outcome(), "400 INVALID_INPUT");
}

#[tokio::test]
async fn an_order_found_by_its_number_asks_wechat_when_the_notice_is_lost() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy_unnoticed().await;
    world.clock.advance(Duration::from_secs(5));
    let found = phone.get(&format!("/api/orders?outTradeNo={out_trade_no}")).await.ok();
    assert_eq!(found.text("/orders/0/status"), "PAID");
}

#[tokio::test]
async fn an_order_of_another_user_is_not_found() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let (order_id, out_trade_no) = one.order().await;
    for order in [order_id.as_str(), "nonsense", "01HF7Y9B9X0000000000000000", &order_id.to_lowercase()] {
        assert_eq!(two.get(&format!("/api/orders/{order}")).await.outcome(), "404 NOT_FOUND");
        assert_eq!(two.try_cancel(order).await.outcome(), "404 NOT_FOUND");
    }
    assert_eq!(two.try_prepay(&out_trade_no).await.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn a_cancelled_order_is_closed_at_wechat_pay_and_stays_closed() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await;
    let cancel = format!("/api/orders/{order_id}/cancel");
    assert_eq!(phone.post(&cancel, &json!({})).await.ok().text("/order/status"), "CLOSED");
    let closed = format!("{:?}", world.wechat().ledger());
    assert!(closed.contains("Closed"), "{closed}");
    // The prepayment on the phone can't be paid any more.
    assert_ne!(phone.try_pay(&prepaid).await.status, 200);
    assert_eq!(
        phone.post(&cancel, &json!({})).await.ok().text("/order/status"),
        "CLOSED",
        "cancelling is idempotent"
    );
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "409 ORDER_CLOSED");
}

#[tokio::test]
async fn an_order_that_was_paid_without_a_notice_can_t_be_cancelled() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy_unnoticed().await;
    let answer = phone.try_cancel(&order_id).await;
    assert_snapshot!(answer.snapshot(), @r#"409 {"success":false,"code":"ORDER_PAID","message":"订单已支付","requestId":"…"}"#);
    assert_eq!(phone.status(&order_id).await, "PAID");
    assert_eq!(world.items("OutboxTable").await.len(), 1);
}

#[tokio::test]
async fn an_order_is_not_closed_while_wechat_pay_can_t_be_asked() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    for path in ["/pay/orderquery", "/pay/closeorder"] {
        world.wechat().set_fault(Fault::HttpStatus { path: path.into(), status: 502, times: 3 });
        let answer = phone.try_cancel(&order_id).await;
        assert_eq!(answer.outcome(), "503 UPSTREAM_BUSY", "{path}");
        world.wechat().clear_faults();
        assert_eq!(phone.status(&order_id).await, "UNPAID");
    }
    world.wechat().set_fault(Fault::BadSign { path: "/pay/orderquery".into(), times: 1 });
    let answer = phone.try_cancel(&order_id).await;
    assert_eq!(answer.outcome(), "500 INTERNAL_ERROR", "an answer with a wrong signature is not believed");
    assert_eq!(phone.status(&order_id).await, "UNPAID");
}

#[tokio::test]
async fn a_closing_whose_answer_was_lost_is_repeated() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    world.wechat().set_fault(Fault::TimeoutAfter { path: "/pay/closeorder".into(), times: 1, millis: 0 });
    let answer = phone.cancel(&order_id).await;
    assert_eq!(answer.text("/order/status"), "CLOSED");
}

#[tokio::test]
async fn reading_an_order_whose_notice_was_lost_records_its_payment() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy_unnoticed().await;
    let (status, cost) = world.count_requests(phone.status(&order_id)).await;
    assert_eq!(status, "UNPAID");
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 }, "a young order is left to its notice");
    world.clock.advance(Duration::from_secs(5));
    let read = phone.get(&format!("/api/orders/{order_id}")).await;
    assert_snapshot!(read.snapshot(), @r#"200 {"success":true,"order":{"orderId":"…","outTradeNo":"…01","status":"PAID","totalFee":200,"items":[{"productId":"water","name":"矿泉水 550ml","price":200,"quantity":1}],"createdAt":"…","paidAt":"…","transactionId":"…"}}"#);
    assert_eq!(world.items("PaymentsTable").await[0]["source"]["S"], "QUERY");
}

#[tokio::test]
async fn an_order_that_is_read_ten_times_is_queried_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    world.clock.advance(Duration::from_secs(5));
    let (_, requests) = world
        .count_requests(async {
            for _ in 0..10 {
                assert_eq!(phone.status(&order_id).await, "UNPAID");
            }
        })
        .await;
    assert_eq!(requests.wechat, 1);
}

#[tokio::test]
async fn an_order_can_be_read_while_wechat_pay_is_unreachable() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    world.clock.advance(Duration::from_secs(5));
    world.wechat().set_fault(Fault::HttpStatus { path: "/pay/orderquery".into(), status: 502, times: 3 });
    assert_eq!(phone.status(&order_id).await, "UNPAID");
    assert!(world.log().contains("step failed, error handled"));
}

#[tokio::test]
async fn reading_an_expired_order_closes_it() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(phone.status(&order_id).await, "CLOSED");
    let row: Value = world.items("OrdersTable").await[0].clone();
    assert_eq!(row.get("due_shard"), None, "the order left the index by_due");
}

#[tokio::test]
async fn a_product_that_is_not_for_sale_can_t_be_ordered() {
    let world = World::start().await;
    let phone = world.user().await;
    let item = json!({ "product_id": { "S": "hidden" }, "name": { "S": "x" }, "price": { "N": "1" } });
    world.put_item("ProductsTable", item).await;
    let answer = phone.post("/api/orders", &json!({ "productId": "hidden", "quantity": 1 })).await;
    assert_eq!(answer.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn the_name_of_an_unknown_field_is_echoed_in_part() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = format!(r#"{{"productId":"water","quantity":1,"{}":1}}"#, "x".repeat(5000));
    let request = world.request("POST", "/api/orders").bearer_auth(&phone.token).body(body);
    assert!(world.send(request).await.body.len() < 300);
    let nested = phone
        .post("/api/orders", &json!({ "items": [{ "productId": "water", "quantity": 1, "x": 1 }] }))
        .await;
    assert!(nested.text("/message").contains("items.0.x"), "{}", nested.body);
}

#[tokio::test]
async fn placing_waits_for_another_transaction() {
    use local_dynamo::{DynamoFault, FaultKind};
    let world = World::start().await;
    let phone = world.user().await;
    let (caller, operation) = (Some("OrderFunction".to_owned()), Some("TransactWriteItems".to_owned()));
    world.dynamo().inject_fault(DynamoFault {
        caller,
        operation,
        kind: FaultKind::TransactionConflict,
        times: 3,
    });
    phone.order().await;
    assert_eq!(world.items("OrdersTable").await.len(), 1);
}

#[tokio::test]
async fn a_close_refused_as_paid_is_followed_by_a_query_and_another_close() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await;
    let close = "/pay/closeorder";
    world.wechat().set_fault(Fault::ErrCode { path: close.into(), err_code: "ORDERPAID".into(), times: 1 });
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    let cancel = format!("/api/orders/{order_id}/cancel");
    // The simulator refuses to close with ORDERPAID although the order is unpaid. The query that follows finds it unpaid, so that
    // it is closed by a second request.
    assert_eq!(phone.post(&cancel, &json!({})).await.ok().text("/order/status"), "CLOSED");
    let paths: Vec<_> = world.wechat().upstream_calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths[paths.len() - 4..], ["/pay/orderquery", close, "/pay/orderquery", close]);
    assert_ne!(phone.try_pay(&prepaid).await.status, 200);
}

#[tokio::test]
async fn an_attempt_that_the_query_does_not_find_is_closed_all_the_same() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await;
    let query = "/pay/orderquery";
    world.wechat().set_fault(Fault::ErrCode {
        path: query.into(),
        err_code: "ORDERNOTEXIST".into(),
        times: 1,
    });
    let answer = phone.cancel(&order_id).await;
    assert_eq!(answer.text("/order/status"), "CLOSED");
    assert_ne!(phone.try_pay(&prepaid).await.status, 200, "it can't be paid any more");
}

#[tokio::test]
async fn a_slow_wechat_pay_does_not_keep_the_reader_waiting() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    world.clock.advance(Duration::from_secs(5));
    world.wechat().set_fault(Fault::TimeoutBefore {
        path: "/pay/orderquery".into(),
        times: 3,
        millis: 20_000,
    });
    let read = tokio::time::timeout(Duration::from_secs(8), phone.status(&order_id)).await;
    assert_eq!(read.expect("an answer in time"), "UNPAID");
}

/// Places orders at once: how many were accepted. The others must be refused by the limit.
async fn place_at_once(phone: &e2e::Phone<'_>, count: usize) -> usize {
    let body = json!({ "productId": "water", "quantity": 1 });
    let placed = futures_util::future::join_all((0..count).map(|_| phone.post("/api/orders", &body))).await;
    let refused = placed.iter().filter(|answer| answer.status != 200).collect::<Vec<_>>();
    assert!(refused.iter().all(|answer| answer.outcome() == "409 TOO_MANY_UNPAID"), "{:?}", refused[0].body);
    count - refused.len()
}

#[tokio::test]
async fn a_user_has_twenty_unpaid_orders_however_many_requests_come_at_once() {
    let world = World::start().await;
    let (phone, another) = (world.user().await, world.user().await);
    assert_eq!(place_at_once(&phone, 40).await, 20);
    let body = json!({ "productId": "water", "quantity": 1 });
    let refused = phone.post("/api/orders", &body).await;
    assert_snapshot!(refused.snapshot(), @r#"409 {"success":false,"code":"TOO_MANY_UNPAID","message":"未支付订单过多，请先支付或取消","requestId":"…"}"#);
    another.order().await;
    assert_eq!(world.items("OrdersTable").await.len(), 21);
}

#[tokio::test]
async fn each_end_of_an_order_frees_its_place_among_the_unpaid_once() {
    let world = World::start().with_config("[orders]\nmax_unpaid = 3").await;
    let phone = world.user().await;
    let (cancelled, paid, unnoticed) = (phone.order().await, phone.order().await, phone.order().await);
    assert_eq!(place_at_once(&phone, 1).await, 0);
    // Each end is requested five times at once and frees one place.
    let cancel = format!("/api/orders/{}/cancel", cancelled.0);
    let nothing = json!({});
    let answers = futures_util::future::join_all((0..5).map(|_| phone.post(&cancel, &nothing))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(place_at_once(&phone, 5).await, 1);
    let notice =
        world.wechat_pay().sign(world.wechat_pay().payment_fields(&paid.1, "1", &phone.openid, 200), &[]);
    let notices = (0..5).map(|_| world.wechat_pay().send_payment_notice(notice.clone()));
    let answers = futures_util::future::join_all(notices).await;
    assert!(answers.iter().all(|answer| answer.body.contains("SUCCESS")));
    assert_eq!(place_at_once(&phone, 5).await, 1);
    let prepaid = phone.prepay(&unnoticed.1).await;
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    phone.pay(&prepaid).await;
    assert_eq!(place_at_once(&phone, 5).await, 0, "its payment is not known yet");
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(phone.status(&unnoticed.0).await, "PAID");
    assert_eq!(place_at_once(&phone, 5).await, 1);
}

#[tokio::test]
async fn expired_orders_do_not_count_as_unpaid_even_before_they_are_closed() {
    let world = World::start().with_config("[orders]\nmax_unpaid = 2").await;
    let phone = world.user().await;
    assert_eq!(place_at_once(&phone, 3).await, 2);
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(place_at_once(&phone, 3).await, 2);
    assert_eq!(world.sweep().await["closed"], 2);
    assert_eq!(place_at_once(&phone, 3).await, 0, "closing gives nothing back twice");
}

#[tokio::test]
async fn a_repeated_request_is_answered_though_no_other_order_can_be_placed() {
    let world = World::start().with_parameter("MaxUnpaidOrders", "1").await;
    let phone = world.user().await;
    let body = json!({ "productId": "water", "quantity": 1 });
    let answers =
        futures_util::future::join_all((0..10).map(|_| phone.post_once("/api/orders", &body, "k"))).await;
    let orders: std::collections::BTreeSet<_> =
        answers.into_iter().map(|answer| answer.ok().text("/orderId")).collect();
    assert_eq!(orders.len(), 1);
    assert_eq!(phone.post_once("/api/orders", &body, "l").await.outcome(), "409 TOO_MANY_UNPAID");
}

#[tokio::test]
async fn a_place_among_the_unpaid_whose_write_was_lost_is_taken_once() {
    use local_dynamo::{DynamoFault, FaultKind};
    let world = World::start().with_config("[orders]\nmax_unpaid = 2").await;
    let phone = world.user().await;
    let (caller, operation) = (Some("OrderFunction".to_owned()), Some("TransactWriteItems".to_owned()));
    world.dynamo().inject_fault(DynamoFault { caller, operation, kind: FaultKind::TimeoutAfter, times: 1 });
    phone.order().await;
    assert_eq!(place_at_once(&phone, 3).await, 1);
    let rows = world.items("IdempotencyTable").await;
    assert_eq!(rows[0]["unpaid"]["SS"].as_array().map(Vec::len), Some(2), "{rows:?}");
    assert!(rows[0]["expires_at"]["N"].is_string(), "a user who goes away leaves nothing");
}
