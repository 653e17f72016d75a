//! `shipping-sweep`

use std::time::Duration;

use e2e::{Phone, World};
use local_wechat::{Fault, NewComplaint};
use serde_json::{Value, json};

use crate::shipping_flow::{
    cases, frozen_of, ingest, package, settle_pushes, ship, shipment, shipping, staff, today,
};

async fn sweep(world: &World) -> Value {
    world.bundle().run_task("shipping-sweep").await.expect("a run")
}

fn hours(world: &World, hours: u64) {
    world.clock.advance(Duration::from_secs(hours * 3600));
}

/// The counts of a report that are not 0.
fn counts(report: &Value) -> Value {
    let counts = report.as_object().expect("an object").iter();
    counts.filter(|(_, count)| **count != 0).map(|(name, count)| (name.clone(), count.clone())).collect()
}

/// The order's row.
async fn row(world: &World, order_id: &str) -> Value {
    let rows = world.items("OrdersTable").await;
    rows.into_iter().find(|row| row["order_id"]["S"] == order_id).expect("the order")
}

async fn state(world: &World, order_id: &str) -> Value {
    row(world, order_id).await["shipping"]["M"]["state"]["S"].clone()
}

async fn is_watched(world: &World, order_id: &str) -> bool {
    row(world, order_id).await.get("shipping_shard").is_some()
}

/// A paid order that staff have shipped and WeChat knows: its id and its attempt.
async fn shipped(world: &World, phone: &Phone<'_>, clerk: &Phone<'_>) -> (String, String) {
    let (order_id, out_trade_no) = phone.buy().await;
    world.deliver_events().await;
    ship(clerk, &order_id, &package("YT1")).await.ok();
    ingest(world);
    world.deliver_events().await;
    settle_pushes(world).await;
    assert_eq!(state(world, &order_id).await, "SHIPPED");
    (order_id, out_trade_no)
}

async fn confirm(phone: &Phone<'_>, world: &World) {
    let extra = json!({ "transaction_id": shipment(world).transaction_id });
    let arguments = json!({ "businessType": "weappOrderConfirm", "extraData": extra });
    let confirmed = phone.wx("openBusinessView", arguments).await;
    assert_eq!(confirmed.json()["extraData"]["status"], "success", "{}", confirmed.body);
}

#[tokio::test]
async fn a_settlement_whose_push_was_lost_is_found_by_asking() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = shipped(&world, &phone, &clerk).await;
    assert_eq!(counts(&sweep(&world).await), json!({}), "it is not due");
    confirm(&phone, &world).await;
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    hours(&world, 2);
    assert_eq!(counts(&sweep(&world).await), json!({}));
    hours(&world, 4);
    assert_eq!(counts(&sweep(&world).await), json!({ "ended": 1 }));
    settle_pushes(&world).await;
    assert_eq!(shipping(&phone, &order_id).await["state"], "SETTLED");
    assert!(!is_watched(&world, &order_id).await);
    hours(&world, 24);
    assert_eq!(counts(&sweep(&world).await), json!({}));
    assert_eq!(world.calls_to(LOOK), 1);
}

#[tokio::test]
async fn an_order_whose_pushes_come_is_hardly_asked_about() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = shipped(&world, &phone, &clerk).await;
    for _ in 0..11 * 4 {
        hours(&world, 6);
        world.wechat().run_due_shipping();
        settle_pushes(&world).await;
        sweep(&world).await;
    }
    assert_eq!(state(&world, &order_id).await, "SETTLED");
    assert!(!is_watched(&world, &order_id).await);
    assert_eq!(world.calls_to(LOOK), 7, "after 6, 12, 24 and 48 hours, and after 4, 7 and 10 days");
    assert!(cases(&world, "FROZEN").await.is_empty());
}

