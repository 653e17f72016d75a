//! `/api/admin/refunds`

use std::time::Duration;

use e2e::{Response, World};
use futures_util::future::join_all;
use local_wechat::{Fault, RefundStatus};
use serde_json::{Value, json};
use shared::{
    store::{BeginRefundOutcome, NewRefund, RefundRefusal, Refunds},
    types::{OperatorArn, OutRefundNo, OutTradeNo},
};

/// Asks for a refund; notices that follow from it have arrived.
async fn refund(world: &World, key: &str, body: Value) -> Response {
    world.try_request_refund(&body, key).await
}

async fn read(world: &World, out_refund_no: &str) -> Response {
    world.operator("GET", &format!("/api/admin/refunds/{out_refund_no}"), &json!({})).await
}

async fn status(world: &World, out_refund_no: &str) -> String {
    read(world, out_refund_no).await.ok().text("/refund/status")
}

/// The sum of the refunds that WeChat Pay has made, in fen.
fn refunded_sum(world: &World) -> u64 {
    let refunds = world.wechat().refunds();
    refunds
        .iter()
        .filter(|refund| refund.status == RefundStatus::Success)
        .map(|refund| refund.refund_fee)
        .sum()
}

/// Both interfaces, each with the configuration that chooses it.
const APIS: [&str; 2] = ["", "[merchant]\napi = \"v3\""];

#[tokio::test]
async fn a_whole_refund_ends_with_the_order_refunded_by_both_interfaces() {
    for config in APIS {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (order_id, out_trade_no) = phone.buy().await;
        let body = json!({ "outTradeNo": out_trade_no, "reason": "不想要了" });
        let asked = refund(&world, "first", body.clone()).await.ok();
        assert_eq!(asked.json()["refund"]["refundFee"], 200);
        assert_eq!(asked.text("/refund/requestedBy"), "arn:aws:iam::000000000000:user/local");
        let number = asked.text("/refund/outRefundNo");
        assert_eq!(status(&world, &number).await, "SUCCESS", "the notice has arrived");
        let order = phone.get(&format!("/api/orders/{order_id}")).await.ok();
        assert_eq!(order.text("/order/status"), "REFUNDED");
        assert_eq!(order.json()["order"]["refundedFee"], 200);
        let again = refund(&world, "first", body).await.ok();
        assert_eq!(again.text("/refund/outRefundNo"), number, "the same key is the same refund");
        assert_eq!(world.wechat().refunds().len(), 1);
        let another = refund(&world, "second", json!({ "outTradeNo": out_trade_no })).await;
        assert_eq!(another.outcome(), "409 CONFLICT");
        assert_eq!(refunded_sum(&world), 200);
    }
}

#[tokio::test]
async fn a_part_leaves_the_order_paid_and_shows_what_went_back() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    for (key, fee) in [("a", 50), ("b", 70)] {
        let body = json!({ "outTradeNo": out_trade_no, "refundFee": fee });
        refund(&world, key, body).await.ok();
        world.clock.advance(Duration::from_secs(61));
    }
    let order = phone.get(&format!("/api/orders/{order_id}")).await.ok();
    assert_eq!(order.text("/order/status"), "PAID");
    assert_eq!(order.json()["order"]["refundedFee"], 120);
    let too_much = refund(&world, "c", json!({ "outTradeNo": out_trade_no, "refundFee": 81 })).await;
    assert_eq!(too_much.outcome(), "409 CONFLICT");
    assert!(too_much.text("/message").contains("80"), "the response gives the sum that is left");
    let rest = refund(&world, "c", json!({ "outTradeNo": out_trade_no })).await.ok();
    assert_eq!(rest.json()["refund"]["refundFee"], 80);
    assert_eq!(phone.status(&order_id).await, "REFUNDED");
    assert_eq!(refunded_sum(&world), 200);
}

