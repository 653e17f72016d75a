//! Flows of money that go wrong, which use every permission that functions have for them.

use std::time::Duration;

use e2e::{Phone, Response, World};
use local_wechat::{Fault, RefundStatus};
use serde_json::{Value, json};
use shared::{
    order::LatePaymentPolicy,
    pay::TradeState,
    service::pay_client,
    store::Orders,
    types::{Day, OrderId, OutTradeNo, UnixSeconds},
};

use crate::flows::{accept_message, staff_user};

/// Asks for a refund as an operator, without waiting for its notice.
pub(crate) async fn refund(world: &World, key: &str, body: &Value) -> Response {
    world.operator_once("POST", "/api/admin/refunds", body, key).await
}

/// A payment that comes when its order is closed, and one of another amount, found by each function that can find one.
pub(crate) async fn mismatched_payments(world: &World, phone: &Phone<'_>) {
    for folder in ["order", "unified-order", "pay-notify", "order-sweep", "reconcile"] {
        let host = world.bundle().host(folder).expect("a function");
        let (pay, orders) = (pay_client(&host).expect("settings"), Orders::new(&host).expect("settings"));
        for (name, value) in [("status", json!({ "S": "CLOSED" })), ("total_fee", json!({ "N": "1" }))] {
            let (order_id, out_trade_no) = phone.buy_unnoticed().await;
            let number = OutTradeNo::parse(&out_trade_no).expect("a number");
            let Ok(TradeState::Paid(payment)) = pay.query(number).await else {
                panic!("{out_trade_no} is paid")
            };
            set_order_attribute(world, &order_id, name, value).await;
            orders.settle(&payment, LatePaymentPolicy::Refund).await.expect("it is recorded");
        }
    }
}

/// Changes one attribute of an order, as an operator could.
async fn set_order_attribute(world: &World, order_id: &str, name: &str, value: Value) {
    let update = json!({
        "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "SET #name = :value", "ExpressionAttributeNames": { "#name": name },
        "ExpressionAttributeValues": { ":value": value },
    });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
}

/// Refunds that users ask for, and those that operators, the sweep and notices find: stuck, closed, made in the console.
pub(crate) async fn refunds(world: &World, phone: &Phone<'_>) {
    let (order_id, _) = phone.buy().await;
    let asked = format!("/api/orders/{order_id}/refund-request");
    let asked = phone.post(&asked, &json!({ "reason": "不想要了" })).await.ok().text("/refundRequest/id");
    world.operator("GET", "/api/admin/refund-requests", &json!({})).await.ok();
    let approved = format!("/api/admin/refund-requests/{asked}/approve");
    world.operator("POST", &approved, &json!({})).await.ok();
    world.wechat().wait_for_notices().await;
    for status in [RefundStatus::Abnormal, RefundStatus::Closed] {
        let (_, out_trade_no) = phone.buy().await;
        world.wechat().set_fault(Fault::RefundOutcome { status, times: 1 });
        world.wechat().set_fault(Fault::NoticeLost { times: 1 });
        // The second request of the operator queries the refund of the first.
        for _ in 0..2 {
            refund(world, "k", &json!({ "outTradeNo": out_trade_no })).await.ok();
            world.clock.advance(Duration::from_secs(1));
        }
    }
    // A refund of a mismatching payment.
    let (order_id, out_trade_no) = phone.buy_unnoticed().await;
    set_order_attribute(world, &order_id, "total_fee", json!({ "N": "1" })).await;
    world.clock.advance(Duration::from_secs(30));
    world.sweep().await;
    refund(world, "k", &json!({ "outTradeNo": out_trade_no })).await.ok();
    world.wechat().wait_for_notices().await;
    let number = world.wechat().refunds().pop().expect("a refund").out_refund_no;
    world.operator("GET", &format!("/api/admin/refunds/{number}"), &json!({})).await.ok();
    // Stuck and closed refunds that the sweep finds, and those that notices report.
    for status in [RefundStatus::Abnormal, RefundStatus::Closed] {
        for lost in [0, 1] {
            let (_, out_trade_no) = phone.buy().await;
            world.wechat().set_fault(Fault::RefundOutcome { status, times: 1 });
            if lost > 0 {
                world.wechat().set_fault(Fault::NoticeLost { times: lost });
            }
            refund(world, "k", &json!({ "outTradeNo": out_trade_no })).await.ok();
            world.wechat().wait_for_notices().await;
        }
    }
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(121));
        world.sweep().await;
    }
    console_refund(world, phone).await;
}