#[tokio::test]
async fn a_push_and_a_sweep_at_once_agree() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = shipped(&world, &phone, &clerk).await;
    confirm(&phone, &world).await;
    hours(&world, 6);
    world.wechat().run_due_shipping();
    world.wechat().wait_for_notices().await;
    let pushes = world.bundle().drain_stream("push-events");
    let (first, second, pushes) = tokio::join!(sweep(&world), sweep(&world), pushes);
    pushes.expect("the stream is read");
    for report in [first, second] {
        assert!(report["failed"] == 0, "{report}");
    }
    world.bundle().run_task("push-events").await.expect("a run");
    let settled = shipping(&phone, &order_id).await;
    assert_eq!(settled["state"], "SETTLED");
    assert!(!is_watched(&world, &order_id).await);
}

#[tokio::test]
async fn an_order_is_asked_about_again_after_wechat_was_busy() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = shipped(&world, &phone, &clerk).await;
    confirm(&phone, &world).await;
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    world.wechat().set_fault(Fault::Busy { path: LOOK.into(), times: 1000 });
    hours(&world, 6);
    for _ in 0..2 {
        assert_eq!(counts(&sweep(&world).await), json!({ "failed": 1 }));
        hours(&world, 1);
    }
    world.wechat().clear_faults();
    assert_eq!(counts(&sweep(&world).await), json!({ "ended": 1 }));
    assert_eq!(state(&world, &order_id).await, "SETTLED");
}

#[tokio::test]
async fn frozen_money_becomes_one_case_and_stands_in_the_day_s_row() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let day = today(&world);
    let (order_id, out_trade_no) = shipped(&world, &phone, &clerk).await;
    // WeChat settles nothing that a user complains of.
    world.wechat().set_complaint_url(None);
    let id = world.wechat().complain(NewComplaint { out_trade_no, ..NewComplaint::default() });
    world.bundle().run_task("complaint-sweep").await.expect("a run");
    assert_eq!(frozen_of(&world, day).await, ("1".to_owned(), "200".to_owned()));
    hours(&world, 15 * 24);
    for _ in 0..3 {
        sweep(&world).await;
        hours(&world, 7 * 24);
    }
    let frozen = cases(&world, "FROZEN").await;
    assert_eq!((frozen.len(), &frozen[0]["orderId"]), (1, &json!(order_id)));
    assert!(frozen[0]["what"].as_str().is_some_and(|what| what.contains("complains")), "{frozen:?}");
    assert_eq!(frozen_of(&world, day).await, ("1".to_owned(), "200".to_owned()));
    world.operator("POST", &format!("/api/admin/complaints/{id}/complete"), &json!({})).await.ok();
    hours(&world, 7 * 24);
    assert_eq!(counts(&sweep(&world).await), json!({ "ended": 1 }));
    assert_eq!(frozen_of(&world, day).await, ("0".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn a_part_that_was_given_back_is_not_frozen() {
    let world = World::start().with_shipping().await;
    let phone = world.user().await;
    let day = today(&world);
    let (_, out_trade_no) = phone.buy().await;
    world.deliver_events().await;
    world.request_refund(&json!({ "outTradeNo": out_trade_no, "refundFee": 50 }), "k").await;
    world.wechat().wait_for_notices().await;
    assert_eq!(frozen_of(&world, day).await, ("1".to_owned(), "150".to_owned()));
}

#[tokio::test]
async fn a_refunded_order_is_asked_about_no_more() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, out_trade_no) = shipped(&world, &phone, &clerk).await;
    assert!(is_watched(&world, &order_id).await);
    world.request_refund(&json!({ "outTradeNo": out_trade_no }), "k").await;
    world.wechat().wait_for_notices().await;
    assert!(!is_watched(&world, &order_id).await);
    hours(&world, 20 * 24);
    assert_eq!(counts(&sweep(&world).await), json!({}));
    assert!(cases(&world, "FROZEN").await.is_empty());
}