#[tokio::test]
async fn twenty_refunds_at_once_never_give_back_more_than_was_paid() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    let asked = (0..20).map(|n| {
        let body = json!({ "outTradeNo": out_trade_no, "refundFee": 30 });
        let (world, key) = (&world, format!("key-{}", n % 10));
        async move { world.operator_once("POST", "/api/admin/refunds", &body, &key).await }
    });
    let answers = join_all(asked).await;
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(accepted <= 12, "six refunds of 30, each asked for twice at most: {accepted}");
    // A request that was answered 409 is repeated.
    for n in 0..10 {
        let body = json!({ "outTradeNo": out_trade_no, "refundFee": 30 });
        let answer = world.operator_once("POST", "/api/admin/refunds", &body, &format!("key-{n}")).await;
        assert!(matches!(answer.status, 200 | 409), "{}", answer.body);
    }
    // WeChat Pay wants a minute between two refunds of a payment, and the sweep waits that long.
    for _ in 0..40 {
        world.clock.advance(Duration::from_secs(61));
        world.sweep().await;
        world.wechat().wait_for_notices().await;
    }
    assert!(refunded_sum(&world) <= 200);
    let order = phone.get(&format!("/api/orders/{order_id}")).await.ok();
    assert_eq!(order.json()["order"]["refundedFee"], refunded_sum(&world));
    let begun = world.items("RefundsTable").await;
    assert!(begun.iter().all(|row| row["status"]["S"] == "SUCCESS"), "{begun:?}");
    assert_eq!(begun.len(), 6);
}

#[tokio::test]
async fn a_refund_that_the_same_request_has_begun_meanwhile_is_not_refused() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    let asked = refund(&world, "k", json!({ "outTradeNo": out_trade_no })).await.ok();
    // A second request that had looked for the refund before it was there, and for the payment when it had given everything back.
    let refunds = Refunds::new(&world.operator_host("refund")).expect("its settings");
    let attempt = OutTradeNo::parse(&out_trade_no).expect("a number");
    let payment = refunds.find_payment(attempt).await.expect("an answer").expect("a payment");
    let begin = async |number: &str| {
        let new = NewRefund {
            out_refund_no: OutRefundNo::parse(number).expect("a number"),
            refund_fee: None,
            reason: None,
            requested_by: OperatorArn::parse("arn:aws:iam::000000000000:user/local").expect("an ARN"),
            notify_url: None,
            approval: None,
        };
        let (order, _) =
            refunds.get_with_order(attempt.order_id(), &new.out_refund_no).await.expect("an answer");
        refunds.begin(&order.expect("an order"), &payment, &new).await.expect("an outcome")
    };
    let number = asked.text("/refund/outRefundNo");
    let outcome = begin(&number).await;
    assert!(
        matches!(&outcome, BeginRefundOutcome::AlreadyBegun(row) if row.out_refund_no.as_str() == number),
        "{outcome:?}"
    );
    let outcome = begin("another").await;
    assert!(matches!(outcome, BeginRefundOutcome::Refused(RefundRefusal::Forbidden)), "{outcome:?}");
}

#[tokio::test]
async fn a_refund_with_a_lost_answer_and_notice_is_finished_once_by_the_sweep() {
    for (config, path) in APIS.into_iter().zip(["/secapi/pay/refund", "/v3/refund/domestic/refunds"]) {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (order_id, out_trade_no) = phone.buy().await;
        world.wechat().set_fault(Fault::TimeoutAfter { path: path.into(), millis: 1, times: 3 });
        world.wechat().set_fault(Fault::NoticeLost { times: 1 });
        let asked = refund(&world, "k", json!({ "outTradeNo": out_trade_no })).await.ok();
        assert_eq!(asked.text("/refund/status"), "PROCESSING");
        assert_eq!(phone.status(&order_id).await, "REFUNDING");
        world.clock.advance(Duration::from_secs(61));
        world.sweep().await;
        world.clock.advance(Duration::from_secs(121));
        world.sweep().await;
        assert_eq!(phone.status(&order_id).await, "REFUNDED");
        assert_eq!(world.wechat().refunds().len(), 1);
        assert_eq!(refunded_sum(&world), 200);
    }
}

