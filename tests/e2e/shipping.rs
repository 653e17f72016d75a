//! `POST /api/orders/{orderId}/ship`, `GET /api/staff/orders`, `GET /api/admin/express-companies`, and what follows of shipping

use std::time::Duration;

use e2e::World;
use futures_util::future::join_all;
use local_wechat::{Fault, ShippingEntry, ShippingSettings};
use serde_json::{Value, json};

use crate::order_details::{address, invoice_title, place};
use crate::shipping_flow::{
    UPLOAD, cases, expect_shipped, frozen_of, ingest, package, press_on, settle_pushes, ship, shipment,
    shipping, staff, to_ship, today,
};

#[tokio::test]
async fn an_order_is_paid_shipped_received_and_settled() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let day = today(&world);
    let (order_id, _) = phone.buy().await;
    world.deliver_events().await;
    assert_eq!(shipping(&phone, &order_id).await["state"], "NONE");
    let listed = to_ship(&clerk, "").await;
    assert_eq!(listed["orders"][0]["orderId"], json!(order_id));
    assert_eq!(listed["orders"][0]["items"][0]["delivery"], "express");
    let shipped = ship(&clerk, &order_id, &package("YT1")).await.ok();
    assert_eq!(shipped.text("/order/shipping/state"), "SHIPPING");
    assert!(to_ship(&clerk, "").await["orders"].as_array().is_some_and(Vec::is_empty));
    ingest(&world);
    world.deliver_events().await;
    expect_shipped(&world, &phone, &order_id, "YT1").await;
    assert_eq!(frozen_of(&world, day).await, ("1".to_owned(), "200".to_owned()));

    let order = phone.get(&format!("/api/orders/{order_id}")).await.ok().json()["order"].clone();
    assert_eq!(order["shipping"]["packages"][0]["trackingNo"], "YT1");
    let extra = json!({ "transaction_id": order["transactionId"] });
    let arguments = json!({ "businessType": "weappOrderConfirm", "extraData": extra });
    let confirmed = phone.wx("openBusinessView", arguments).await;
    assert_eq!(confirmed.json()["extraData"]["status"], "success", "{}", confirmed.body);
    world.clock.advance(Duration::from_secs(4 * 3600));
    world.wechat().run_due_shipping();
    settle_pushes(&world).await;
    let settled = shipping(&phone, &order_id).await;
    assert_eq!(settled["state"], "SETTLED");
    for time in ["shippedAt", "receivedAt", "settledAt"] {
        assert!(settled[time].as_str().is_some_and(|at| at.ends_with('Z')), "{time}: {settled}");
    }
    assert!(!shipment(&world).frozen);
    assert_eq!(frozen_of(&world, day).await, ("0".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn an_order_refunded_before_its_event_is_not_to_be_shipped() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, out_trade_no) = phone.buy().await;
    world.request_refund(&json!({ "outTradeNo": out_trade_no }), "all").await;
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "REFUNDED");
    world.deliver_events().await;
    assert_eq!(to_ship(&clerk, "").await["orders"], json!([]));
}

#[tokio::test]
async fn staff_read_the_address_and_wechat_gets_a_masked_number() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let details = json!({ "address": address(), "invoiceTitle": invoice_title(), "remark": "请放门口" });
    let placed = place(&phone, details).await.ok();
    phone.pay(&phone.prepay(&placed.text("/outTradeNo")).await).await;
    world.wechat().wait_for_notices().await;
    world.deliver_events().await;
    let order = to_ship(&clerk, "").await["orders"][0].clone();
    assert_eq!(
        (&order["address"], &order["invoiceTitle"], &order["remark"]),
        (&address(), &invoice_title(), &json!("请放门口"))
    );
    let mut parcel = package("SF1");
    parcel["packages"][0]["receiverContact"] = json!("13812345678");
    ship(&clerk, &placed.text("/orderId"), &parcel).await.ok();
    ingest(&world);
    world.deliver_events().await;
    assert_eq!(shipment(&world).parcels[0].contact.as_deref(), Some("138****5678"));
}

