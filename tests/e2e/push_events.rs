//! `push-events`: what follows from the pushes in the inbox.

use std::time::Duration;

use e2e::{Phone, World};
use local_dynamo::{DynamoFault, FaultKind};
use serde_json::{Value, json};

const TEMPLATE: &str = "paid";

fn entry(status: &str) -> Value {
    json!({ "TemplateId": TEMPLATE, "SubscribeStatusString": status, "PopupScene": "0" })
}

/// Pushes an event that happened at `at`, and processes what is in the inbox.
async fn push(world: &World, phone: &Phone<'_>, event: &str, at: u64, list: Value) {
    world.wechat().push(&phone.openid, json!({ "Event": event, "CreateTime": at.to_string(), "List": list }));
    world.wechat().wait_for_notices().await;
    world.bundle().drain_stream("push-events").await.expect("the stream is delivered");
}

async fn remaining(phone: &Phone<'_>) -> u64 {
    let known = phone.get("/api/subscribe").await.ok().json();
    known["subscriptions"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["remaining"].as_u64())
        .sum()
}

async fn report(phone: &Phone<'_>) {
    phone.post("/api/subscribe", &json!({ "tmplIds": [TEMPLATE] })).await.ok();
}

/// WeChat tells that the user withdrew the consent to personal data at this time.
async fn revoke(world: &World, phone: &Phone<'_>, at: u64) {
    let event = json!({ "Event": "user_authorization_revoke", "OpenID": phone.openid, "RevokeInfo": "201",
        "CreateTime": at });
    world.wechat().push(&phone.openid, event);
    world.wechat().wait_for_notices().await;
    world.bundle().drain_stream("push-events").await.expect("the stream is delivered");
}

async fn give_phone_and_steps(phone: &Phone<'_>) {
    let tapped = phone.wx("getPhoneNumber", json!({})).await.json();
    phone.post("/api/decrypt-phone", &json!({ "code": tapped["code"] })).await.ok();
    let steps = phone.wx("getWeRunData", json!({})).await.json();
    let steps = json!({ "encryptedData": steps["encryptedData"], "iv": steps["iv"] });
    phone.post("/api/werun/decrypt", &steps).await.ok();
}

#[tokio::test]
async fn a_consent_counts_once_whether_report_or_push_comes_first() {
    let world = World::start().await;
    let phone = world.user().await;
    report(&phone).await;
    push(&world, &phone, "subscribe_msg_popup_event", world.now(), entry("accept")).await;
    assert_eq!(remaining(&phone).await, 1, "the report came first");
    world.clock.advance(Duration::from_secs(5));
    push(&world, &phone, "subscribe_msg_popup_event", world.now(), entry("accept")).await;
    report(&phone).await;
    assert_eq!(remaining(&phone).await, 2, "the push came first");
    world.clock.advance(Duration::from_secs(5));
    push(&world, &phone, "subscribe_msg_popup_event", world.now(), json!([entry("accept")])).await;
    assert_eq!(remaining(&phone).await, 3, "the report was lost");
}

#[tokio::test]
async fn a_push_long_after_a_report_is_another_consent() {
    let world = World::start().await;
    let phone = world.user().await;
    report(&phone).await;
    world.clock.advance(Duration::from_secs(3600));
    push(&world, &phone, "subscribe_msg_popup_event", world.now(), entry("accept")).await;
    assert_eq!(remaining(&phone).await, 2);
    world.clock.advance(Duration::from_secs(3600));
    report(&phone).await;
    assert_eq!(remaining(&phone).await, 3);
}

#[tokio::test]
async fn a_switched_off_template_has_no_messages_left() {
    let world = World::start().await;
    let phone = world.user().await;
    report(&phone).await;
    world.clock.advance(Duration::from_secs(60));
    push(&world, &phone, "subscribe_msg_popup_event", world.now(), entry("reject")).await;
    assert_eq!(remaining(&phone).await, 1, "a question that was declined takes nothing back");
    push(&world, &phone, "subscribe_msg_change_event", world.now(), entry("reject")).await;
    assert_eq!(remaining(&phone).await, 0);
}

