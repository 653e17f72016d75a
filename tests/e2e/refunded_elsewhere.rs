//! Payments of which something was given back in the merchant console before our books knew of them.

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

/// An order that was paid, and of whose payment `fees` went back, while no notice came: its `orderId` and `outTradeNo`.
async fn bought_and_returned(world: &World, phone: &Phone<'_>, fees: &[u64]) -> (String, String) {
    let bought = phone.buy_unnoticed().await;
    for fee in fees {
        let _ = world.wechat().refund_in_console(&transaction(world), *fee);
    }
    bought
}

async fn swept(world: &World) -> Value {
    world.clock.advance(Duration::from_secs(30));
    world.sweep().await
}

async fn row(world: &World, order_id: &str) -> Value {
    let rows = world.items("OrdersTable").await;
    rows.into_iter().find(|row| row["order_id"]["S"] == order_id).expect("the order")
}

/// How often an event of this kind stands in the outbox.
async fn events(world: &World, kind: &str) -> usize {
    world.items("OutboxTable").await.iter().filter(|row| row["event"]["S"] == kind).count()
}

async fn cases(world: &World, kind: &str) -> usize {
    let listed =
        world.operator("GET", &format!("/api/admin/cases?kind={kind}"), &json!({})).await.ok().json();
    listed["cases"].as_array().expect("cases").len()
}

/// The order's status and what has gone back of it, as its owner sees them; and nobody asks about it any more.
async fn ended(world: &World, phone: &Phone<'_>, order_id: &str) -> (String, Value) {
    let row = row(world, order_id).await;
    assert_eq!((row.get("due_shard"), row.get("next_query_at")), (None, None), "it has left by_due: {row}");
    let order = phone.get(&format!("/api/orders/{order_id}")).await.ok();
    (order.text("/order/status"), order.json()["order"]["refundedFee"].clone())
}

/// The next day, after ten in the morning.
async fn reconcile(world: &World) {
    let day = Day::of(UnixSeconds::new(world.now())).after(1);
    world.clock.advance(Duration::from_secs(day.begins().get() + 12 * 60 * 60 - world.now()));
    let _ = world.bundle().run_task("reconcile").await.expect("a run");
}

/// A notice of APIv3 that the refund went through.
async fn tell_v3(world: &World, out_trade_no: &str) -> e2e::Answer {
    let refund = world.wechat().refunds().pop().expect("a refund");
    let resource = json!({
        "mchid": world.wechat().account().mch_id, "out_trade_no": out_trade_no,
        "transaction_id": refund.transaction_id, "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id, "refund_status": "SUCCESS", "success_time": "2026-11-21T12:00:00+08:00",
        "user_received_account": "支付用户零钱",
        "amount": { "total": 200, "refund": refund.refund_fee, "payer_total": 200, "payer_refund": refund.refund_fee },
    });
    world.notify_v3("/api/pay/refund-notify", "REFUND.SUCCESS", resource).await
}

#[tokio::test]
async fn a_whole_console_refund_ends_refunded_without_an_event_of_payment() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = bought_and_returned(&world, &phone, &[200]).await;
    assert_eq!(swept(&world).await["paid"], 1);
    assert_eq!(ended(&world, &phone, &order_id).await, ("REFUNDED".to_owned(), json!(200)));
    assert_eq!((events(&world, "order.paid").await, events(&world, "order.refunded").await), (0, 1));
    let payment = &world.items("PaymentsTable").await[0];
    assert_eq!(
        (&payment["verdict"]["S"], &payment["refundable_fee"]["N"]),
        (&json!("PAID_THE_ORDER"), &json!("0"))
    );
    let refund = &world.items("RefundsTable").await[0];
    assert_eq!((&refund["cause"]["S"], &refund["status"]["S"]), (&json!("CONSOLE"), &json!("SUCCESS")));
    assert_eq!(cases(&world, "ORDER_DISPUTED").await, 0, "nobody has to do anything");
    assert_eq!(phone.prepay(&out_trade_no).await.outcome(), "409 ORDER_PAID");
    let cancel = phone.post(&format!("/api/orders/{order_id}/cancel"), &json!({})).await;
    assert_eq!(cancel.outcome(), "409 ORDER_PAID");
}

