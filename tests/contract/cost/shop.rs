//! What selling costs: orders, payments, refunds, and what follows from them.

use std::time::Duration;

use e2e::World;
use local_wechat::{Fault, RefundStatus};
use serde_json::json;

use super::{Cost, Meter};
use crate::{flows::staff_user, money};

pub(super) async fn orders(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    meter.of("GET /api/products", phone.get("/api/products")).await.ok();
    products(meter).await;
    let water = json!({ "productId": "water", "quantity": 1 });
    let order = meter.of("POST /api/orders", phone.post("/api/orders", &water)).await.ok();
    let keyed = phone.post_once("/api/orders", &water, "key");
    meter.of("POST /api/orders, Idempotency-Key", keyed).await.ok();
    let keyed = phone.post_once("/api/orders", &water, "key");
    meter.of("POST /api/orders, Idempotency-Key, again", keyed).await.ok();
    let each = ["cake", "coffee", "umbrella", "water"];
    let each = each.map(|product| json!({ "productId": product, "quantity": 1 }));
    let every = json!({ "items": each });
    meter.of("POST /api/orders, four products", phone.post("/api/orders", &every)).await.ok();
    counted_orders(meter).await;
    meter.of("GET /api/orders", phone.get("/api/orders")).await.ok();
    let path = format!("/api/orders/{}", order.text("/orderId"));
    meter.of("GET /api/orders/{orderId}", phone.get(&path)).await.ok();
    let nonsense = phone.get("/api/orders/nonsense");
    let authentication = meter.of("GET /api/orders/{orderId}, authentication alone", nonsense).await;
    assert_eq!(authentication.status, 404);
    let (path, nothing) = (format!("{path}/cancel"), json!({}));
    let cancelled = meter.of("POST /api/orders/{orderId}/cancel", phone.post(&path, &nothing)).await;
    assert_eq!(cancelled.text("/order/status"), "CLOSED");
    let (order_id, out_trade_no) = phone.order().await;
    phone.prepay(&out_trade_no).await;
    let path = format!("/api/orders/{order_id}/cancel");
    let cancelled = meter.of("POST /api/orders/{orderId}/cancel, prepaid", phone.post(&path, &nothing)).await;
    assert_eq!(cancelled.text("/order/status"), "CLOSED");
}