#[tokio::test]
async fn a_late_push_does_not_undo_a_later_consent() {
    let world = World::start().await;
    let phone = world.user().await;
    let before = world.now();
    world.clock.advance(Duration::from_secs(60));
    push(&world, &phone, "subscribe_msg_popup_event", world.now(), entry("accept")).await;
    push(&world, &phone, "subscribe_msg_change_event", before, entry("reject")).await;
    assert_eq!(remaining(&phone).await, 1);
}

#[tokio::test]
async fn an_undelivered_message_is_an_alert_and_a_refused_one_ends_the_count() {
    let world = World::start().await;
    let phone = world.user().await;
    report(&phone).await;
    world.clock.advance(Duration::from_secs(60));
    let sent = |code: &str| json!({ "TemplateId": TEMPLATE, "MsgID": "1864323726461255680", "ErrorCode": code, "ErrorStatus": "x" });
    push(&world, &phone, "subscribe_msg_sent_event", world.now(), sent("0")).await;
    assert!(!world.log().contains("subscribe-message-undelivered"));
    push(&world, &phone, "subscribe_msg_sent_event", world.now() + 1, sent("43116")).await;
    assert!(world.log().contains("subscribe-message-undelivered"));
    assert_eq!(remaining(&phone).await, 1);
    push(&world, &phone, "subscribe_msg_sent_event", world.now() + 2, sent("43101")).await;
    assert_eq!(remaining(&phone).await, 0);
}

#[tokio::test]
async fn a_push_counts_once_however_often_it_comes_and_leaves_no_message() {
    let world = World::start().await;
    let phone = world.user().await;
    let at = world.now();
    for _ in 0..3 {
        push(&world, &phone, "subscribe_msg_popup_event", at, entry("accept")).await;
    }
    assert_eq!(remaining(&phone).await, 1);
    let rows = world.items("InboxTable").await;
    assert_eq!(rows.len(), 1);
    assert!(rows[0].get("message").is_none() && rows[0].get("pending_shard").is_none(), "{rows:?}");
}

#[tokio::test]
async fn a_push_that_the_stream_gave_up_is_processed_by_the_schedule() {
    let world = World::start().await;
    let phone = world.user().await;
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("PushEventsFunction".to_owned()),
        operation: Some("BatchGetItem".to_owned()),
        kind: FaultKind::InternalError,
        times: 1000,
    });
    push(&world, &phone, "subscribe_msg_popup_event", world.now(), entry("accept")).await;
    assert_eq!(world.bundle().queue("PushEventsFailures").len(), 1);
    assert_eq!(remaining(&phone).await, 0);
    world.dynamo().clear_faults();
    world.clock.advance(Duration::from_secs(180));
    let report = world.bundle().run_task("push-events").await.expect("the task runs");
    assert_eq!((&report["completed"], &report["failed"]), (&json!(1), &json!(0)), "{report}");
    assert_eq!(remaining(&phone).await, 1);
}

#[tokio::test]
async fn a_push_that_can_t_be_read_does_not_block_the_others() {
    let world = World::start().await;
    let phone = world.user().await;
    let broken =
        json!({ "push_id": { "S": "by hand" }, "pending_shard": { "S": "03" }, "happened_at": { "N": "1" } });
    world.put_item("InboxTable", broken).await;
    push(&world, &phone, "subscribe_msg_popup_event", world.now(), entry("accept")).await;
    assert_eq!(remaining(&phone).await, 1);
    assert!(world.log().contains("event-unreadable"));
    assert!(world.bundle().queue("PushEventsFailures").is_empty());
}

