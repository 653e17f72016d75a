//! `POST /api/pay/unified-order`

use std::time::Duration;

use e2e::{Requests, World};
use insta::assert_snapshot;
use local_wechat::Fault;
use serde_json::{Value, json};

const PREPAY: &str = "/pay/unifiedorder";

/// The fields of each request for a prepayment that WeChat Pay got.
fn prepay_requests(world: &World) -> Vec<Value> {
    let calls = world.wechat().upstream_calls();
    calls.into_iter().filter(|call| call.path == PREPAY).map(|call| call.request).collect()
}

fn package(answer: &e2e::Response) -> String {
    answer.text("/payParams/package")
}

#[tokio::test]
async fn a_prepaid_order_is_paid_on_the_phone_and_the_notice_makes_it_paid() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.try_prepay(&out_trade_no).await;
    assert_snapshot!(prepaid.snapshot().replace(&world.wechat().account().app_id, "<appid>"), @r#"200 {"success":true,"payParams":{"appId":"<appid>","timeStamp":"…","nonceStr":"…","package":"prepay_id=…","signType":"HMAC-SHA256","paySign":"…"}}"#);
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn a_success_on_the_phone_alone_does_not_pay_the_order() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await;
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    assert_eq!(phone.try_pay(&prepaid).await.status, 200, "the phone shows a success");
    world.wechat().wait_for_notices().await;
    // The table is read directly, because a read through the API would query WeChat Pay.
    assert_eq!(world.items("OrdersTable").await[0]["status"]["S"], "UNPAID");
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(phone.status(&order_id).await, "PAID", "WeChat Pay itself says so");
}

#[tokio::test]
async fn the_same_flow_runs_with_md5() {
    let world = World::start().with_config("[merchant]\nsign_type = \"MD5\"\n").await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await;
    assert_eq!(prepaid.text("/payParams/signType"), "MD5");
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn a_prepayment_and_its_repetition_keep_to_their_request_budget() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.prepay(&phone.order().await.1).await;
    let (_, out_trade_no) = phone.order().await;
    let (first, cost) = world.count_requests(phone.try_prepay(&out_trade_no)).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 1 });
    let (second, cost) = world.count_requests(phone.try_prepay(&out_trade_no)).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    assert_eq!(package(&first), package(&second), "the prepay_id is reused");
    assert_ne!(first.text("/payParams/nonceStr"), second.text("/payParams/nonceStr"));
}

#[tokio::test]
async fn a_prepayment_names_the_order_s_amount_the_caller_and_beijing_time() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    let body = json!({ "outTradeNo": out_trade_no, "totalFee": 200, "body": "水".repeat(60) });
    let request = world.request("POST", "/api/pay/unified-order").bearer_auth(&phone.token).json(&body);
    // Every client can send this header, so it is ignored.
    world.send(request.header("X-Forwarded-For", "203.0.113.7")).await.ok();
    let asked = &prepay_requests(&world)[0];
    assert_eq!(asked["spbill_create_ip"], "127.0.0.1");
    assert_eq!(asked["total_fee"], "200");
    assert_eq!(asked["body"], "水".repeat(42), "127 bytes at most, on a character's border");
    assert_eq!(asked["notify_url"], format!("{}/api/pay/notify", world.url()));
    let ends = shared::types::UnixSeconds::new(world.now() + 1800).to_pay_v2();
    assert_eq!(asked["time_expire"], ends);
}

#[tokio::test]
async fn an_order_is_described_by_its_products() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    assert_eq!(prepay_requests(&world)[0]["body"], "矿泉水 550ml×1");
}

