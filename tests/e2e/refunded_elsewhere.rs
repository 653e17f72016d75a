//! Payments that were refunded in the merchant console before our tables had the payment.

use std::time::Duration;

use e2e::{Phone, World};
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::{Fault, RefundStatus};
use serde_json::{Value, json};
use shared::{
    store::Orders,
    types::{Day, OrderId, UnixSeconds},
};

const V3: &str = "[merchant]\napi = \"v3\"";

/// WeChat Pay's number of the last payment.
fn transaction(world: &World) -> String {
    world
        .wechat()
        .ledger()
        .into_iter()
        .filter_map(|entry| entry.transaction_id)
        .next_back()
        .expect("a payment")
}

/// An order that was paid and of which `fees` were refunded in the console, all without a notice: its `orderId` and `outTradeNo`.
async fn buy_and_refund_in_console(world: &World, phone: &Phone<'_>, fees: &[u64]) -> (String, String) {
    let bought = phone.buy_unnoticed().await;
    for fee in fees {
        world.wechat().refund_in_console(&transaction(world), *fee);
    }
    bought
}

/// The report of a sweep half a minute later.
async fn sweep_later(world: &World) -> Value {
    world.clock.advance(Duration::from_secs(30));
    world.sweep().await
}

async fn row(world: &World, order_id: &str) -> Value {
    let rows = world.items("OrdersTable").await;
    rows.into_iter().find(|row| row["order_id"]["S"] == order_id).expect("the order")
}

/// Events in the outbox, and open cases.
#[derive(Debug, Default, PartialEq, Eq)]
struct Records {
    /// `order.paid`
    paid: usize,
    /// `order.refunded`
    refunded: usize,
    /// `order.closed`
    closed: usize,
    /// Cases `ORDER_DISPUTED`.
    disputed: usize,
    /// Cases `REFUND_STUCK`.
    stuck: usize,
    /// Cases `BILL_DIFFERENCE`.
    differences: usize,
}

async fn records(world: &World) -> Records {
    let (events, cases) = (world.items("OutboxTable").await, world.items("CasesTable").await);
    let count =
        |rows: &[Value], name: &str, value: &str| rows.iter().filter(|row| row[name]["S"] == value).count();
    Records {
        paid: count(&events, "event", "order.paid"),
        refunded: count(&events, "event", "order.refunded"),
        closed: count(&events, "event", "order.closed"),
        disputed: count(&cases, "open_kind", "ORDER_DISPUTED"),
        stuck: count(&cases, "open_kind", "REFUND_STUCK"),
        differences: count(&cases, "open_kind", "BILL_DIFFERENCE"),
    }
}

/// An order about which WeChat Pay is not asked any more, as its owner reads it.
#[derive(Debug, PartialEq)]
struct EndedOrder {
    status: String,
    refunded_fee: Option<u64>,
}

fn order_in(status: &str, refunded_fee: impl Into<Option<u64>>) -> EndedOrder {
    EndedOrder { status: status.to_owned(), refunded_fee: refunded_fee.into() }
}

async fn ended(world: &World, phone: &Phone<'_>, order_id: &str) -> EndedOrder {
    let row = row(world, order_id).await;
    for attribute in ["due_shard", "next_query_at"] {
        assert_eq!(row.get(attribute), None, "the order is still in the index by_due: {row}");
    }
    let order = phone.get(&format!("/api/orders/{order_id}")).await.ok();
    EndedOrder {
        status: order.text("/order/status"),
        refunded_fee: order.json()["order"]["refundedFee"].as_u64(),
    }
}

/// Runs `reconcile` at noon of the next day.
async fn reconcile(world: &World) {
    let day = Day::of(UnixSeconds::new(world.now())).after(1);
    world.clock.advance(Duration::from_secs(day.begins().get() + 12 * 60 * 60 - world.now()));
    world.bundle().run_task("reconcile").await.expect("a run");
}