#[tokio::test]
async fn a_refund_whose_request_never_arrived_is_made_by_the_sweep() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    world.wechat().set_fault(Fault::TimeoutBefore { path: "/secapi/pay/refund".into(), millis: 1, times: 3 });
    refund(&world, "k", json!({ "outTradeNo": out_trade_no })).await.ok();
    assert!(world.wechat().refunds().is_empty(), "WeChat Pay has no such refund");
    world.clock.advance(Duration::from_secs(61));
    world.sweep().await;
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "REFUNDED");
}

#[tokio::test]
async fn a_refund_waits_for_the_merchant_s_balance_under_the_same_number() {
    for config in APIS {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (order_id, out_trade_no) = phone.buy().await;
        world.wechat().set_fault(Fault::RefundBalance { times: 1 });
        let body = json!({ "outTradeNo": out_trade_no });
        let asked = refund(&world, "k", body.clone()).await.ok();
        assert_eq!(asked.text("/refund/status"), "PROCESSING");
        assert!(asked.text("/refund/failure").starts_with("NOT"), "the response gives the reason");
        // The operator has filled the balance and does not want to wait for the sweep.
        let again = refund(&world, "k", body).await.ok();
        assert_eq!(again.json()["refund"]["outRefundNo"], asked.json()["refund"]["outRefundNo"]);
        assert_eq!(phone.status(&order_id).await, "REFUNDED");
        assert_eq!(world.wechat().refunds().len(), 1);
    }
}

#[tokio::test]
async fn a_refund_that_can_t_reach_the_user_is_a_case_and_may_yet_succeed() {
    for config in APIS {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (order_id, out_trade_no) = phone.buy().await;
        world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Abnormal, times: 1 });
        let asked = refund(&world, "k", json!({ "outTradeNo": out_trade_no })).await.ok();
        let number = asked.text("/refund/outRefundNo");
        assert_eq!(status(&world, &number).await, "ABNORMAL");
        assert_eq!(phone.status(&order_id).await, "REFUNDING");
        let cases = world.items("CasesTable").await;
        assert_eq!(cases.len(), 1, "{cases:?}");
        assert_eq!(cases[0]["kind"]["S"], "REFUND_STUCK");
        // An operator ends the refund in the merchant console.
        world.wechat().finish_refund(&number, RefundStatus::Success);
        world.wechat().wait_for_notices().await;
        world.clock.advance(Duration::from_secs(24 * 60 * 60 + 60));
        world.sweep().await;
        assert_eq!(status(&world, &number).await, "SUCCESS");
        assert_eq!(phone.status(&order_id).await, "REFUNDED");
    }
}

#[tokio::test]
async fn a_refund_that_wechat_pay_closed_can_be_requested_again() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Closed, times: 1 });
    let asked = refund(&world, "k", json!({ "outTradeNo": out_trade_no })).await.ok();
    assert_eq!(status(&world, &asked.text("/refund/outRefundNo")).await, "CLOSED");
    assert_eq!(phone.status(&order_id).await, "PAID", "no money went back");
    world.clock.advance(Duration::from_secs(61));
    refund(&world, "another key", json!({ "outTradeNo": out_trade_no })).await.ok();
    assert_eq!(phone.status(&order_id).await, "REFUNDED");
    assert_eq!(refunded_sum(&world), 200);
}