#[tokio::test]
async fn a_parcel_of_sf_express_needs_a_number_before_it_is_shipped() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    world.deliver_events().await;
    let mut parcel = package("SF1");
    parcel["packages"][0]["expressCompany"] = json!("SF");
    let refused = ship(&clerk, &order_id, &parcel).await;
    assert_eq!(refused.outcome(), "400 INVALID_INPUT");
    assert!(refused.body.contains("receiverContact"), "{}", refused.body);
    assert_eq!(shipping(&phone, &order_id).await["state"], "NONE");
    parcel["packages"][0]["receiverContact"] = json!("13812345678");
    ship(&clerk, &order_id, &parcel).await.ok();
    ingest(&world);
    world.deliver_events().await;
    expect_shipped(&world, &phone, &order_id, "SF1").await;
}

#[tokio::test]
async fn a_payment_that_wechat_does_not_know_yet_is_shipped_when_it_does() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    world.deliver_events().await;
    assert_eq!(shipment(&world).uploads, 0);
    assert_eq!(shipping(&phone, &order_id).await["state"], "SHIPPING");
    press_on(&world).await;
    expect_shipped(&world, &phone, &order_id, "YT1").await;
    assert!(cases(&world, "SHIPPING_REFUSED").await.is_empty());
}

#[tokio::test]
async fn a_payment_that_wechat_never_knows_becomes_a_case_after_a_day() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    world.wechat().set_shipping_settings(ShippingSettings {
        ingest_seconds: 30 * 24 * 3600,
        ..world.wechat().shipping_settings()
    });
    world.deliver_events().await;
    world.clock.advance(Duration::from_secs(24 * 3600));
    press_on(&world).await;
    assert_eq!(shipping(&phone, &order_id).await["state"], "REFUSED");
    assert_eq!(cases(&world, "SHIPPING_REFUSED").await.len(), 1);
}

#[tokio::test]
async fn an_upload_whose_answer_is_lost_is_not_made_twice() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    ingest(&world);
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    world.wechat().set_fault(Fault::TimeoutAfter { path: UPLOAD.into(), millis: 0, times: 1 });
    world.deliver_events().await;
    assert_eq!(shipment(&world).uploads, 1);
    press_on(&world).await;
    expect_shipped(&world, &phone, &order_id, "YT1").await;
    assert_eq!((shipment(&world).uploads, world.calls_to(UPLOAD)), (1, 1));
}

#[tokio::test]
async fn an_upload_that_did_not_arrive_is_made_after_a_look() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    ingest(&world);
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    world.wechat().set_fault(Fault::TimeoutBefore { path: UPLOAD.into(), millis: 0, times: 1 });
    world.deliver_events().await;
    assert_eq!(shipment(&world).uploads, 0);
    press_on(&world).await;
    expect_shipped(&world, &phone, &order_id, "YT1").await;
    assert_eq!(world.calls_to(LOOK), 1);
}

#[tokio::test]
async fn an_upload_goes_on_after_wechat_was_busy_for_an_hour() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    ingest(&world);
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    world.wechat().set_fault(Fault::Busy { path: UPLOAD.into(), times: 1000 });
    world.deliver_events().await;
    for _ in 0..12 {
        press_on(&world).await;
    }
    assert_eq!(shipment(&world).uploads, 0);
    world.wechat().clear_faults();
    press_on(&world).await;
    expect_shipped(&world, &phone, &order_id, "YT1").await;
}

#[tokio::test]
async fn a_refund_that_begins_before_the_upload_wins() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, out_trade_no) = phone.buy().await;
    ingest(&world);
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    world.request_refund(&json!({ "outTradeNo": out_trade_no }), "k").await;
    world.wechat().wait_for_notices().await;
    world.deliver_events().await;
    press_on(&world).await;
    assert_eq!(phone.status(&order_id).await, "REFUNDED");
    assert_eq!(shipping(&phone, &order_id).await["state"], "REFUSED");
    assert_eq!(world.calls_to(UPLOAD), 0);
    assert!(cases(&world, "SHIPPING_REFUSED").await.is_empty());
    let late = ship(&clerk, &order_id, &package("YT2")).await;
    assert_eq!(late.outcome(), "409 CONFLICT");
}