#[tokio::test]
async fn a_partial_console_refund_ends_paid_and_shows_the_refunded_sum() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = bought_and_returned(&world, &phone, &[50]).await;
    let _ = swept(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("PAID".to_owned(), json!(50)));
    assert_eq!((events(&world, "order.paid").await, events(&world, "order.refunded").await), (1, 1));
    // It is an order like any other: what is left can go back, and no more.
    let body = json!({ "outTradeNo": out_trade_no, "refundFee": 151 });
    assert_eq!(world.operator_once("POST", "/api/admin/refunds", &body, "k").await.outcome(), "409 CONFLICT");
    world.clock.advance(Duration::from_secs(60));
    let body = json!({ "outTradeNo": out_trade_no });
    let _ = world.operator_once("POST", "/api/admin/refunds", &body, "k").await.ok();
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "REFUNDED");
}

#[tokio::test]
async fn more_console_refunds_than_one_answer_holds_are_all_recorded() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = bought_and_returned(&world, &phone, &[10; 12]).await;
    let _ = swept(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("PAID".to_owned(), json!(120)));
    assert_eq!(world.items("RefundsTable").await.len(), 12);
}

#[tokio::test]
async fn a_pending_or_closed_console_refund_leaves_the_order_paid() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    let (order_id, _) = bought_and_returned(&world, &phone, &[50]).await;
    let _ = swept(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("PAID".to_owned(), Value::Null));
    let number = world.wechat().refunds()[0].out_refund_no.clone();
    let _ = world.wechat().finish_refund(&number, RefundStatus::Success);
    world.clock.advance(Duration::from_secs(120));
    let _ = world.sweep().await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("PAID".to_owned(), json!(50)));

    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Closed, times: 1 });
    let (order_id, _) = bought_and_returned(&world, &phone, &[200]).await;
    let _ = swept(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("PAID".to_owned(), Value::Null));
    assert_eq!(events(&world, "order.paid").await, 2);
}

#[tokio::test]
async fn each_route_that_finds_the_payment_records_it_and_answers_paid() {
    for config in ["", V3] {
        let world = World::configured(config).await;
        let phone = world.user().await;
        let (read, _) = bought_and_returned(&world, &phone, &[50]).await;
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(phone.status(&read).await, "REFUNDING", "how much went back is not known yet");
        let (cancelled, _) = bought_and_returned(&world, &phone, &[50]).await;
        let cancel = phone.post(&format!("/api/orders/{cancelled}/cancel"), &json!({})).await;
        assert_eq!(cancel.outcome(), "409 ORDER_PAID");
        let (prepaid, out_trade_no) = bought_and_returned(&world, &phone, &[50]).await;
        let other = json!({ "outTradeNo": out_trade_no, "body": "另一段" });
        assert_eq!(phone.post("/api/pay/unified-order", &other).await.outcome(), "409 ORDER_PAID");
        assert_eq!(phone.prepay(&out_trade_no).await.outcome(), "409 ORDER_PAID", "no dead prepay_id");
        assert_eq!(events(&world, "order.paid").await, 0, "nothing leaves before it is known");
        let _ = world.sweep().await;
        let status = if config.is_empty() { "PAID" } else { "REFUNDING" };
        for order_id in [read, cancelled, prepaid] {
            assert_eq!(ended(&world, &phone, &order_id).await.0, status, "{config}");
        }
    }
}

