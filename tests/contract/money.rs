//! Walks in which money goes astray, for what functions may do and what that costs.

use std::time::Duration;

use e2e::{Answer, Phone, Setup, World};
use local_wechat::{Fault, RefundStatus};
use serde_json::{Value, json};
use shared::{
    order::LatePayment,
    pay::Trade,
    service::pay_client,
    store::Orders,
    types::{Day, OutTradeNo, UnixSeconds},
};

use crate::scenes::subscribed;

/// What an operator asks back, and what is answered.
pub(crate) async fn refund(world: &World, key: &str, body: &Value) -> Answer {
    world.operator_once("POST", "/api/admin/refunds", body, key).await
}

/// A payment that comes when its order is closed, and one of another amount, found by each function that can find one.
pub(crate) async fn astray(world: &World, phone: &Phone<'_>) {
    for folder in ["order", "unified-order", "pay-notify", "order-sweep", "reconcile"] {
        let host = world.bundle().host(folder).expect("a function");
        let (pay, orders) = (pay_client(&host).expect("settings"), Orders::new(&host).expect("settings"));
        for (name, value) in [("status", json!({ "S": "CLOSED" })), ("total_fee", json!({ "N": "1" }))] {
            let (order_id, out_trade_no) = phone.buy_unnoticed().await;
            let number = OutTradeNo::parse(&out_trade_no).expect("a number");
            let Ok(Trade::Paid(payment)) = pay.query(number).await else { panic!("{out_trade_no} is paid") };
            set(world, &order_id, name, value).await;
            let _ = orders.settle(&payment, LatePayment::Refund).await.expect("it is recorded");
        }
    }
}

/// An operator changes a row.
async fn set(world: &World, order_id: &str, name: &str, value: Value) {
    let update = json!({
        "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "SET #name = :value", "ExpressionAttributeNames": { "#name": name },
        "ExpressionAttributeValues": { ":value": value },
    });
    let _ = world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
}

/// Refunds in every way they go: asked for by operators and by the sweep, told of by notices, stuck, closed, of the console.
pub(crate) async fn back(world: &World, phone: &Phone<'_>) {
    for status in [RefundStatus::Abnormal, RefundStatus::Closed] {
        let (_, out_trade_no) = phone.buy().await;
        world.wechat().set_fault(Fault::RefundOutcome { status, times: 1 });
        world.wechat().set_fault(Fault::NoticeLost { times: 1 });
        // Asked for, and asked about by the operator's own repetition.
        for _ in 0..2 {
            let _ = refund(world, "k", &json!({ "outTradeNo": out_trade_no })).await.ok();
            world.clock.advance(Duration::from_secs(1));
        }
    }
    // Of another attempt than the one that paid: found by the payment's own row.
    let (order_id, out_trade_no) = phone.buy_unnoticed().await;
    set(world, &order_id, "total_fee", json!({ "N": "1" })).await;
    world.clock.advance(Duration::from_secs(30));
    let _ = world.sweep().await;
    let _ = refund(world, "k", &json!({ "outTradeNo": out_trade_no })).await.ok();
    world.wechat().wait_for_notices().await;
    let number = world.wechat().refunds().pop().expect("a refund").out_refund_no;
    let _ = world.operator("GET", &format!("/api/admin/refunds/{number}"), &json!({})).await.ok();
    // Stuck and closed ones that the sweep comes upon, and those that notices tell of.
    for status in [RefundStatus::Abnormal, RefundStatus::Closed] {
        for lost in [0, 1] {
            let (_, out_trade_no) = phone.buy().await;
            world.wechat().set_fault(Fault::RefundOutcome { status, times: 1 });
            if lost > 0 {
                world.wechat().set_fault(Fault::NoticeLost { times: lost });
            }
            let _ = refund(world, "k", &json!({ "outTradeNo": out_trade_no })).await.ok();
            world.wechat().wait_for_notices().await;
        }
    }
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(121));
        let _ = world.sweep().await;
    }
    console(world, phone).await;
}