#[tokio::test]
async fn an_upload_that_wechat_took_before_the_refund_is_shown() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, out_trade_no) = phone.buy().await;
    ingest(&world);
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    world.wechat().set_fault(Fault::TimeoutAfter { path: UPLOAD.into(), millis: 0, times: 1 });
    world.deliver_events().await;
    world.request_refund(&json!({ "outTradeNo": out_trade_no }), "all").await;
    world.wechat().wait_for_notices().await;
    assert_eq!(phone.status(&order_id).await, "REFUNDED");
    // The upload may still be under way, and is looked for when it can't be any more.
    world.bundle().run_task("order-events").await.expect("a run");
    assert_eq!(shipping(&phone, &order_id).await["state"], "SHIPPING");
    press_on(&world).await;
    assert_eq!(shipping(&phone, &order_id).await["state"], "SHIPPED");
    assert_eq!((world.calls_to(LOOK), shipment(&world).uploads), (1, 1));
    assert!(cases(&world, "SHIPPING_REFUSED").await.is_empty());
}

#[tokio::test]
async fn parcels_are_added_until_the_last_and_then_corrected_once() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    ingest(&world);
    world.deliver_events().await;
    let part = |number: &str, is_last: bool| {
        let mut body = package(number);
        body["isAllDelivered"] = json!(is_last);
        body
    };
    ship(&clerk, &order_id, &part("YT1", false)).await.ok();
    world.deliver_events().await;
    assert_eq!(to_ship(&clerk, "").await["orders"][0]["orderId"], json!(order_id));
    assert_eq!(shipping(&phone, &order_id).await["state"], "SHIPPING");
    ship(&clerk, &order_id, &part("YT2", true)).await.ok();
    world.deliver_events().await;
    assert_eq!(numbers(&shipment(&world)), ["YT1", "YT2"]);
    ship(&clerk, &order_id, &package("YT3")).await.ok();
    ship(&clerk, &order_id, &package("YT3")).await.ok();
    world.deliver_events().await;
    expect_shipped(&world, &phone, &order_id, "YT3").await;
    assert_eq!(shipment(&world).finish_count, 2);
    assert_eq!(ship(&clerk, &order_id, &package("YT4")).await.outcome(), "409 CONFLICT");
}

#[tokio::test]
async fn goods_that_ship_themselves_are_shipped_when_they_are_paid() {
    for delivery in ["virtual", "pickup"] {
        let world = World::start().with_shipping().await;
        let water = json!({ "name": "课程", "price": 200, "shelf": "sale", "delivery": delivery });
        let saved = world.operator("PUT", "/api/admin/products/water", &water).await.ok();
        assert_eq!(saved.text("/product/delivery"), delivery);
        let (phone, clerk) = (world.user().await, staff(&world).await);
        let (order_id, _) = phone.buy().await;
        ingest(&world);
        world.deliver_events().await;
        world.deliver_events().await;
        assert_eq!(shipping(&phone, &order_id).await["state"], "SHIPPED");
        assert_eq!(shipment(&world).order_state, 2);
        assert!(to_ship(&clerk, "").await["orders"].as_array().is_some_and(Vec::is_empty));
    }
}

#[tokio::test]
async fn wechat_s_refusal_becomes_a_case() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    ingest(&world);
    let mut unknown = package("1");
    unknown["packages"][0]["expressCompany"] = json!("NOSUCH");
    ship(&clerk, &order_id, &unknown).await.ok();
    world.deliver_events().await;
    assert_eq!(shipping(&phone, &order_id).await["state"], "REFUSED");
    let cases = cases(&world, "SHIPPING_REFUSED").await;
    assert_eq!(cases[0]["orderId"], json!(order_id));
    assert!(cases[0]["what"].as_str().is_some_and(|what| what.contains("errcode")), "{cases:?}");
}

#[tokio::test]
async fn an_order_that_is_not_shipped_becomes_a_case_when_wechat_reminds() {
    let world = World::start().with_shipping().await;
    let phone = world.user().await;
    phone.buy().await;
    world.deliver_events().await;
    world.clock.advance(Duration::from_secs(2 * 24 * 3600 + 1));
    world.wechat().run_due_shipping();
    settle_pushes(&world).await;
    assert_eq!(cases(&world, "NOT_SHIPPED").await.len(), 1);
}