/// Sends the notice of APIv3 that the last refund succeeded.
async fn notify_of_refund(world: &World, out_trade_no: &str) -> e2e::Response {
    let refund = world.wechat().refunds().pop().expect("a refund");
    let resource = json!({
        "mchid": world.wechat().account().mch_id, "out_trade_no": out_trade_no,
        "transaction_id": refund.transaction_id, "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id, "refund_status": "SUCCESS", "success_time": "2026-11-21T12:00:00+08:00",
        "user_received_account": "支付用户零钱",
        "amount": { "total": 200, "refund": refund.refund_fee, "payer_total": 200, "payer_refund": refund.refund_fee },
    });
    world.wechat_pay().send_v3("/api/pay/refund-notify", "REFUND.SUCCESS", resource).await
}

#[tokio::test]
async fn a_whole_console_refund_ends_refunded_without_an_event_of_payment() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = buy_and_refund_in_console(&world, &phone, &[200]).await;
    assert_eq!(sweep_later(&world).await["paid"], 1);
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("REFUNDED", 200));
    assert_eq!(records(&world).await, Records { refunded: 1, ..Records::default() });
    let payment = &world.items("PaymentsTable").await[0];
    assert_eq!(payment["verdict"]["S"], "PAID_THE_ORDER");
    assert_eq!(payment["refundable_fee"]["N"], "0");
    let refund = &world.items("RefundsTable").await[0];
    assert_eq!(refund["cause"]["S"], "CONSOLE");
    assert_eq!(refund["status"]["S"], "SUCCESS");
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "409 ORDER_PAID");
    let cancel = phone.try_cancel(&order_id).await;
    assert_eq!(cancel.outcome(), "409 ORDER_PAID");
}

#[tokio::test]
async fn a_partial_console_refund_ends_paid_and_shows_the_refunded_sum() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = buy_and_refund_in_console(&world, &phone, &[50]).await;
    sweep_later(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("PAID", 50));
    assert_eq!(records(&world).await, Records { paid: 1, refunded: 1, ..Records::default() });
    // The rest can be refunded, and no more.
    let body = json!({ "outTradeNo": out_trade_no, "refundFee": 151 });
    assert_eq!(world.operator_once("POST", "/api/admin/refunds", &body, "k").await.outcome(), "409 CONFLICT");
    world.clock.advance(Duration::from_secs(60));
    let body = json!({ "outTradeNo": out_trade_no });
    world.request_refund(&body, "k").await;
    assert_eq!(phone.status(&order_id).await, "REFUNDED");
}

#[tokio::test]
async fn more_console_refunds_than_one_answer_holds_are_all_recorded() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = buy_and_refund_in_console(&world, &phone, &[10; 12]).await;
    sweep_later(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("PAID", 120));
    assert_eq!(world.items("RefundsTable").await.len(), 12);
}

#[tokio::test]
async fn a_pending_or_closed_console_refund_leaves_the_order_paid() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    let (order_id, _) = buy_and_refund_in_console(&world, &phone, &[50]).await;
    sweep_later(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("PAID", None));
    let number = world.wechat().refunds()[0].out_refund_no.clone();
    world.wechat().finish_refund(&number, RefundStatus::Success);
    world.clock.advance(Duration::from_secs(120));
    world.sweep().await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("PAID", 50));

    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Closed, times: 1 });
    let (order_id, _) = buy_and_refund_in_console(&world, &phone, &[200]).await;
    sweep_later(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("PAID", None));
    assert_eq!(records(&world).await.paid, 2);
}

#[tokio::test]
async fn each_route_that_finds_the_payment_records_it_and_answers_paid() {
    for config in ["", V3] {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (read, _) = buy_and_refund_in_console(&world, &phone, &[50]).await;
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(phone.status(&read).await, "REFUNDING", "the refunded sum is not known yet");
        let (cancelled, _) = buy_and_refund_in_console(&world, &phone, &[50]).await;
        let cancel = phone.try_cancel(&cancelled).await;
        assert_eq!(cancel.outcome(), "409 ORDER_PAID");
        let (prepaid, out_trade_no) = buy_and_refund_in_console(&world, &phone, &[50]).await;
        let other = json!({ "outTradeNo": out_trade_no, "body": "另一段" });
        assert_eq!(phone.post("/api/pay/unified-order", &other).await.outcome(), "409 ORDER_PAID");
        assert_eq!(
            phone.try_prepay(&out_trade_no).await.outcome(),
            "409 ORDER_PAID",
            "the prepay_id of a paid attempt is not answered"
        );
        assert_eq!(records(&world).await.paid, 0, "no event is published before the sum is known");
        world.sweep().await;
        let status = if config.is_empty() { "PAID" } else { "REFUNDING" };
        for order_id in [read, cancelled, prepaid] {
            assert_eq!(ended(&world, &phone, &order_id).await.status, status, "{config}");
        }
    }
}