#[tokio::test]
async fn a_push_that_can_never_be_applied_is_abandoned_and_not_tried_again() {
    let world = World::start().await;
    let phone = world.user().await;
    let list: Vec<Value> = (0..60)
        .map(|number| json!({ "TemplateId": format!("t{number}"), "SubscribeStatusString": "accept" }))
        .collect();
    push(&world, &phone, "subscribe_msg_popup_event", world.now(), json!(list)).await;
    assert!(world.log().contains("event-unreadable"));
    assert_eq!(remaining(&phone).await, 0);
    let rows = world.items("InboxTable").await;
    assert!(rows[0].get("message").is_none() && rows[0].get("given_up_at").is_some(), "{rows:?}");
}

#[tokio::test]
async fn a_consent_from_before_its_end_does_not_count() {
    let world = World::start().await;
    let phone = world.user().await;
    let before = world.now();
    world.clock.advance(Duration::from_secs(60));
    push(&world, &phone, "subscribe_msg_change_event", world.now(), entry("reject")).await;
    push(&world, &phone, "subscribe_msg_popup_event", before, entry("accept")).await;
    assert_eq!(remaining(&phone).await, 0);
}

#[tokio::test]
async fn a_withdrawn_consent_removes_what_the_user_gave_and_keeps_the_orders() {
    let world = World::start().await;
    let (phone, other) = (world.user().await, world.user().await);
    for one in [&phone, &other] {
        give_phone_and_steps(one).await;
    }
    phone.order().await;
    for _ in 0..2 {
        revoke(&world, &phone, world.now()).await;
    }
    let user = phone.get("/api/user").await.ok().json();
    assert!(user["user"].get("phoneNumber").is_none(), "{user}");
    let orders = phone.get("/api/orders").await.ok().json();
    assert_eq!(orders["orders"].as_array().map(Vec::len), Some(1), "{orders}");
    assert!(other.get("/api/user").await.ok().json()["user"].get("phoneNumber").is_some());
    assert_eq!(world.items("StepsTable").await.len(), 1, "the steps of the other user");
}

#[tokio::test]
async fn data_given_after_a_withdrawal_stay_when_its_push_comes_late() {
    let world = World::start().await;
    let phone = world.user().await;
    give_phone_and_steps(&phone).await;
    let withdrawn_at = world.now();
    world.clock.advance(Duration::from_secs(3600));
    let tapped = phone.wx("getPhoneNumber", json!({})).await.json();
    phone.post("/api/decrypt-phone", &json!({ "code": tapped["code"] })).await.ok();
    revoke(&world, &phone, withdrawn_at).await;
    let user = phone.get("/api/user").await.ok().json();
    assert!(user["user"].get("phoneNumber").is_some(), "{user}");
    assert!(world.items("StepsTable").await.is_empty(), "the steps are from before");
}

#[tokio::test]
async fn lost_reports_make_no_later_consent_count_twice() {
    let world = World::start().await;
    let phone = world.user().await;
    for _ in 0..3 {
        push(&world, &phone, "subscribe_msg_popup_event", world.now(), entry("accept")).await;
        world.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(remaining(&phone).await, 3, "three pushes whose reports were lost");
    for consents in 4..7 {
        world.clock.advance(Duration::from_secs(1200));
        report(&phone).await;
        push(&world, &phone, "subscribe_msg_popup_event", world.now(), entry("accept")).await;
        assert_eq!(remaining(&phone).await, consents);
    }
}

#[tokio::test]
async fn a_late_report_of_a_consent_that_has_ended_does_not_count() {
    let world = World::start().await;
    let phone = world.user().await;
    push(&world, &phone, "subscribe_msg_popup_event", world.now(), entry("accept")).await;
    world.clock.advance(Duration::from_secs(10));
    push(&world, &phone, "subscribe_msg_change_event", world.now(), entry("reject")).await;
    report(&phone).await;
    assert_eq!(remaining(&phone).await, 0);
}
