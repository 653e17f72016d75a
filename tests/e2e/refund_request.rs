//! `POST /api/orders/{orderId}/refund-request`, `/api/admin/refund-requests`

use std::time::Duration;

use e2e::{Phone, Response, World};
use futures_util::future::join_all;
use local_dynamo::{DynamoFault, FaultKind};
use serde_json::{Value, json};

const REASON: &str = "买多了";

/// A user asks for money back.
async fn ask(phone: &Phone<'_>, order_id: &str, body: &Value) -> Response {
    phone.post(&format!("/api/orders/{order_id}/refund-request"), body).await
}

/// A user asks for all of the order; the request's id.
async fn ask_for_all(phone: &Phone<'_>, order_id: &str) -> String {
    ask(phone, order_id, &json!({ "reason": REASON })).await.ok().text("/refundRequest/id")
}

async fn decide(world: &World, id: &str, decision: &str, body: &Value) -> Response {
    world.operator("POST", &format!("/api/admin/refund-requests/{id}/{decision}"), body).await
}

async fn list(world: &World, query: &str) -> Value {
    world.operator("GET", &format!("/api/admin/refund-requests{query}"), &json!({})).await.ok().json()
}

async fn order(phone: &Phone<'_>, order_id: &str) -> Value {
    phone.get(&format!("/api/orders/{order_id}")).await.ok().json()["order"].clone()
}

#[tokio::test]
async fn an_approved_request_gives_the_money_back_and_shows_in_the_order() {
    for config in ["", "[merchant]\napi = \"v3\""] {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (order_id, out_trade_no) = phone.buy().await;
        let id = ask_for_all(&phone, &order_id).await;
        let waiting = json!({ "id": id, "state": "REQUESTED", "reason": REASON, "refundFee": 200 });
        assert_eq!(order(&phone, &order_id).await["refundRequest"], waiting);
        let listed = list(&world, "").await;
        let one = &listed["refundRequests"][0];
        assert_eq!((&one["id"], &one["outTradeNo"]), (&json!(id), &json!(out_trade_no)));
        assert_eq!(one["totalFee"], 200);
        let approved = decide(&world, &id, "approve", &json!({ "note": "已同意" })).await.ok();
        world.wechat().wait_for_notices().await;
        assert_eq!(approved.text("/refundRequest/state"), "APPROVED");
        assert_eq!(approved.text("/refundRequest/decidedBy"), "arn:aws:iam::000000000000:user/local");
        let read = format!("/api/admin/refunds/{}", approved.text("/refundRequest/outRefundNo"));
        assert_eq!(world.operator("GET", &read, &json!({})).await.ok().text("/refund/status"), "SUCCESS");
        let order = order(&phone, &order_id).await;
        assert_eq!((&order["status"], &order["refundedFee"]), (&json!("REFUNDED"), &json!(200)));
        assert_eq!(order["refundRequest"]["note"], "已同意");
        assert!(list(&world, "").await["refundRequests"].as_array().is_some_and(Vec::is_empty));
        assert_eq!(list(&world, "?state=APPROVED").await["refundRequests"][0]["id"], json!(id));
        let again = decide(&world, &id, "approve", &json!({})).await.ok();
        assert_eq!(again.text("/refundRequest/state"), "APPROVED");
        assert_eq!(world.wechat().refunds().len(), 1);
    }
}

#[tokio::test]
async fn a_rejected_request_names_its_note_and_the_user_may_ask_again() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy().await;
    let first = ask_for_all(&phone, &order_id).await;
    assert_eq!(decide(&world, &first, "reject", &json!({})).await.outcome(), "400 INVALID_INPUT");
    for _ in 0..2 {
        let rejected = decide(&world, &first, "reject", &json!({ "note": "已发货" })).await.ok();
        assert_eq!(rejected.text("/refundRequest/state"), "REJECTED");
    }
    assert_eq!(decide(&world, &first, "approve", &json!({})).await.outcome(), "409 CONFLICT");
    assert_eq!(order(&phone, &order_id).await["refundRequest"]["note"], "已发货");
    assert_eq!(order(&phone, &order_id).await["status"], "PAID");
    let second = ask_for_all(&phone, &order_id).await;
    assert_ne!(second, first);
    assert_eq!(
        decide(&world, &first, "reject", &json!({ "note": "已发货" })).await.outcome(),
        "409 CONFLICT"
    );
    for _ in 0..3 {
        let id = ask_for_all(&phone, &order_id).await;
        decide(&world, &id, "reject", &json!({ "note": "已发货" })).await.ok();
    }
    let id = ask_for_all(&phone, &order_id).await;
    decide(&world, &id, "reject", &json!({ "note": "已发货" })).await.ok();
    assert_eq!(
        ask(&phone, &order_id, &json!({ "reason": REASON })).await.outcome(),
        "409 CONFLICT",
        "the sixth"
    );
}

#[tokio::test]
async fn one_request_of_an_order_is_open_at_a_time() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy().await;
    let body = json!({ "reason": REASON, "refundFee": 50 });
    let asked = join_all((0..20).map(|_| ask(&phone, &order_id, &body))).await;
    assert!(asked.iter().all(|answer| answer.status == 200), "the same request again is the same");
    assert_eq!(list(&world, "").await["refundRequests"].as_array().map(Vec::len), Some(1));
    let other = ask(&phone, &order_id, &json!({ "reason": "别的原因" })).await;
    assert_eq!(other.outcome(), "409 CONFLICT");
    let events = world.items("OutboxTable").await;
    let asked = events.iter().filter(|event| event["event"]["S"] == "refund.requested").count();
    assert_eq!(asked, 1, "{events:?}");
}