#[tokio::test]
async fn by_apiv3_a_case_is_opened_and_the_bill_gives_the_refunded_sum() {
    for (fee, status, paid) in [(50, "PAID", 1), (200, "REFUNDED", 0)] {
        let world = World::start().with_config(V3).await;
        let mut phone = world.user().await;
        let (order_id, _) = buy_and_refund_in_console(&world, &phone, &[fee]).await;
        assert_eq!(sweep_later(&world).await["paid"], 1);
        assert_eq!(ended(&world, &phone, &order_id).await, order_in("REFUNDING", None));
        assert_eq!(records(&world).await, Records { disputed: 1, ..Records::default() });
        assert!(world.log().contains("payment-refunded-elsewhere"), "the alert is logged");
        reconcile(&world).await;
        phone.log_in().await;
        assert_eq!(ended(&world, &phone, &order_id).await, order_in(status, fee));
        assert_eq!(records(&world).await.paid, paid);
        assert_eq!(records(&world).await.differences, 1, "the refund was missing here");
        let refund = &world.items("RefundsTable").await[0];
        assert!(refund.get("unbilled").is_none(), "the bill has the refund: {refund}");
    }
}

#[tokio::test]
async fn by_apiv3_the_notice_of_the_refund_gives_the_refunded_sum() {
    for (fee, status, paid) in [(50, "PAID", 1), (200, "REFUNDED", 0)] {
        let world = World::start().with_config(V3).await;
        let phone = world.user().await;
        let (order_id, out_trade_no) = buy_and_refund_in_console(&world, &phone, &[fee]).await;
        assert_eq!(
            notify_of_refund(&world, &out_trade_no).await.status,
            404,
            "WeChat Pay will send the notice again"
        );
        sweep_later(&world).await;
        assert_eq!(notify_of_refund(&world, &out_trade_no).await.status, 204);
        assert_eq!(ended(&world, &phone, &order_id).await, order_in(status, fee));
        assert_eq!(records(&world).await.paid, paid);
        assert_eq!(notify_of_refund(&world, &out_trade_no).await.status, 204, "the same notice again");
        assert_eq!(records(&world).await.paid, paid);
    }
}

#[tokio::test]
async fn a_query_for_refunds_that_broke_off_is_repeated() {
    for operation in ["BatchGetItem", "UpdateItem", "TransactWriteItems"] {
        let world = World::start().await;
        let phone = world.user().await;
        let (order_id, _) = buy_and_refund_in_console(&world, &phone, &[50]).await;
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(phone.status(&order_id).await, "REFUNDING");
        world.dynamo().inject_fault(DynamoFault {
            caller: Some("OrderSweepFunction".to_owned()),
            operation: Some(operation.to_owned()),
            kind: FaultKind::TimeoutAfter,
            times: 3,
        });
        world.sweep().await;
        world.dynamo().clear_faults();
        world.clock.advance(Duration::from_secs(300));
        world.sweep().await;
        assert_eq!(ended(&world, &phone, &order_id).await, order_in("PAID", 50), "{operation}");
        assert_eq!(records(&world).await.paid, 1, "{operation}");
    }
}

#[tokio::test]
async fn two_sweeps_at_once_record_each_console_refund_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = buy_and_refund_in_console(&world, &phone, &[50, 60]).await;
    world.clock.advance(Duration::from_secs(30));
    futures_util::join!(world.sweep(), world.sweep());
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("PAID", 110));
    assert_eq!(world.items("RefundsTable").await.len(), 2);
    assert_eq!(records(&world).await.paid, 1);
}