/// Orders that are shipped: by staff, by themselves, refused by WeChat, settled, not shipped in time; the courier companies.
pub(crate) async fn shipping(world: &World, phone: &Phone<'_>) {
    let clerk = staff_user(world).await;
    let pushed = async |event: &str, more: Value| {
        let entry = world.wechat().shipments().pop().expect("a payment");
        let mut message = json!({ "Event": event, "transaction_id": entry.transaction_id, "merchant_trade_no": entry.out_trade_no });
        message.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        world.wechat().push(&phone.openid, message);
        world.wechat().wait_for_notices().await;
        world.bundle().drain_stream("push-events").await.expect("the stream is read");
    };
    let remarked = json!({ "productId": "water", "quantity": 1, "remark": "易碎" });
    let order = phone.post("/api/orders", &remarked).await.ok();
    let prepaid = phone.prepay(&order.text("/outTradeNo")).await;
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
    let order_id = order.text("/orderId");
    world.bundle().drain_stream("order-events").await.expect("the stream is read");
    clerk.get("/api/staff/orders?state=TO_SHIP").await.ok();
    pushed("trade_manage_remind_shipping", json!({})).await;
    clerk.post(&format!("/api/orders/{order_id}/ship"), &parcel()).await.ok();
    world.bundle().drain_stream("order-events").await.expect("the stream is read");
    pushed("trade_manage_order_settlement", json!({ "settlement_time": 1_700_600_000 })).await;
    let course = json!({ "name": "课程", "price": 100, "shelf": "sale", "delivery": "virtual" });
    world.operator("PUT", "/api/admin/products/course", &course).await.ok();
    let order = phone.post("/api/orders", &json!({ "productId": "course", "quantity": 1 })).await.ok();
    let prepaid = phone.prepay(&order.text("/outTradeNo")).await;
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
    for _ in 0..2 {
        world.bundle().drain_stream("order-events").await.expect("the stream is read");
    }
    let path = Some("/cgi-bin/express/delivery/open_msg/get_delivery_list".to_owned());
    world.wechat().set_fault(Fault::TokenRevoked { path, stuck: false, times: 1 });
    // WeChat does not manage the shipping of this mini program.
    world.operator("GET", "/api/admin/express-companies", &json!({})).await;
}

/// A parcel, as staff ship it.
pub(crate) fn parcel() -> Value {
    let package = json!({ "trackingNo": "YT1", "expressCompany": "YTO", "itemDesc": "矿泉水" });
    json!({ "logisticsType": 1, "packages": [package] })
}