#[tokio::test]
async fn a_refund_that_wechat_pay_refuses_for_good_releases_its_sum() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    let code = "USER_ACCOUNT_ABNORMAL".to_owned();
    world.wechat().set_fault(Fault::ErrCode { path: "/secapi/pay/refund".into(), err_code: code, times: 1 });
    let asked = refund(&world, "k", json!({ "outTradeNo": out_trade_no })).await.ok();
    assert_eq!(asked.text("/refund/status"), "CLOSED");
    assert_eq!(asked.text("/refund/failure"), "USER_ACCOUNT_ABNORMAL");
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn a_payment_after_closing_is_refunded_automatically() {
    let world = World::start().await;
    let phone = world.user().await;
    // The order was closed here while the user was paying, so that WeChat Pay has the money.
    let (order_id, out_trade_no) = phone.buy_unnoticed().await;
    let mut closed = world.items("OrdersTable").await.remove(0);
    closed["status"] = json!({ "S": "CLOSED" });
    world.put_item("OrdersTable", closed).await;
    let transaction = world.wechat().ledger()[0].transaction_id.clone().expect("paid");
    let notice = world.wechat_pay().payment_fields(&out_trade_no, &transaction, &phone.openid, 200);
    world.wechat_pay().deliver_payment(notice).await;
    assert_eq!(phone.status(&order_id).await, "CLOSED");
    world.sweep().await;
    world.wechat().wait_for_notices().await;
    assert_eq!(refunded_sum(&world), 200);
    let refunds = world.items("RefundsTable").await;
    assert_eq!(refunds[0]["status"]["S"], "SUCCESS");
    assert_eq!(refunds[0]["cause"]["S"], "AFTER_CLOSE");
}

#[tokio::test]
async fn a_refund_of_the_merchant_console_is_recorded_by_its_notice() {
    let world = World::start().with_config("[merchant]\napi = \"v3\"").await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    let transaction = world.wechat().ledger()[0].transaction_id.clone().expect("paid");
    let made = world.wechat().refund_in_console(&transaction, 50);
    let notice = json!({
        "mchid": world.wechat().account().mch_id, "out_trade_no": out_trade_no, "transaction_id": transaction,
        "out_refund_no": made.out_refund_no, "refund_id": made.refund_id, "refund_status": "SUCCESS",
        "success_time": "2026-11-21T12:00:00+08:00",
        "amount": { "total": 200, "refund": 50, "payer_total": 200, "payer_refund": 50 },
        "user_received_account": "支付用户零钱",
    });
    for _ in 0..3 {
        let answer =
            world.wechat_pay().send_v3("/api/pay/refund-notify", "REFUND.SUCCESS", notice.clone()).await;
        assert_eq!(answer.status, 204);
    }
    let order = phone.get(&format!("/api/orders/{order_id}")).await.ok();
    assert_eq!(order.json()["order"]["refundedFee"], 50);
    let too_much = refund(&world, "k", json!({ "outTradeNo": out_trade_no, "refundFee": 151 })).await;
    assert_eq!(too_much.outcome(), "409 CONFLICT", "the sum of the console can't be refunded twice");
}

#[tokio::test]
async fn malformed_and_foreign_requests_are_refused_and_begin_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    for (body, outcome) in [
        (json!({}), "400 INVALID_INPUT"),
        (json!({ "outTradeNo": out_trade_no, "refundFee": 0 }), "400 INVALID_INPUT"),
        (json!({ "outTradeNo": out_trade_no, "reason": "x".repeat(81) }), "400 INVALID_INPUT"),
        (json!({ "outTradeNo": out_trade_no, "totalFee": 1 }), "400 INVALID_INPUT"),
        (json!({ "outTradeNo": "nonsense" }), "404 NOT_FOUND"),
        (json!({ "outTradeNo": "01HF7Y9B9X000000000000000001" }), "404 NOT_FOUND"),
        (json!({ "outTradeNo": out_trade_no }), "409 CONFLICT"),
    ] {
        assert_eq!(refund(&world, "k", body.clone()).await.outcome(), outcome, "{body}");
    }
    let keyless = world.operator("POST", "/api/admin/refunds", &json!({ "outTradeNo": out_trade_no })).await;
    assert_eq!(keyless.outcome(), "400 INVALID_INPUT", "without a key it could be made twice");
    assert_eq!(read(&world, "nothing").await.outcome(), "404 NOT_FOUND");
    assert!(world.items("RefundsTable").await.is_empty() && world.wechat().refunds().is_empty());
}