/// Changes the price in our tables, so that the payment does not match it.
async fn change_total_fee(world: &World, order_id: &str) {
    let update = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "SET total_fee = :fee", "ExpressionAttributeValues": { ":fee": { "N": "999" } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
}

#[tokio::test]
async fn a_mismatching_payment_refunded_by_an_operator_closes_its_order() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy_unnoticed().await;
    change_total_fee(&world, &order_id).await;
    assert_eq!(sweep_later(&world).await["disputed"], 1);
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "409 CONFLICT", "the attempt is paid");
    let cancel = format!("/api/orders/{order_id}/cancel");
    assert_eq!(phone.post(&cancel, &json!({})).await.outcome(), "409 CONFLICT");
    let body = json!({ "outTradeNo": out_trade_no });
    world.request_refund(&body, "k").await;
    assert_eq!(world.sweep().await["closed"], 1);
    assert_eq!(ended(&world, &phone, &order_id).await.status, "CLOSED");
    assert_eq!(records(&world).await.closed, 1);
    assert_eq!(phone.post(&cancel, &json!({})).await.ok().text("/order/status"), "CLOSED");
    assert_eq!(phone.try_prepay(&out_trade_no).await.outcome(), "409 ORDER_CLOSED");
}

#[tokio::test]
async fn a_mismatching_payment_refunded_in_the_console_closes_its_order() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = buy_and_refund_in_console(&world, &phone, &[150]).await;
    change_total_fee(&world, &order_id).await;
    assert_eq!(sweep_later(&world).await["disputed"], 1);
    world.sweep().await;
    assert_eq!(phone.status(&order_id).await, "UNPAID", "a part of the payment is not refunded");
    world.wechat().refund_in_console(&transaction(&world), 50);
    world.clock.advance(Duration::from_secs(6 * 3600));
    world.sweep().await;
    world.sweep().await;
    assert_eq!(row(&world, &order_id).await["status"]["S"], "CLOSED");
    assert_eq!(row(&world, &order_id).await.get("due_shard"), None);
    assert_eq!(world.items("RefundsTable").await.len(), 2);
}

#[tokio::test]
async fn a_refunded_mismatching_payment_lets_its_owner_cancel_the_order() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await;
    change_total_fee(&world, &order_id).await;
    phone.pay(&prepaid).await;
    // The notice is not acknowledged, so that WeChat Pay would deliver it for a day.
    while world.items("PaymentsTable").await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(
        phone.try_prepay(&out_trade_no).await.outcome(),
        "409 CONFLICT",
        "the notice recorded the payment"
    );
    let body = json!({ "outTradeNo": out_trade_no });
    world.request_refund(&body, "k").await;
    let cancelled = phone.cancel(&order_id).await;
    assert_eq!(cancelled.text("/order/status"), "CLOSED");
}

#[tokio::test]
async fn a_payment_of_a_closed_order_refunded_in_the_console_is_a_case() {
    for config in ["", V3] {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (order_id, _) = buy_and_refund_in_console(&world, &phone, &[200]).await;
        let close = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
            "UpdateExpression": "SET #status = :closed REMOVE due_shard, next_query_at",
            "ExpressionAttributeNames": { "#status": "status" },
            "ExpressionAttributeValues": { ":closed": { "S": "CLOSED" } } });
        world.dynamo().call_as_operator("UpdateItem", close).await.expect("an update");
        reconcile(&world).await;
        let payment = &world.items("PaymentsTable").await[0];
        assert_eq!(payment["verdict"]["S"], "AFTER_CLOSE", "{config}");
        assert_eq!(payment["refundable_fee"]["N"], "0", "the refund in the bill was recorded");
        let refunds = world.items("RefundsTable").await;
        assert_eq!(refunds.len(), 1, "{refunds:?}");
        assert_eq!(refunds[0]["cause"]["S"], "CONSOLE");
        assert_eq!(records(&world).await.disputed, 1);
        assert_eq!(row(&world, &order_id).await["status"]["S"], "CLOSED");
    }
}

#[tokio::test]
async fn a_whole_console_refund_in_parts_sends_no_event_of_payment() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = buy_and_refund_in_console(&world, &phone, &[50, 100, 50]).await;
    sweep_later(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("REFUNDED", 200));
    assert_eq!(records(&world).await, Records { refunded: 3, ..Records::default() });
}