/// A genuine APIv2 notice that the refund succeeded.
pub(crate) fn refund_notice(world: &World, out_refund_no: &str, out_trade_no: &str) -> String {
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

/// A refund of the merchant console that a notice reports.
async fn console_refund(world: &World, phone: &Phone<'_>) {
    let (_, out_trade_no) = phone.buy().await;
    let ledger = world.wechat().ledger();
    let entry = ledger.iter().find(|entry| entry.out_trade_no == out_trade_no).expect("paid");
    let transaction = entry.transaction_id.clone().expect("paid");
    let made = world.wechat().refund_in_console(&transaction, 50);
    world.wechat_pay().send_refund_notice(refund_notice(world, &made.out_refund_no, &out_trade_no)).await;
    assert_eq!(
        world.items("RefundsTable").await.iter().filter(|row| row["cause"]["S"] == "CONSOLE").count(),
        1
    );
}

/// The bill of a day with a payment that is unknown here, one whose notice was lost, and one that the bill lacks with its refund.
pub(crate) async fn bill_with_differences(world: &World, phone: &Phone<'_>) {
    world.wechat().add_foreign_payment("4200000000000000000000000009", "elsewhere", 100, &phone.openid);
    phone.buy_unnoticed().await;
    // Refunds without a notice: the sweep finds one, the bill has the other.
    for sweeps in [1, 0] {
        let (_, out_trade_no) = if sweeps > 0 { phone.buy_unnoticed().await } else { phone.buy().await };
        let ledger = world.wechat().ledger();
        let entry = ledger.iter().find(|entry| entry.out_trade_no == out_trade_no).expect("paid");
        world.wechat().refund_in_console(entry.transaction_id.as_deref().expect("paid"), 50);
        for _ in 0..sweeps {
            world.clock.advance(Duration::from_secs(30));
            world.sweep().await;
        }
    }
    let (_, omitted) = phone.buy().await;
    refund(world, "k", &json!({ "outTradeNo": omitted })).await.ok();
    world.wechat().wait_for_notices().await;
    world.wechat().omit_from_bill(&omitted);
    // A refund that one bill lacks counts as missing after the next bill.
    for _ in 0..2 {
        advance_to_next_noon(world);
        world.bundle().run_task("reconcile").await.expect("a run");
    }
}

/// Advances the clock to noon of tomorrow in Beijing.
pub(crate) fn advance_to_next_noon(world: &World) {
    let day = Day::of(UnixSeconds::new(world.now())).after(1);
    world.clock.advance(Duration::from_secs(day.begins().get() + 12 * 60 * 60 - world.now()));
}

/// Orders of a counted product, closed by each function that closes orders.
pub(crate) async fn closed_orders(world: &World, phone: &Phone<'_>) {
    for folder in ["order", "unified-order", "order-sweep"] {
        let orders = Orders::new(&world.bundle().host(folder).expect("a function")).expect("settings");
        let umbrella = json!({ "productId": "umbrella", "quantity": 1 });
        let placed = phone.post("/api/orders", &umbrella).await.ok();
        let order_id = OrderId::parse(&placed.text("/orderId")).expect("a number");
        let order = orders.get(order_id).await.expect("it is read").expect("an order");
        orders.close(&order, UnixSeconds::new(world.now())).await.expect("it is closed");
    }
}

/// The effects of payments, by the stream and by the schedule: too little in stock for orders that hold nothing, events, a message sent
/// with a revoked token; cases listed and closed.
pub(crate) async fn order_effects(world: &World, phone: &Phone<'_>) {
    let (one, first) = phone.order().await;
    let (two, second) = phone.order().await;
    for order_id in [one, two] {
        let forget = json!({
            "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
            "UpdateExpression": "REMOVE reserved",
        });
        world.dynamo().call_as_operator("UpdateItem", forget).await.expect("an update");
    }
    let stock = json!({
        "TableName": world.table("ProductsTable"), "Key": { "product_id": { "S": "water" } },
        "UpdateExpression": "SET stock = :one", "ExpressionAttributeValues": { ":one": { "N": "1" } },
    });
    world.dynamo().call_as_operator("UpdateItem", stock).await.expect("an update");
    accept_message(phone).await;
    for out_trade_no in [first, second] {
        let prepaid = phone.prepay(&out_trade_no).await;
        phone.pay(&prepaid).await;
        world.wechat().wait_for_notices().await;
    }
    let path = Some("/cgi-bin/message/subscribe/send".to_owned());
    world.wechat().set_fault(Fault::TokenRevoked { path, stuck: false, times: 1 });
    world.bundle().drain_stream("order-events").await.expect("the stream is read");
    world.clock.advance(Duration::from_secs(121));
    world.bundle().run_task("order-events").await.expect("a run");
    let cases = world.operator("GET", "/api/admin/cases?kind=OVERSOLD", &json!({})).await.ok();
    let case = cases.text("/cases/0/caseId").replace('#', "%23");
    let note = json!({ "note": "delivered later" });
    world.operator("POST", &format!("/api/admin/cases/{case}/close"), &note).await.ok();
    let more = json!({
        "TableName": world.table("ProductsTable"), "Key": { "product_id": { "S": "water" } },
        "UpdateExpression": "REMOVE stock",
    });
    world.dynamo().call_as_operator("UpdateItem", more).await.expect("an update");
}