#[tokio::test]
async fn by_apiv3_a_case_is_opened_and_the_bill_gives_the_refunded_sum() {
    for (fee, status, paid) in [(50, "PAID", 1), (200, "REFUNDED", 0)] {
        let world = World::configured(V3).await;
        let mut phone = world.user().await;
        let (order_id, _) = bought_and_returned(&world, &phone, &[fee]).await;
        assert_eq!(swept(&world).await["paid"], 1);
        assert_eq!(ended(&world, &phone, &order_id).await, ("REFUNDING".to_owned(), Value::Null));
        assert_eq!((cases(&world, "ORDER_DISPUTED").await, events(&world, "order.paid").await), (1, 0));
        assert!(world.log().contains("refunded-elsewhere"), "an alarm goes off");
        reconcile(&world).await;
        let _ = phone.log_in().await;
        assert_eq!(ended(&world, &phone, &order_id).await, (status.to_owned(), json!(fee)));
        assert_eq!(events(&world, "order.paid").await, paid);
        assert_eq!(cases(&world, "BILL_DIFFERENCE").await, 1, "the refund was missing here");
        let refund = &world.items("RefundsTable").await[0];
        assert!(refund.get("unbilled").is_none(), "it stands in the bill: {refund}");
    }
}

#[tokio::test]
async fn by_apiv3_the_notice_of_the_refund_gives_the_refunded_sum() {
    for (fee, status, paid) in [(50, "PAID", 1), (200, "REFUNDED", 0)] {
        let world = World::configured(V3).await;
        let phone = world.user().await;
        let (order_id, out_trade_no) = bought_and_returned(&world, &phone, &[fee]).await;
        assert_eq!(tell_v3(&world, &out_trade_no).await.status, 404, "WeChat Pay tells again");
        let _ = swept(&world).await;
        assert_eq!(tell_v3(&world, &out_trade_no).await.status, 204);
        assert_eq!(ended(&world, &phone, &order_id).await, (status.to_owned(), json!(fee)));
        assert_eq!(events(&world, "order.paid").await, paid);
        assert_eq!(tell_v3(&world, &out_trade_no).await.status, 204, "the same again");
        assert_eq!(events(&world, "order.paid").await, paid);
    }
}

#[tokio::test]
async fn a_query_for_refunds_that_broke_off_is_repeated() {
    for operation in ["BatchGetItem", "UpdateItem", "TransactWriteItems"] {
        let world = World::start().await;
        let phone = world.user().await;
        let (order_id, _) = bought_and_returned(&world, &phone, &[50]).await;
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(phone.status(&order_id).await, "REFUNDING");
        world.dynamo().inject_fault(DynamoFault {
            caller: Some("OrderSweepFunction".to_owned()),
            operation: Some(operation.to_owned()),
            kind: FaultKind::TimeoutAfter,
            times: 3,
        });
        let _ = world.sweep().await;
        world.dynamo().clear_faults();
        world.clock.advance(Duration::from_secs(300));
        let _ = world.sweep().await;
        assert_eq!(ended(&world, &phone, &order_id).await, ("PAID".to_owned(), json!(50)), "{operation}");
        assert_eq!(events(&world, "order.paid").await, 1, "{operation}");
    }
}

#[tokio::test]
async fn two_sweeps_at_once_record_each_console_refund_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = bought_and_returned(&world, &phone, &[50, 60]).await;
    world.clock.advance(Duration::from_secs(30));
    let _ = futures_util::join!(world.sweep(), world.sweep());
    assert_eq!(ended(&world, &phone, &order_id).await, ("PAID".to_owned(), json!(110)));
    assert_eq!((world.items("RefundsTable").await.len(), events(&world, "order.paid").await), (2, 1));
}

/// Our books and WeChat Pay's disagree about what the order costs.
async fn mistake(world: &World, order_id: &str) {
    let update = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "SET total_fee = :fee", "ExpressionAttributeValues": { ":fee": { "N": "999" } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
}

#[tokio::test]
async fn a_mismatching_payment_refunded_by_an_operator_closes_its_order() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.buy_unnoticed().await;
    mistake(&world, &order_id).await;
    assert_eq!(swept(&world).await["disputed"], 1);
    assert_eq!(phone.prepay(&out_trade_no).await.outcome(), "409 CONFLICT", "its prepay_id is dead");
    let cancel = format!("/api/orders/{order_id}/cancel");
    assert_eq!(phone.post(&cancel, &json!({})).await.outcome(), "409 CONFLICT");
    let body = json!({ "outTradeNo": out_trade_no });
    let _ = world.operator_once("POST", "/api/admin/refunds", &body, "k").await.ok();
    world.wechat().wait_for_notices().await;
    assert_eq!(world.sweep().await["closed"], 1);
    assert_eq!(ended(&world, &phone, &order_id).await.0, "CLOSED");
    assert_eq!(events(&world, "order.closed").await, 1);
    assert_eq!(phone.post(&cancel, &json!({})).await.ok().text("/order/status"), "CLOSED");
    assert_eq!(phone.prepay(&out_trade_no).await.outcome(), "409 ORDER_CLOSED");
}