/// Orders of a product whose stock is counted, in its own row, and then in rows that one order a row can empty.
async fn counted_orders(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let save = async |more: &str| {
        let lamp = format!(r#"{{"name":"灯","price":900,"shelf":"sale",{more}}}"#);
        let lamp = serde_json::from_str(&lamp).expect("JSON");
        world.operator("PUT", "/api/admin/products/lamp", &lamp).await.ok()
    };
    let lamp = json!({ "productId": "lamp", "quantity": 1 });
    let order = || phone.post("/api/orders", &lamp);
    save(r#""stock":1"#).await;
    let placed = meter.of("POST /api/orders, a counted product", order()).await.ok();
    let none = meter.of("POST /api/orders, a counted product of which none is left", order()).await;
    assert_eq!(none.outcome(), "409 OUT_OF_STOCK");
    let path = format!("/api/orders/{}/cancel", placed.text("/orderId"));
    let nothing = json!({});
    let cancelled = phone.post(&path, &nothing);
    meter.of("POST /api/orders/{orderId}/cancel, a counted product", cancelled).await.ok();
    save(r#""stock":400,"stockRows":200"#).await;
    order().await.ok();
    meter.of("POST /api/orders, a counted product with many rows", order()).await.ok();
    let read = world.operator("GET", "/api/admin/products/lamp", &nothing);
    meter.of("GET /api/admin/products/{productId}, with many rows", read).await.ok();
    // The last piece lies in one of 200 rows.
    save(r#""stock":0"#).await;
    world.operator("POST", "/api/admin/products/lamp/stock", &json!({ "add": 1 })).await.ok();
    world.clock.advance(Duration::from_secs(3));
    meter.of("POST /api/orders, the last piece of many rows", order()).await.ok();
    let none = meter.of("POST /api/orders, none left in many rows", order()).await;
    assert_eq!(none.outcome(), "409 OUT_OF_STOCK");
    let none = meter.of("POST /api/orders, none left in many rows, again", order()).await;
    assert_eq!(none.outcome(), "409 OUT_OF_STOCK");
    save(r#""stock":null"#).await;
}

async fn products(meter: &mut Meter<'_>) {
    let world = meter.world;
    let operator = async |method, path: &str, body| world.operator(method, path, &body).await.ok();
    let (products, nothing) = ("/api/admin/products", json!({}));
    let product = format!("{products}/tea");
    let tea = json!({ "name": "茶", "price": 900, "stock": 7 });
    meter.of("PUT /api/admin/products/{productId}", operator("PUT", &product, tea)).await;
    let add = format!("{product}/stock");
    let (added, goods) = (operator("POST", &add, json!({ "add": -1 })), json!({ "add": 1 }));
    meter.of("POST /api/admin/products/{productId}/stock", added).await;
    let add_once = || world.operator_once("POST", &add, &goods, "delivery 1");
    meter.of("POST /api/admin/products/{productId}/stock, with a key", add_once()).await.ok();
    meter.of("POST /api/admin/products/{productId}/stock, with a key, again", add_once()).await.ok();
    meter.of("GET /api/admin/products/{productId}", operator("GET", &product, nothing.clone())).await;
    meter.of("GET /api/admin/products", operator("GET", products, nothing)).await;
}

pub(super) async fn payments(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.order().await;
    meter.of("POST /api/pay/unified-order", phone.try_prepay(&out_trade_no)).await.ok();
    meter.of("POST /api/pay/unified-order, again", phone.try_prepay(&out_trade_no)).await.ok();
    let other = json!({ "outTradeNo": out_trade_no, "body": "another description" });
    let another = phone.post("/api/pay/unified-order", &other);
    let prepaid = meter.of("POST /api/pay/unified-order, another description", another).await.ok();
    phone.try_pay(&prepaid).await;
    world.wechat().wait_for_notices().await;

    let (_, out_trade_no) = phone.order().await;
    let notice =
        world.wechat_pay().payment_fields(&out_trade_no, "4200000000000000000000000001", &phone.openid, 200);
    let notice = world.wechat_pay().sign(notice, &[]);
    for what in ["POST /api/pay/notify", "POST /api/pay/notify, again"] {
        assert!(
            meter
                .of(what, world.wechat_pay().send_payment_notice(notice.clone()))
                .await
                .body
                .contains("SUCCESS")
        );
    }
    let forged = world.wechat_pay().send_payment_notice(notice.replace("200", "100"));
    assert!(meter.of("POST /api/pay/notify, forged", forged).await.body.contains("FAIL"));

    let (order_id, _) = phone.buy_unnoticed().await;
    world.clock.advance(Duration::from_secs(5));
    let healed = phone.status(&order_id);
    assert_eq!(meter.of("GET /api/orders/{orderId}, a lost notice", healed).await, "PAID");

    let path = format!("/api/orders?outTradeNo={out_trade_no}");
    let found = meter.of("GET /api/orders, by outTradeNo", phone.get(&path)).await.ok();
    let path = format!("/api/orders?transactionId={}", found.text("/orders/0/transactionId"));
    meter.of("GET /api/orders, by transactionId", phone.get(&path)).await.ok();
}

/// The money of a refund is sent to a bank card, which APIv3 alone does.
pub(super) async fn redirected_refund() -> Vec<Cost> {
    let world = World::start().with_config("[merchant]\napi = \"v3\"").await;
    let mut meter = Meter { world: &world, costs: Vec::new() };
    let phone = world.user().await;
    let card = json!({ "type": "USER_BANK_CARD", "bankType": "ICBC_DEBIT",
                       "bankAccount": "6222021234567890123", "realName": "张小明" });
    let mut redirect = async || {
        let (_, out_trade_no) = phone.buy().await;
        world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Abnormal, times: 1 });
        let refund = money::refund(&world, "k", &json!({ "outTradeNo": out_trade_no })).await.ok();
        world.wechat().wait_for_notices().await;
        let path = format!("/api/admin/refunds/{}/abnormal", refund.text("/refund/outRefundNo"));
        let redirected = world.operator("POST", &path, &card);
        meter.of("POST /api/admin/refunds/{outRefundNo}/abnormal", redirected).await.ok();
    };
    redirect().await;
    redirect().await;
    // The first request started the instance.
    meter.costs.split_off(1)
}

pub(super) async fn refunds(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let (_, out_trade_no) = phone.buy().await;
    let path = "/secapi/pay/refund".to_owned();
    world.wechat().set_fault(Fault::ErrCode { path, err_code: "ERROR".to_owned(), times: 1 });
    let refused = money::refund(world, "g", &json!({ "outTradeNo": out_trade_no })).await.ok();
    let path = format!("/api/admin/refunds/{}/give-up", refused.text("/refund/outRefundNo"));
    let nothing = json!({});
    let given_up = world.operator("POST", &path, &nothing);
    meter.of("POST /api/admin/refunds/{outRefundNo}/give-up", given_up).await.ok();
    let (_, out_trade_no) = phone.buy().await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    let body = json!({ "outTradeNo": out_trade_no });
    let refund = meter.of("POST /api/admin/refunds", money::refund(world, "k", &body)).await.ok();
    let number = refund.text("/refund/outRefundNo");
    let path = format!("/api/admin/refunds/{number}");
    let nothing = json!({});
    let read = world.operator("GET", &path, &nothing);
    meter.of("GET /api/admin/refunds/{outRefundNo}", read).await.ok();
    let notice = money::refund_notice(world, &number, &out_trade_no);
    for what in ["POST /api/pay/refund-notify", "POST /api/pay/refund-notify, again"] {
        assert!(
            meter
                .of(what, world.wechat_pay().send_refund_notice(notice.clone()))
                .await
                .body
                .contains("SUCCESS")
        );
    }
    let again = money::refund(world, "k", &body);
    assert_eq!(
        meter.of("POST /api/admin/refunds, again", again).await.ok().text("/refund/status"),
        "SUCCESS"
    );

    let second =
        world.wechat_pay().payment_fields(&out_trade_no, "4200000000000000000000000002", &phone.openid, 200);
    let second = world.wechat_pay().send_payment_notice(world.wechat_pay().sign(second, &[]));
    assert!(meter.of("POST /api/pay/notify, a second payment", second).await.body.contains("SUCCESS"));
}

pub(super) async fn refund_requests(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let (nothing, reason, note) = (json!({}), json!({ "reason": "不想要了" }), json!({ "note": "已发货" }));
    let (order_id, _) = phone.buy().await;
    let path = format!("/api/orders/{order_id}/refund-request");
    let asked = phone.post(&path, &reason);
    let asked = meter.of("POST /api/orders/{orderId}/refund-request", asked).await.ok();
    let list = world.operator("GET", "/api/admin/refund-requests", &nothing);
    meter.of("GET /api/admin/refund-requests", list).await.ok();
    let rejected = format!("/api/admin/refund-requests/{}/reject", asked.text("/refundRequest/id"));
    let rejected = world.operator("POST", &rejected, &note);
    meter.of("POST /api/admin/refund-requests/{id}/reject", rejected).await.ok();
    let asked = phone.post(&path, &reason).await.ok();
    let approved = format!("/api/admin/refund-requests/{}/approve", asked.text("/refundRequest/id"));
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    let approved = world.operator("POST", &approved, &nothing);
    meter.of("POST /api/admin/refund-requests/{id}/approve", approved).await.ok();
}

pub(super) async fn shipping() -> Vec<Cost> {
    let world = World::start().with_shipping().await;
    let mut meter = Meter { world: &world, costs: Vec::new() };
    let (phone, clerk) = (world.user().await, staff_user(&world).await);
    let drain = || world.bundle().drain_stream("order-events");
    let pushes = || world.bundle().drain_stream("push-events");
    let nothing = json!({});
    for _ in 0..2 {
        // The first time starts the instances.
        meter.costs.clear();
        let (order_id, _) = phone.buy().await;
        drain().await.expect("the stream is read");
        world.clock.advance(Duration::from_secs(61));
        meter.of("GET /api/staff/orders", clerk.get("/api/staff/orders?state=TO_SHIP")).await.ok();
        let path = format!("/api/orders/{order_id}/ship");
        let parcel = money::parcel();
        meter.of("POST /api/orders/{orderId}/ship", clerk.post(&path, &parcel)).await.ok();
        meter.of("POST /api/orders/{orderId}/ship, again", clerk.post(&path, &parcel)).await.ok();
        meter.of("order-events, a shipped order", drain()).await.expect("the stream is read");
        world.wechat().wait_for_notices().await;
        meter.of("push-events, a settlement", pushes()).await.expect("the stream is read");
        let companies = world.operator("GET", "/api/admin/express-companies", &nothing);
        meter.of("GET /api/admin/express-companies", companies).await.ok();
        let management = world.operator("GET", "/api/admin/trade-management", &nothing);
        meter.of("GET /api/admin/trade-management", management).await.ok();
        let path = json!({ "path": "pages/order" });
        let path = world.operator("PUT", "/api/admin/trade-management/message-path", &path);
        meter.of("PUT /api/admin/trade-management/message-path", path).await.ok();
    }
    meter.costs
}

pub(super) async fn shipping_sweep() -> Vec<Cost> {
    let world = World::start().with_shipping().await;
    let mut meter = Meter { world: &world, costs: Vec::new() };
    let (phone, clerk) = (world.user().await, staff_user(&world).await);
    let sweep = || world.bundle().run_task("shipping-sweep");
    for _ in 0..2 {
        let (order_id, _) = phone.buy().await;
        clerk.post(&format!("/api/orders/{order_id}/ship"), &money::parcel()).await.ok();
        world.clock.advance(Duration::from_secs(61));
        world.bundle().drain_stream("order-events").await.expect("the stream is read");
    }
    // The first order is due a minute before the second one, and starts the instance.
    world.clock.advance(Duration::from_secs(6 * 60 * 60 - 61));
    assert_eq!(sweep().await.expect("a run")["waiting"], 1);
    meter.of("shipping-sweep, nothing to do", sweep()).await.expect("a run");
    world.clock.advance(Duration::from_secs(61));
    let swept = meter.of("shipping-sweep, an order that waits", sweep()).await.expect("a run");
    assert_eq!(swept["waiting"], 1, "{swept}");
    meter.costs
}

pub(super) async fn sweeps(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    // What the orders before left to do.
    world.clock.advance(Duration::from_secs(3600));
    world.sweep().await;
    world.clock.advance(Duration::from_secs(3600));
    meter.of("order-sweep, the refunds of before", world.sweep()).await;
    meter.of("order-sweep, an idle minute", world.sweep()).await;
    phone.buy_unnoticed().await;
    world.clock.advance(Duration::from_secs(30));
    let swept = meter.of("order-sweep, a lost notice", world.sweep()).await;
    assert_eq!(swept["paid"], 1, "{swept}");
    phone.prepay(&phone.order().await.1).await;
    world.clock.advance(Duration::from_secs(30));
    let swept = meter.of("order-sweep, an order that waits", world.sweep()).await;
    assert_eq!(swept["waiting"], 1, "{swept}");
    world.clock.advance(Duration::from_secs(1800));
    let swept = meter.of("order-sweep, an expired order", world.sweep()).await;
    assert_eq!(swept["closed"], 1, "{swept}");
}

pub(super) async fn effects(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let drain = || world.bundle().drain_stream("order-events");
    drain().await.expect("the stream is read");
    phone.buy().await;
    meter.of("order-events, a paid order", drain()).await.expect("the stream is read");
    let nothing = world.bundle().run_task("order-events");
    meter.of("order-events, nothing to repair", nothing).await.expect("a run");
    let nothing = json!({});
    let list = world.operator("GET", "/api/admin/cases?kind=OVERSOLD", &nothing);
    meter.of("GET /api/admin/cases", list).await.ok();
    let note = json!({ "note": "seen" });
    let close = world.operator("POST", "/api/admin/cases/OVERSOLD%23x/close", &note);
    assert_eq!(meter.of("POST /api/admin/cases/{caseId}/close", close).await.status, 404);
}

pub(super) async fn bills(meter: &mut Meter<'_>) {
    let world = meter.world;
    let mut phone = world.user().await;
    money::advance_to_next_noon(world);
    world.bundle().run_task("reconcile").await.expect("a run");
    meter.of("reconcile, a day that is settled", world.bundle().run_task("reconcile")).await.expect("a run");
    phone.log_in().await;
    phone.buy().await;
    money::advance_to_next_noon(world);
    meter.of("reconcile, a day with one payment", world.bundle().run_task("reconcile")).await.expect("a run");
}