#[tokio::test]
async fn twenty_clerks_who_ship_at_once_upload_once() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    ingest(&world);
    let body = package("YT1");
    let answers = join_all((0..20).map(|_| ship(&clerk, &order_id, &body))).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 503)));
    world.deliver_events().await;
    press_on(&world).await;
    expect_shipped(&world, &phone, &order_id, "YT1").await;
    assert_eq!(shipment(&world).uploads, 1);
}

#[tokio::test]
async fn pages_of_what_is_to_be_shipped_have_every_order_once_oldest_first() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let mut bought = Vec::new();
    for _ in 0..25 {
        bought.push(phone.buy().await.0);
        world.clock.advance(Duration::from_secs(1));
    }
    world.deliver_events().await;
    let ids = |page: &Value| -> Vec<String> {
        let orders = page["orders"].as_array().expect("a list");
        orders.iter().map(|order| order["orderId"].as_str().expect("a text").to_owned()).collect()
    };
    let first = to_ship(&clerk, "").await;
    let second = to_ship(&clerk, &format!("&cursor={}", first["cursor"].as_str().expect("more"))).await;
    assert!(second.get("cursor").is_none());
    assert_eq!([ids(&first), ids(&second)].concat(), bought);
}

#[tokio::test]
async fn only_staff_ship_and_only_what_exists() {
    let world = World::start().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.order().await;
    let refused = ship(&phone, &order_id, &package("YT1")).await;
    assert_eq!(refused.outcome(), "403 FORBIDDEN");
    assert_eq!(phone.get("/api/staff/orders?state=TO_SHIP").await.outcome(), "403 FORBIDDEN");
    assert_eq!(clerk.get("/api/staff/orders").await.outcome(), "400 INVALID_INPUT");
    assert_eq!(ship(&clerk, "nonsense", &package("YT1")).await.outcome(), "404 NOT_FOUND");
    assert_eq!(ship(&clerk, &order_id, &package("YT1")).await.outcome(), "409 CONFLICT");
    assert_eq!(world.stranger().get("/api/staff/orders?state=TO_SHIP").await.outcome(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn a_shop_whose_shipping_wechat_does_not_manage_ships_alone() {
    let world = World::start().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    world.deliver_events().await;
    assert_eq!(shipping(&phone, &order_id).await["state"], "SHIPPED");
    assert_eq!(world.calls_to(UPLOAD), 0);
}

#[tokio::test]
async fn courier_companies_are_asked_for_once_a_day() {
    let world = World::start().with_shipping().await;
    let list = async || world.operator("GET", "/api/admin/express-companies", &json!({})).await.ok();
    let companies = list().await.json()["expressCompanies"].as_array().expect("a list").clone();
    assert!(companies.iter().any(|company| company["deliveryId"] == "SF"), "{companies:?}");
    list().await;
    assert_eq!(world.calls_to(COMPANIES), 1);
    world.clock.advance(Duration::from_secs(24 * 3600));
    list().await;
    assert_eq!(world.calls_to(COMPANIES), 2);
}

#[tokio::test]
async fn an_erased_user_s_order_is_uploaded_with_the_payer_that_wechat_names() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    world.deliver_events().await;
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    phone.delete("/api/user").await.ok();
    world.bundle().drain_stream("push-events").await.expect("the stream is read");
    ingest(&world);
    world.deliver_events().await;
    press_on(&world).await;
    assert_eq!(shipping_by(&world, &order_id).await["state"], "SHIPPED");
    assert_eq!(numbers(&shipment(&world)), ["YT1"]);
}

/// The shipping of an order whose owner can't read it, from its row.
async fn shipping_by(world: &World, order_id: &str) -> Value {
    let rows = world.items("OrdersTable").await;
    let row = rows.iter().find(|row| row["order_id"]["S"] == order_id).expect("the order");
    json!({ "state": row["shipping"]["M"]["state"]["S"] })
}

fn numbers(entry: &ShippingEntry) -> Vec<&str> {
    entry.parcels.iter().map(|parcel| parcel.tracking_no.as_str()).collect()
}

const LOOK: &str = "/wxa/sec/order/get_order";
const COMPANIES: &str = "/cgi-bin/express/delivery/open_msg/get_delivery_list";