#[tokio::test]
async fn money_that_goes_back_while_the_sweep_asks_is_no_case() {
    let world = World::start().with_shipping().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = shipped(&world, &phone, &clerk).await;
    world.wechat().refund_in_console(&shipment(&world).transaction_id, 200);
    hours(&world, 20 * 24);
    assert_eq!(counts(&sweep(&world).await), json!({ "ended": 1 }));
    assert!(!is_watched(&world, &order_id).await);
}

#[tokio::test]
async fn an_order_that_staff_do_not_ship_becomes_a_case() {
    for (term, expected) in [("24", 1), ("0", 0)] {
        let world = World::start().with_shipping().with_parameter("NotShippedAfterHours", term).await;
        let phone = world.user().await;
        let (order_id, _) = phone.buy().await;
        world.deliver_events().await;
        hours(&world, 23);
        assert_eq!(counts(&sweep(&world).await), json!({}));
        hours(&world, 1);
        for _ in 0..2 {
            sweep(&world).await;
            assert_eq!(cases(&world, "NOT_SHIPPED").await.len(), expected, "{term}");
            hours(&world, 7 * 24);
        }
        assert!(is_watched(&world, &order_id).await);
    }
}

#[tokio::test]
async fn a_shop_whose_shipping_wechat_does_not_manage_asks_nothing() {
    let world = World::start().await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    world.deliver_events().await;
    ship(&clerk, &order_id, &package("YT1")).await.ok();
    world.deliver_events().await;
    hours(&world, 20 * 24);
    let (report, requests) = world.count_requests(sweep(&world)).await;
    assert_eq!((counts(&report), requests.dynamodb, requests.wechat), (json!({}), 0, 0));
    assert!(!is_watched(&world, &order_id).await);
}

#[tokio::test]
async fn a_user_is_reminded_once_of_a_parcel_that_was_signed_for() {
    for fault in [
        None,
        Some(Fault::TimeoutAfter { path: REMIND.into(), millis: 0, times: 1 }),
        Some(Fault::TimeoutBefore { path: REMIND.into(), millis: 0, times: 1 }),
        Some(Fault::Busy { path: REMIND.into(), times: 1 }),
    ] {
        let world = World::start().with_shipping().with_parameter("ReceiptReminderDays", "3").await;
        let (phone, clerk) = (world.user().await, staff(&world).await);
        shipped(&world, &phone, &clerk).await;
        let (is_busy, is_before) =
            (matches!(fault, Some(Fault::Busy { .. })), matches!(fault, Some(Fault::TimeoutBefore { .. })));
        for _ in 0..3 * 4 {
            assert_eq!(world.calls_to(REMIND), 0);
            hours(&world, 6);
            if let Some(fault) = &fault {
                world.wechat().clear_faults();
                world.wechat().set_fault(fault.clone());
            }
            sweep(&world).await;
        }
        for _ in 0..6 * 4 {
            hours(&world, 6);
            sweep(&world).await;
        }
        assert_eq!(world.calls_to(REMIND), if is_busy { 2 } else { 1 }, "{fault:?}");
        assert_eq!(shipment(&world).reminded, !is_before, "{fault:?}");
    }
}

#[tokio::test]
async fn goods_without_a_courier_cause_no_reminder() {
    let world = World::start().with_shipping().with_parameter("ReceiptReminderDays", "3").await;
    let (phone, clerk) = (world.user().await, staff(&world).await);
    let (order_id, _) = phone.buy().await;
    world.deliver_events().await;
    ship(&clerk, &order_id, &json!({ "logisticsType": 2 })).await.ok();
    ingest(&world);
    world.deliver_events().await;
    for _ in 0..9 {
        hours(&world, 24);
        sweep(&world).await;
    }
    assert_eq!(world.calls_to(REMIND), 0);
}

const LOOK: &str = "/wxa/sec/order/get_order";
const REMIND: &str = "/wxa/sec/order/notify_confirm_receive";