#[tokio::test]
async fn many_operators_who_decide_at_once_begin_one_refund_at_most() {
    let world = World::start().await;
    let phone = world.user().await;
    for _ in 0..3 {
        let (order_id, _) = phone.buy().await;
        let id = ask_for_all(&phone, &order_id).await;
        let (approve, reject) = (json!({}), json!({ "note": "已发货" }));
        let decisions = (0..10).map(|number| {
            let (decision, body) = if number % 2 == 0 { ("approve", &approve) } else { ("reject", &reject) };
            decide(&world, &id, decision, body)
        });
        let answers = join_all(decisions).await;
        world.wechat().wait_for_notices().await;
        let state = order(&phone, &order_id).await["refundRequest"]["state"].clone();
        for (number, answer) in answers.iter().enumerate() {
            let wins = (number % 2 == 0) == (state == "APPROVED");
            assert_eq!(answer.status, if wins { 200 } else { 409 }, "{state} {number} {}", answer.body);
        }
        let order = order(&phone, &order_id).await;
        assert_eq!(order["status"] == "REFUNDED", state == "APPROVED", "{order}");
    }
}

#[tokio::test]
async fn an_approval_may_give_less_and_a_later_refund_the_rest() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    let id = ask_for_all(&phone, &order_id).await;
    let too_much = decide(&world, &id, "approve", &json!({ "refundFee": 201 })).await;
    assert_eq!(too_much.outcome(), "409 CONFLICT");
    let approved = decide(&world, &id, "approve", &json!({ "refundFee": 120 })).await.ok();
    assert_eq!(approved.json()["refundRequest"]["refundFee"], 120);
    assert_eq!(decide(&world, &id, "approve", &json!({ "refundFee": 80 })).await.outcome(), "409 CONFLICT");
    world.wechat().wait_for_notices().await;
    let more = ask(&phone, &order_id, &json!({ "reason": REASON, "refundFee": 81 })).await;
    assert_eq!(more.outcome(), "409 CONFLICT");
    let rest = ask_for_all(&phone, &order_id).await;
    // WeChat Pay takes one partial refund of a payment a minute.
    world.clock.advance(Duration::from_secs(61));
    world.request_refund(&json!({ "outTradeNo": out_trade_no }), "rest").await;
    assert_eq!(
        decide(&world, &rest, "approve", &json!({})).await.outcome(),
        "409 CONFLICT",
        "nothing is left"
    );
    decide(&world, &rest, "reject", &json!({ "note": "已退款" })).await.ok();
    assert_eq!(order(&phone, &order_id).await["status"], "REFUNDED");
}

#[tokio::test]
async fn a_request_is_for_the_owner_of_a_paid_order_with_a_reason() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let (unpaid, _) = one.order().await;
    assert_eq!(ask(&one, &unpaid, &json!({ "reason": REASON })).await.outcome(), "409 CONFLICT");
    let (paid, _) = one.buy().await;
    assert_eq!(ask(&two, &paid, &json!({ "reason": REASON })).await.outcome(), "404 NOT_FOUND");
    for body in [
        json!({}),
        json!({ "reason": " " }),
        json!({ "reason": "字".repeat(81) }),
        json!({ "reason": REASON, "refundFee": 0 }),
        json!({ "reason": REASON, "refundFee": -1 }),
        json!({ "reason": REASON, "state": "APPROVED" }),
    ] {
        assert_eq!(ask(&one, &paid, &body).await.outcome(), "400 INVALID_INPUT", "{body}");
    }
    for id in [format!("{paid}-1"), format!("{paid}-0"), "x".to_owned(), unpaid] {
        assert_eq!(decide(&world, &id, "approve", &json!({})).await.outcome(), "404 NOT_FOUND", "{id}");
        let reject = decide(&world, &id, "reject", &json!({ "note": "不" })).await;
        assert_eq!(reject.outcome(), "404 NOT_FOUND", "{id}");
    }
    for query in ["?state=OPEN", "?cursor=x"] {
        let path = format!("/api/admin/refund-requests{query}");
        assert_eq!(world.operator("GET", &path, &json!({})).await.outcome(), "400 INVALID_INPUT");
    }
}

#[tokio::test]
async fn a_decision_whose_answer_was_lost_is_made_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy().await;
    let lose_answer = |caller: &str| {
        world.dynamo().inject_fault(DynamoFault {
            caller: Some(caller.to_owned()),
            operation: Some("TransactWriteItems".to_owned()),
            kind: FaultKind::TimeoutAfter,
            times: 1,
        });
    };
    lose_answer("OrderFunction");
    let id = ask_for_all(&phone, &order_id).await;
    assert!(id.ends_with("-1"));
    lose_answer("RefundFunction");
    let approved = decide(&world, &id, "approve", &json!({})).await.ok();
    assert_eq!(approved.text("/refundRequest/state"), "APPROVED");
    world.wechat().wait_for_notices().await;
    assert_eq!(world.wechat().refunds().len(), 1);
    assert_eq!(order(&phone, &order_id).await["status"], "REFUNDED");
}

#[tokio::test]
async fn the_list_of_requests_is_paged_the_longest_waiting_first() {
    let world = World::start().with_config("[orders]\nmax_unpaid = 100").await;
    let phone = world.user().await;
    let mut asked = Vec::new();
    for _ in 0..52 {
        let (order_id, _) = phone.buy().await;
        asked.push(ask_for_all(&phone, &order_id).await);
        world.clock.advance(Duration::from_secs(1));
    }
    let first = list(&world, "").await;
    let second = list(&world, &format!("?cursor={}", first["cursor"].as_str().expect("a cursor"))).await;
    let ids = |page: &Value| -> Vec<String> {
        let requests = page["refundRequests"].as_array().expect("requests").clone();
        requests.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!([ids(&first), ids(&second)].concat(), asked);
    assert_eq!(second.get("cursor"), None);
}