#[tokio::test]
async fn a_malformed_prepayment_is_refused_and_makes_no_request() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    for (body, outcome) in [
        (json!({}), "400 INVALID_INPUT"),
        (json!({ "outTradeNo": out_trade_no, "openid": "o1" }), "400 INVALID_INPUT"),
        (json!({ "outTradeNo": out_trade_no, "totalFee": "200" }), "400 INVALID_INPUT"),
        (json!({ "outTradeNo": out_trade_no, "totalFee": 2.5 }), "400 INVALID_INPUT"),
        (json!({ "outTradeNo": out_trade_no, "body": "  " }), "400 INVALID_INPUT"),
        (json!({ "outTradeNo": out_trade_no, "totalFee": 1 }), "409 AMOUNT_MISMATCH"),
        (json!({ "outTradeNo": out_trade_no, "totalFee": 0 }), "409 AMOUNT_MISMATCH"),
        (json!({ "outTradeNo": "nonsense" }), "404 NOT_FOUND"),
        (json!({ "outTradeNo": "01HF7Y9B9X000000000000000001" }), "404 NOT_FOUND"),
    ] {
        assert_eq!(phone.post("/api/pay/unified-order", &body).await.outcome(), outcome, "{body}");
    }
    let body = json!({ "outTradeNo": out_trade_no });
    assert_eq!(world.post("/api/pay/unified-order", &body).await.outcome(), "401 UNAUTHORIZED");
    assert!(prepay_requests(&world).is_empty());
}

#[tokio::test]
async fn a_paid_order_is_not_prepaid_again() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    assert_snapshot!(phone.try_prepay(&out_trade_no).await.snapshot(), @r#"409 {"success":false,"code":"ORDER_PAID","message":"订单已支付","requestId":"…"}"#);
}

#[tokio::test]
async fn an_order_in_its_last_minute_is_not_prepaid() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    world.clock.advance(Duration::from_secs(1710));
    phone.prepay(&out_trade_no).await;
    let (_, late) = phone.order().await;
    world.clock.advance(Duration::from_secs(1711));
    assert_snapshot!(phone.try_prepay(&late).await.snapshot(), @r#"409 {"success":false,"code":"ORDER_CLOSED","message":"订单已关闭，请重新下单","requestId":"…"}"#);
}

#[tokio::test]
async fn lost_answers_and_a_busy_wechat_pay_repeat_the_identical_request() {
    let world = World::start().await;
    let phone = world.user().await;
    for fault in [
        Fault::Busy { path: PREPAY.into(), times: 2 },
        Fault::TimeoutAfter { path: PREPAY.into(), times: 2, millis: 0 },
        Fault::TimeoutBefore { path: PREPAY.into(), times: 2, millis: 0 },
        Fault::HttpStatus { path: PREPAY.into(), times: 2, status: 502 },
        Fault::Garbage { path: PREPAY.into(), times: 2 },
    ] {
        let (_, out_trade_no) = phone.order().await;
        let before = prepay_requests(&world).len();
        world.wechat().set_fault(fault.clone());
        let prepaid = phone.prepay(&out_trade_no).await;
        let asked = prepay_requests(&world)[before..].to_vec();
        assert_eq!(asked.len(), 3, "{fault:?}");
        assert!(asked.iter().all(|request| *request == asked[0]), "to the letter: {asked:?}");
        phone.pay(&prepaid).await;
    }
}

#[tokio::test]
async fn after_an_unknown_outcome_the_next_request_asks_for_the_same() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    world.wechat().set_fault(Fault::TimeoutAfter { path: PREPAY.into(), times: 3, millis: 0 });
    assert_snapshot!(phone.try_prepay(&out_trade_no).await.snapshot(), @r#"503 {"success":false,"code":"UPSTREAM_BUSY","message":"系统繁忙，请稍后再试","requestId":"…"}"#);
    // WeChat Pay has the order; another description would be refused as another request.
    let prepaid = phone.prepay(&out_trade_no).await;
    phone.pay(&prepaid).await;
    let numbers: std::collections::BTreeSet<_> =
        prepay_requests(&world).iter().map(|r| r["out_trade_no"].to_string()).collect();
    assert_eq!(numbers.len(), 1, "no other number was begun");
}

#[tokio::test]
async fn another_description_closes_the_old_attempt_and_begins_a_new_one() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let ask = |body: &'static str| json!({ "outTradeNo": out_trade_no.clone(), "body": body });
    let first = phone.post("/api/pay/unified-order", &ask("一")).await.ok();
    let second = phone.post("/api/pay/unified-order", &ask("二")).await.ok();
    assert_ne!(package(&first), package(&second));
    assert_ne!(phone.try_pay(&first).await.status, 200, "the old one can't be paid any more");
    phone.pay(&second).await;
    world.wechat().wait_for_notices().await;
    let order = phone.get(&format!("/api/orders/{order_id}")).await;
    assert_eq!(order.text("/order/status"), "PAID");
    assert!(order.text("/order/outTradeNo").ends_with("02"));
}