#[tokio::test]
async fn a_mismatching_payment_refunded_in_the_console_closes_its_order() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = bought_and_returned(&world, &phone, &[150]).await;
    mistake(&world, &order_id).await;
    assert_eq!(swept(&world).await["disputed"], 1);
    let _ = world.sweep().await;
    assert_eq!(phone.status(&order_id).await, "UNPAID", "some of it is still there");
    let _ = world.wechat().refund_in_console(&transaction(&world), 50);
    world.clock.advance(Duration::from_secs(6 * 3600));
    let _ = world.sweep().await;
    let _ = world.sweep().await;
    assert_eq!(row(&world, &order_id).await["status"]["S"], "CLOSED");
    assert_eq!(row(&world, &order_id).await.get("due_shard"), None);
    assert_eq!(world.items("RefundsTable").await.len(), 2);
}

#[tokio::test]
async fn a_refunded_mismatching_payment_lets_its_owner_cancel_the_order() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await.ok();
    mistake(&world, &order_id).await;
    assert_eq!(phone.pay(&prepaid).await.status, 200);
    world.wechat().wait_for_notices().await;
    assert_eq!(
        phone.prepay(&out_trade_no).await.outcome(),
        "409 CONFLICT",
        "the notice said that it is paid"
    );
    let body = json!({ "outTradeNo": out_trade_no });
    let _ = world.operator_once("POST", "/api/admin/refunds", &body, "k").await.ok();
    world.wechat().wait_for_notices().await;
    let cancelled = phone.post(&format!("/api/orders/{order_id}/cancel"), &json!({})).await.ok();
    assert_eq!(cancelled.text("/order/status"), "CLOSED");
}

#[tokio::test]
async fn a_payment_of_a_closed_order_refunded_in_the_console_is_a_case() {
    for config in ["", V3] {
        let world = World::configured(config).await;
        let phone = world.user().await;
        let (order_id, _) = bought_and_returned(&world, &phone, &[200]).await;
        let close = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
            "UpdateExpression": "SET #status = :closed REMOVE due_shard, next_query_at",
            "ExpressionAttributeNames": { "#status": "status" },
            "ExpressionAttributeValues": { ":closed": { "S": "CLOSED" } } });
        world.dynamo().call_as_operator("UpdateItem", close).await.expect("an update");
        reconcile(&world).await;
        let payment = &world.items("PaymentsTable").await[0];
        assert_eq!(payment["verdict"]["S"], "AFTER_CLOSE", "{config}");
        assert_eq!(payment["refundable_fee"]["N"], "0", "the bill's refund was taken over");
        let refunds = world.items("RefundsTable").await;
        assert_eq!((refunds.len(), &refunds[0]["cause"]["S"]), (1, &json!("CONSOLE")));
        assert_eq!(cases(&world, "ORDER_DISPUTED").await, 1);
        assert_eq!(row(&world, &order_id).await["status"]["S"], "CLOSED");
    }
}

#[tokio::test]
async fn a_whole_console_refund_in_parts_sends_no_event_of_payment() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = bought_and_returned(&world, &phone, &[50, 100, 50]).await;
    let _ = swept(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("REFUNDED".to_owned(), json!(200)));
    assert_eq!((events(&world, "order.paid").await, events(&world, "order.refunded").await), (0, 3));
}