#[tokio::test]
async fn by_apiv3_an_own_refund_leaves_the_console_s_sum_to_the_bill() {
    let world = World::start().with_config(V3).await;
    let mut phone = world.user().await;
    let (order_id, out_trade_no) = buy_and_refund_in_console(&world, &phone, &[50]).await;
    sweep_later(&world).await;
    world.clock.advance(Duration::from_secs(60));
    let body = json!({ "outTradeNo": out_trade_no, "refundFee": 150 });
    world.request_refund(&body, "k").await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("REFUNDING", 150));
    reconcile(&world).await;
    phone.log_in().await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("REFUNDED", 200));
    assert_eq!(records(&world).await.paid, 0);
}

#[tokio::test]
async fn by_apiv3_an_own_refund_before_the_first_query_still_opens_a_case() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = buy_and_refund_in_console(&world, &phone, &[50]).await;
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(phone.status(&order_id).await, "REFUNDING");
    world.clock.advance(Duration::from_secs(60));
    let body = json!({ "outTradeNo": out_trade_no, "refundFee": 20 });
    world.request_refund(&body, "k").await;
    world.sweep().await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("REFUNDING", 20));
    assert_eq!(records(&world).await, Records { disputed: 1, refunded: 1, ..Records::default() });
}

#[tokio::test]
async fn a_refused_own_refund_beside_a_console_refund_leaves_the_order_paid() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = buy_and_refund_in_console(&world, &phone, &[50]).await;
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(phone.status(&order_id).await, "REFUNDING");
    // The refund begins in our tables only, because WeChat Pay wants a minute between two refunds of a payment.
    let body = json!({ "outTradeNo": out_trade_no, "refundFee": 150 });
    world.operator_once("POST", "/api/admin/refunds", &body, "k").await.ok();
    world.sweep().await;
    assert_eq!(phone.status(&order_id).await, "REFUNDING", "the whole sum is refunded or being refunded");
    assert_eq!(records(&world).await.paid, 0);
    let refused = Fault::ErrCode {
        path: "/secapi/pay/refund".into(),
        err_code: "USER_ACCOUNT_ABNORMAL".into(),
        times: 1,
    };
    world.wechat().set_fault(refused);
    world.clock.advance(Duration::from_secs(120));
    world.sweep().await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("PAID", 50));
    let expected = Records { paid: 1, refunded: 1, stuck: 1, ..Records::default() };
    assert_eq!(records(&world).await, expected);
}

#[tokio::test]
async fn a_refund_notice_during_the_sweep_s_query_is_not_overlooked() {
    let world = World::start().with_config(V3).await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = buy_and_refund_in_console(&world, &phone, &[50]).await;
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(phone.status(&order_id).await, "REFUNDING");
    let orders = Orders::new(&world.bundle().host("order-sweep").expect("a function")).expect("its settings");
    let id = OrderId::parse(&order_id).expect("an id");
    let seen = orders.get(id).await.expect("an answer").expect("the order");
    assert_eq!(notify_of_refund(&world, &out_trade_no).await.status, 204);
    assert!(
        !orders.stop_queries(&seen).await.expect("an answer"),
        "a notice has come since the order was read"
    );
    sweep_later(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("PAID", 50));
    assert_eq!(records(&world).await.paid, 1);
}

#[tokio::test]
async fn an_order_whose_refunds_can_t_be_listed_is_a_case() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = buy_and_refund_in_console(&world, &phone, &[50]).await;
    let refused = Fault::ErrCode { path: "/pay/refundquery".into(), err_code: "NOAUTH".into(), times: 2 };
    world.wechat().set_fault(refused);
    assert_eq!(sweep_later(&world).await["failed"], 1);
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(world.sweep().await["failed"], 1);
    assert_eq!(records(&world).await, Records { disputed: 1, ..Records::default() });
    world.clock.advance(Duration::from_secs(300));
    world.sweep().await;
    assert_eq!(ended(&world, &phone, &order_id).await, order_in("PAID", 50));
}