#[tokio::test]
async fn a_number_closed_or_used_at_wechat_pay_is_replaced_by_the_next() {
    let world = World::start().await;
    let phone = world.user().await;
    for err_code in ["ORDERCLOSED", "OUT_TRADE_NO_USED"] {
        let (order_id, out_trade_no) = phone.order().await;
        world.wechat().set_fault(Fault::ErrCode { path: PREPAY.into(), err_code: err_code.into(), times: 1 });
        let prepaid = phone.prepay(&out_trade_no).await;
        phone.pay(&prepaid).await;
        world.wechat().wait_for_notices().await;
        let order = phone.get(&format!("/api/orders/{order_id}")).await;
        assert_eq!(order.text("/order/status"), "PAID", "{err_code}");
        assert!(order.text("/order/outTradeNo").ends_with("02"), "{err_code}");
    }
}

#[tokio::test]
async fn an_order_that_wechat_pay_calls_paid_becomes_paid() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy_unnoticed().await;
    // As if the prepayment had not been stored.
    let forget = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "REMOVE prepay" });
    world.dynamo().call_as_operator("UpdateItem", forget).await.expect("an update");
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "409 ORDER_PAID");
    assert_eq!(phone.status(&order_id).await, "PAID");
    assert_eq!(world.items("PaymentsTable").await.len(), 1);
}

#[tokio::test]
async fn refusals_have_answers_of_their_own() {
    let world = World::start().await;
    let phone = world.user().await;
    for (err_code, outcome) in [
        ("NOTENOUGH", "409 BALANCE_NOT_ENOUGH"),
        ("NOAUTH", "500 INTERNAL_ERROR"),
        ("APPID_MCHID_NOT_MATCH", "500 INTERNAL_ERROR"),
        ("FREQUENCY_LIMITED", "429 RATE_LIMITED"),
        ("INVALID_REQUEST", "500 INTERNAL_ERROR"),
    ] {
        let (_, out_trade_no) = phone.order().await;
        world.wechat().set_fault(Fault::ErrCode { path: PREPAY.into(), err_code: err_code.into(), times: 1 });
        assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), outcome, "{err_code}");
        world.wechat().clear_faults();
        // The order can be prepaid when WeChat Pay works again.
        phone.prepay(&out_trade_no).await;
    }
    world.wechat().set_fault(Fault::BadSign { path: PREPAY.into(), times: 1 });
    let (_, out_trade_no) = phone.order().await;
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "500 INTERNAL_ERROR");
}

#[tokio::test]
async fn twenty_prepayments_at_once_are_one() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = futures_util::future::join_all((0..20).map(|_| phone.try_prepay(&out_trade_no))).await;
    let numbers: std::collections::BTreeSet<_> =
        prepay_requests(&world).iter().map(|r| r["out_trade_no"].to_string()).collect();
    assert_eq!(numbers.len(), 1);
    let last = prepaid.into_iter().map(e2e::Response::ok).next_back().expect("an answer");
    phone.pay(&last).await;
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn prepaying_and_cancelling_at_once_leave_no_payable_prepayment() {
    let world = World::start().await;
    let phone = world.user().await;
    for _ in 0..10 {
        let (order_id, out_trade_no) = phone.order().await;
        let cancel = format!("/api/orders/{order_id}/cancel");
        let nothing = json!({});
        let (prepaid, cancelled) =
            futures_util::join!(phone.try_prepay(&out_trade_no), phone.post(&cancel, &nothing));
        cancelled.ok();
        assert_eq!(phone.status(&order_id).await, "CLOSED");
        if prepaid.status == 200 {
            assert_ne!(phone.try_pay(&prepaid).await.status, 200);
        } else {
            assert_eq!(prepaid.outcome(), "409 ORDER_CLOSED");
        }
    }
}

#[tokio::test]
async fn a_prepayment_of_an_attempt_closed_meanwhile_is_not_answered() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    // WeChat Pay accepts the first request and answers late. The second has another description, and arrives before the first is
    // stored.
    world.wechat().set_fault(Fault::TimeoutAfter { path: "/pay/unifiedorder".into(), millis: 500, times: 1 });
    world.wechat().set_fault(Fault::TimeoutBefore { path: "/pay/orderquery".into(), millis: 2500, times: 1 });
    let one = async { phone.try_prepay(&out_trade_no).await };
    let other = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        phone.post("/api/pay/unified-order", &json!({ "outTradeNo": out_trade_no, "body": "另一段" })).await
    };
    let (_, other) = futures_util::join!(one, other);
    phone.pay(&other.ok()).await;
}