#[tokio::test]
async fn a_key_that_was_used_for_another_refund_is_refused() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    let body = |fee: u64| json!({ "outTradeNo": out_trade_no, "refundFee": fee });
    refund(&world, "k", body(10)).await.ok();
    assert_eq!(refund(&world, "k", body(20)).await.outcome(), "409 CONFLICT");
    assert_eq!(refunded_sum(&world), 10);
}

#[tokio::test]
async fn a_refused_refund_that_succeeds_after_all_is_recorded_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy().await;
    let (wechat, path) = (world.wechat(), "/secapi/pay/refund");
    // The first request takes effect and its answer is lost. Its repetition is refused, and the query is answered as if the
    // refund did not exist.
    wechat.set_fault(Fault::RefundStalled { times: 1 });
    wechat.set_fault(Fault::TimeoutAfter { path: path.into(), millis: 1, times: 1 });
    wechat.set_fault(Fault::ErrCode { path: path.into(), err_code: "PARAM_ERROR".into(), times: 1 });
    let unknown = "REFUNDNOTEXIST".to_owned();
    wechat.set_fault(Fault::ErrCode { path: "/pay/refundquery".into(), err_code: unknown, times: 1 });
    let body = json!({ "outTradeNo": out_trade_no, "refundFee": 50 });
    let given_up = refund(&world, "k", body.clone()).await.ok();
    assert_eq!(given_up.text("/refund/status"), "CLOSED");
    wechat.finish_refund(&given_up.text("/refund/outRefundNo"), RefundStatus::Success);
    wechat.wait_for_notices().await;
    assert_eq!(status(&world, &given_up.text("/refund/outRefundNo")).await, "SUCCESS");
    let order = phone.get(&format!("/api/orders/{order_id}")).await.ok();
    assert_eq!(order.json()["order"]["refundedFee"], 50);
    assert_eq!(refunded_sum(&world), 50);
    let rest = refund(&world, "all", json!({ "outTradeNo": out_trade_no, "refundFee": 151 })).await;
    assert_eq!(rest.outcome(), "409 CONFLICT");
}

#[tokio::test]
async fn a_refund_that_wechat_pay_closes_after_the_request_is_a_case() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Closed, times: 1 });
    refund(&world, "k", json!({ "outTradeNo": out_trade_no })).await.ok();
    assert_eq!(world.items("CasesTable").await[0]["kind"]["S"], "REFUND_STUCK");
}

#[tokio::test]
async fn the_number_that_a_paid_order_shows_can_be_refunded() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, first) = phone.order().await;
    phone.prepay(&first).await;
    let other = json!({ "outTradeNo": first, "body": "另一段" });
    phone.post("/api/pay/unified-order", &other).await.ok();
    // The first attempt is paid all the same, and its notice is late.
    let notice =
        world.wechat_pay().payment_fields(&first, "4200000000000000000000000001", &phone.openid, 200);
    world.wechat_pay().deliver_payment(notice).await;
    let shown = phone.get(&format!("/api/orders/{order_id}")).await.ok().text("/order/outTradeNo");
    assert_eq!(shown, first);
    let asked = refund(&world, "k", json!({ "outTradeNo": shown })).await;
    assert_ne!(asked.outcome(), "409 CONFLICT", "{}", asked.body);
}

#[tokio::test]
async fn repeated_requests_of_an_operator_do_not_delay_the_sweep() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    for _ in 0..12 {
        let asked = refund(&world, "k", json!({ "outTradeNo": out_trade_no })).await.ok();
        assert_eq!(asked.text("/refund/status"), "PROCESSING");
    }
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.sweep().await["refunding"], 1);
}