/// A genuine notice that WeChat Pay is through with the refund.
pub(crate) fn told(world: &World, out_refund_no: &str, out_trade_no: &str) -> String {
    let refunds = world.wechat().refunds();
    let refund = refunds.iter().find(|refund| refund.out_refund_no == out_refund_no).expect("a refund");
    let fields = [
        ("out_refund_no", out_refund_no),
        ("out_trade_no", out_trade_no),
        ("transaction_id", &refund.transaction_id),
        ("refund_id", &refund.refund_id),
        ("refund_fee", &refund.refund_fee.to_string()),
        ("refund_status", "SUCCESS"),
        ("success_time", "2026-11-21 12:00:00"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    world.wechat().encrypt_refund_notice(fields.into())
}

/// A refund of the merchant console, of which a notice tells.
async fn console(world: &World, phone: &Phone<'_>) {
    let (_, out_trade_no) = phone.buy().await;
    let ledger = world.wechat().ledger();
    let entry = ledger.iter().find(|entry| entry.out_trade_no == out_trade_no).expect("paid");
    let transaction = entry.transaction_id.clone().expect("paid");
    let made = world.wechat().refund_in_console(&transaction, 50);
    let _ = world.refund_notify(told(world, &made.out_refund_no, &out_trade_no)).await;
    assert_eq!(
        world.items("RefundsTable").await.iter().filter(|row| row["cause"]["S"] == "CONSOLE").count(),
        1
    );
}

/// The bill of a day on which a payment is unknown here, one was lost, one is missing there together with its refund.
pub(crate) async fn billed(world: &World, phone: &Phone<'_>) {
    world.wechat().add_foreign_payment("4200000000000000000000000009", "elsewhere", 100, &phone.openid);
    let _ = phone.buy_unnoticed().await;
    // Refunds that nobody tells of: one that the sweep looks for, one that the bill has.
    for sweeps in [1, 0] {
        let (_, out_trade_no) = if sweeps > 0 { phone.buy_unnoticed().await } else { phone.buy().await };
        let ledger = world.wechat().ledger();
        let entry = ledger.iter().find(|entry| entry.out_trade_no == out_trade_no).expect("paid");
        let _ = world.wechat().refund_in_console(entry.transaction_id.as_deref().expect("paid"), 50);
        for _ in 0..sweeps {
            world.clock.advance(Duration::from_secs(30));
            let _ = world.sweep().await;
        }
    }
    let (_, omitted) = phone.buy().await;
    let _ = refund(world, "k", &json!({ "outTradeNo": omitted })).await.ok();
    world.wechat().wait_for_notices().await;
    world.wechat().omit_from_bill(&omitted);
    // A refund is given another day before it is missed.
    for _ in 0..2 {
        next_noon(world);
        let _ = world.bundle().run_task("reconcile").await.expect("a run");
    }
}

/// Tomorrow at noon in Beijing.
pub(crate) fn next_noon(world: &World) {
    let day = Day::of(UnixSeconds::new(world.now())).after(1);
    world.clock.advance(Duration::from_secs(day.begins().get() + 12 * 60 * 60 - world.now()));
}

/// A world whose users are told that their orders are paid.
pub(crate) async fn telling() -> World {
    let parameters = vec![("PaidTemplateId", "paid"), ("PaidTemplateData", r#"{"thing1":"{description}"}"#)];
    World::with(Setup { parameters, ..Setup::default() }).await
}

/// What follows from payments, by the stream and by the schedule: stock that was not enough, events, a message whose token is
/// void; cases listed and closed.
pub(crate) async fn effects(world: &World, phone: &Phone<'_>) {
    let (_, first) = phone.order().await;
    let (_, second) = phone.order().await;
    let stock = json!({
        "TableName": world.table("ProductsTable"), "Key": { "product_id": { "S": "water" } },
        "UpdateExpression": "SET stock = :one", "ExpressionAttributeValues": { ":one": { "N": "1" } },
    });
    let _ = world.dynamo().call_as_operator("UpdateItem", stock).await.expect("an update");
    let _ = subscribed(phone).await;
    for out_trade_no in [first, second] {
        let prepaid = phone.prepay(&out_trade_no).await.ok();
        assert_eq!(phone.pay(&prepaid).await.status, 200);
        world.wechat().wait_for_notices().await;
    }
    let path = Some("/cgi-bin/message/subscribe/send".to_owned());
    world.wechat().set_fault(Fault::TokenRevoked { path, stuck: false, times: 1 });
    let _ = world.bundle().drain_stream("order-events").await.expect("the stream is read");
    world.clock.advance(Duration::from_secs(121));
    let _ = world.bundle().run_task("order-events").await.expect("a run");
    let cases = world.operator("GET", "/api/admin/cases?kind=OVERSOLD", &json!({})).await.ok();
    let case = cases.text("/cases/0/caseId").replace('#', "%23");
    let note = json!({ "note": "delivered later" });
    let _ = world.operator("POST", &format!("/api/admin/cases/{case}/close"), &note).await.ok();
    let more = json!({
        "TableName": world.table("ProductsTable"), "Key": { "product_id": { "S": "water" } },
        "UpdateExpression": "REMOVE stock",
    });
    let _ = world.dynamo().call_as_operator("UpdateItem", more).await.expect("an update");
}
