//! Steps of tests about shipping, and its pushes: lost, doubled, out of order.

use std::time::Duration;

use e2e::{Phone, Response, World};
use local_wechat::{Fault, ShippingEntry};
use serde_json::{Value, json};
use shared::types::{Day, UnixSeconds};

pub(crate) const UPLOAD: &str = "/wxa/sec/order/upload_shipping_info";

/// A user whom an operator made staff.
pub(crate) async fn staff(world: &World) -> Phone<'_> {
    let phone = world.user().await;
    let path = format!("/api/admin/users/{}/role", phone.get("/api/user").await.ok().text("/user/userId"));
    world.operator("PUT", &path, &json!({ "role": "staff" })).await.ok();
    phone
}

/// One parcel with everything.
pub(crate) fn package(number: &str) -> Value {
    let package = json!({ "trackingNo": number, "expressCompany": "YTO", "itemDesc": "矿泉水" });
    json!({ "logisticsType": 1, "packages": [package] })
}

pub(crate) async fn ship(clerk: &Phone<'_>, order_id: &str, body: &Value) -> Response {
    clerk.post(&format!("/api/orders/{order_id}/ship"), body).await
}

pub(crate) async fn to_ship(clerk: &Phone<'_>, more: &str) -> Value {
    clerk.get(&format!("/api/staff/orders?state=TO_SHIP{more}")).await.ok().json()
}

/// The shipping of the order as its owner reads it.
pub(crate) async fn shipping(phone: &Phone<'_>, order_id: &str) -> Value {
    phone.get(&format!("/api/orders/{order_id}")).await.ok().json()["order"]["shipping"].clone()
}

/// WeChat's shipping knows the payments by now.
pub(crate) fn ingest(world: &World) {
    world.clock.advance(Duration::from_secs(61));
}

/// The schedule runs five minutes later.
pub(crate) async fn press_on(world: &World) {
    world.clock.advance(Duration::from_secs(300));
    world.bundle().run_task("order-events").await.expect("a run");
}

/// WeChat's pushes arrive and are processed.
pub(crate) async fn settle_pushes(world: &World) {
    world.wechat().wait_for_notices().await;
    world.bundle().drain_stream("push-events").await.expect("the stream is read");
}

/// What WeChat knows of the only payment.
pub(crate) fn shipment(world: &World) -> ShippingEntry {
    world.wechat().shipments().pop().expect("a payment")
}

/// Both sides say that the order is shipped with this parcel.
pub(crate) async fn expect_shipped(world: &World, phone: &Phone<'_>, order_id: &str, number: &str) {
    let entry = shipment(world);
    assert_eq!(entry.order_state, 2);
    let numbers: Vec<_> = entry.parcels.iter().map(|parcel| parcel.tracking_no.as_str()).collect();
    assert_eq!(numbers, [number]);
    assert_eq!(shipping(phone, order_id).await["state"], "SHIPPED");
}

/// The open cases of the kind.
pub(crate) async fn cases(world: &World, kind: &str) -> Vec<Value> {
    let list = world.operator("GET", &format!("/api/admin/cases?kind={kind}"), &json!({})).await.ok().json();
    list["cases"].as_array().expect("a list").clone()
}

/// What the day's row says of frozen money, after the next morning's run: orders and fen.
pub(crate) async fn frozen_of(world: &World, day: Day) -> (String, String) {
    let morning = Day::of(UnixSeconds::new(world.now())).after(1).begins().get() + (10 * 60 + 30) * 60;
    world.clock.advance(Duration::from_secs(morning - world.now()));
    world.bundle().run_task("reconcile").await.expect("a run");
    let rows = world.items("BillsTable").await;
    let row = rows.iter().find(|row| row["bill_date"]["S"] == day.to_string()).expect("the day's row");
    let number = |name: &str| row["frozen"]["M"][name]["N"].as_str().expect("a number").to_owned();
    (number("orders"), number("fee"))
}

/// Today, in Beijing.
pub(crate) fn today(world: &World) -> Day {
    Day::of(UnixSeconds::new(world.now()))
}

/// A settlement as WeChat pushes it.
fn settlement(entry: &ShippingEntry, more: Value) -> Value {
    let mut push = json!({
        "Event": "trade_manage_order_settlement", "transaction_id": entry.transaction_id, "merchant_id": "1900000000",
        "sub_merchant_id": "", "merchant_trade_no": entry.out_trade_no, "pay_time": 1_700_000_042,
    });
    push.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    push
}

async fn push(world: &World, openid: &str, message: Value) {
    world.wechat().push(openid, message);
    settle_pushes(world).await;
}

#[tokio::test]
async fn settlements_that_come_twice_and_backwards_leave_the_order_settled() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy().await;
    world.deliver_events().await;
    let entry = shipment(&world);
    let shipped = settlement(&entry, json!({ "shipped_time": 1_700_086_400 }));
    let settled = settlement(
        &entry,
        json!({ "shipped_time": 1_700_086_400, "confirm_receive_method": 2,
                "confirm_receive_time": 1_700_590_000, "settlement_time": 1_700_600_000 }),
    );
    for message in [&settled, &settled, &shipped, &shipped] {
        push(&world, &phone.openid, message.clone()).await;
        let shown = shipping(&phone, &order_id).await;
        assert_eq!(
            (&shown["state"], &shown["settledAt"]),
            (&json!("SETTLED"), &json!("2023-11-21T20:53:20Z"))
        );
    }
}

#[tokio::test]
async fn a_refused_shipping_that_was_entered_by_hand_is_settled() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    ingest(&world);
    world.wechat().set_fault(Fault::Errcode { path: UPLOAD.into(), errcode: 10_060_014, times: 1 });
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    world.deliver_events().await;
    assert_eq!(shipping(&phone, &order_id).await["state"], "REFUSED");
    let entry = shipment(&world);
    let at = world.now();
    for (news, state) in [
        (json!({ "shipped_time": at }), "SHIPPED"),
        (json!({ "shipped_time": at, "settlement_time": at + 9 }), "SETTLED"),
        (json!({ "shipped_time": at }), "SETTLED"),
    ] {
        push(&world, &phone.openid, settlement(&entry, news)).await;
        assert_eq!(shipping(&phone, &order_id).await["state"], state);
    }
}

#[tokio::test]
async fn a_settlement_in_the_plain_mode_or_of_another_payment_changes_nothing() {
    for config in ["[message_push]\nmode = \"plain\"", ""] {
        let world = World::start().with_config(config).await;
        let phone = world.user().await;
        let (order_id, _) = phone.buy().await;
        world.deliver_events().await;
        let mut entry = shipment(&world);
        if config.is_empty() {
            entry.transaction_id = "4200000000000000000000000007".to_owned();
        }
        push(&world, &phone.openid, settlement(&entry, json!({ "settlement_time": 1_700_600_000 }))).await;
        assert_eq!(shipping(&phone, &order_id).await["state"], "NONE");
    }
}