#[tokio::test]
async fn an_interrupted_cancellation_leaves_an_order_that_can_be_paid() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    world.dynamo().inject_fault(local_dynamo::DynamoFault {
        caller: None,
        operation: Some("TransactWriteItems".to_owned()),
        kind: local_dynamo::FaultKind::TimeoutBefore,
        times: 3,
    });
    let cancelled = phone.try_cancel(&order_id).await;
    assert_eq!(cancelled.outcome(), "503 UPSTREAM_BUSY", "closed at WeChat Pay, and not here");
    world.clock.advance(Duration::from_secs(120));
    world.sweep().await;
    let again = phone.prepay(&out_trade_no).await;
    phone.pay(&again).await;
}

#[tokio::test]
async fn a_user_can_t_pay_with_another_user_s_prepayment() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let prepaid = one.prepay(&one.order().await.1).await;
    assert_ne!(two.try_pay(&prepaid).await.status, 200);
}

#[tokio::test]
async fn terms_whose_answer_was_lost_are_requested_again() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    world.wechat().set_fault(Fault::TimeoutAfter { path: PREPAY.into(), times: 3, millis: 0 });
    let with = json!({ "outTradeNo": out_trade_no, "body": "生日蛋糕" });
    assert_eq!(phone.post("/api/pay/unified-order", &with).await.outcome(), "503 UPSTREAM_BUSY");
    let prepaid = phone.prepay(&out_trade_no).await;
    assert!(prepay_requests(&world).iter().all(|request| request["body"] == "生日蛋糕"));
    phone.pay(&prepaid).await;
}

#[tokio::test]
async fn a_prepayment_is_renewed_before_its_two_hours_are_over() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let first = phone.prepay(&out_trade_no).await;
    // An order that can be paid for longer than usual.
    let later = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "SET prepay.#at = :at", "ExpressionAttributeNames": { "#at": "at" },
        "ExpressionAttributeValues": { ":at": { "N": (world.now() - 6901).to_string() } } });
    world.dynamo().call_as_operator("UpdateItem", later).await.expect("an update");
    let before = prepay_requests(&world).len();
    phone.prepay(&out_trade_no).await;
    assert_eq!(prepay_requests(&world).len() - before, 1, "{}", package(&first));
}

#[tokio::test]
async fn a_stale_order_neither_closes_nor_renumbers_a_newer_prepayment() {
    use shared::store::{CloseWriteOutcome, Orders, WriteOutcome};
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let host = world.bundle().host("unified-order").expect("a function");
    let orders = Orders::new(&host).expect("its settings");
    let id = shared::types::OrderId::parse(&order_id).expect("an id");
    let stale = orders.get(id).await.expect("an answer").expect("the order");
    let prepaid = phone.prepay(&out_trade_no).await;
    let now = shared::types::UnixSeconds::new(world.now());
    assert!(matches!(orders.close(&stale, now).await, Ok(CloseWriteOutcome::Conflict(_))));
    let next = stale.out_trade_no.next().expect("a number");
    assert!(matches!(orders.begin_attempt(&stale, next).await, Ok(WriteOutcome::Conflict(_))));
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn a_claim_to_query_an_order_is_given_once() {
    use shared::store::Orders;
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.order().await;
    let host = world.bundle().host("order-sweep").expect("a function");
    let orders = Orders::new(&host).expect("its settings");
    let id = shared::types::OrderId::parse(&order_id).expect("an id");
    let order = orders.get(id).await.expect("an answer").expect("the order");
    let now = shared::types::UnixSeconds::new(world.now());
    assert!(orders.claim_query(&order, now).await.expect("an answer"));
    assert!(!orders.claim_query(&order, now).await.expect("an answer"));
    let order = orders.get(id).await.expect("an answer").expect("the order");
    assert!(orders.claim_immediate_query(&order, now.plus(Duration::from_secs(1))).await.expect("an answer"));
    assert!(
        !orders.claim_immediate_query(&order, now.plus(Duration::from_secs(1))).await.expect("an answer")
    );
}