#[tokio::test]
async fn by_apiv3_an_own_refund_leaves_the_console_s_sum_to_the_bill() {
    let world = World::configured(V3).await;
    let mut phone = world.user().await;
    let (order_id, out_trade_no) = bought_and_returned(&world, &phone, &[50]).await;
    let _ = swept(&world).await;
    world.clock.advance(Duration::from_secs(60));
    let body = json!({ "outTradeNo": out_trade_no, "refundFee": 150 });
    let _ = world.operator_once("POST", "/api/admin/refunds", &body, "k").await.ok();
    world.wechat().wait_for_notices().await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("REFUNDING".to_owned(), json!(150)));
    reconcile(&world).await;
    let _ = phone.log_in().await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("REFUNDED".to_owned(), json!(200)));
    assert_eq!(events(&world, "order.paid").await, 0);
}

#[tokio::test]
async fn by_apiv3_an_own_refund_before_the_first_query_still_opens_a_case() {
    let world = World::configured(V3).await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = bought_and_returned(&world, &phone, &[50]).await;
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(phone.status(&order_id).await, "REFUNDING");
    world.clock.advance(Duration::from_secs(60));
    let body = json!({ "outTradeNo": out_trade_no, "refundFee": 20 });
    let _ = world.operator_once("POST", "/api/admin/refunds", &body, "k").await.ok();
    world.wechat().wait_for_notices().await;
    let _ = world.sweep().await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("REFUNDING".to_owned(), json!(20)));
    assert_eq!((cases(&world, "ORDER_DISPUTED").await, events(&world, "order.paid").await), (1, 0));
}

#[tokio::test]
async fn a_refused_own_refund_beside_a_console_refund_leaves_the_order_paid() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = bought_and_returned(&world, &phone, &[50]).await;
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(phone.status(&order_id).await, "REFUNDING");
    // Begun in our books; WeChat Pay wants a minute between two refunds of a payment.
    let body = json!({ "outTradeNo": out_trade_no, "refundFee": 150 });
    let _ = world.operator_once("POST", "/api/admin/refunds", &body, "k").await.ok();
    let _ = world.sweep().await;
    assert_eq!(phone.status(&order_id).await, "REFUNDING", "all of it is back or on its way back");
    assert_eq!(events(&world, "order.paid").await, 0);
    let refused = Fault::ErrCode {
        path: "/secapi/pay/refund".into(),
        err_code: "USER_ACCOUNT_ABNORMAL".into(),
        times: 1,
    };
    world.wechat().set_fault(refused);
    world.clock.advance(Duration::from_secs(120));
    let _ = world.sweep().await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("PAID".to_owned(), json!(50)));
    assert_eq!((events(&world, "order.paid").await, cases(&world, "REFUND_STUCK").await), (1, 1));
}

#[tokio::test]
async fn a_refund_notice_during_the_sweep_s_query_is_not_overlooked() {
    let world = World::configured(V3).await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = bought_and_returned(&world, &phone, &[50]).await;
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(phone.status(&order_id).await, "REFUNDING");
    let orders = Orders::new(&world.bundle().host("order-sweep").expect("a function")).expect("its settings");
    let id = OrderId::parse(&order_id).expect("an id");
    let seen = orders.get(id).await.expect("an answer").expect("the order");
    assert_eq!(tell_v3(&world, &out_trade_no).await.status, 204);
    assert!(!orders.stop_asking(&seen).await.expect("an answer"), "it was told of something meanwhile");
    let _ = swept(&world).await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("PAID".to_owned(), json!(50)));
    assert_eq!(events(&world, "order.paid").await, 1);
}

#[tokio::test]
async fn an_order_whose_refunds_can_t_be_listed_is_a_case() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = bought_and_returned(&world, &phone, &[50]).await;
    let refused = Fault::ErrCode { path: "/pay/refundquery".into(), err_code: "NOAUTH".into(), times: 2 };
    world.wechat().set_fault(refused);
    assert_eq!(swept(&world).await["failed"], 1);
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(world.sweep().await["failed"], 1);
    assert_eq!((cases(&world, "ORDER_DISPUTED").await, events(&world, "order.paid").await), (1, 0));
    world.clock.advance(Duration::from_secs(300));
    let _ = world.sweep().await;
    assert_eq!(ended(&world, &phone, &order_id).await, ("PAID".to_owned(), json!(50)));
}
