//! `order-events`: the stream of the outbox, and every five minutes.

use std::time::Duration;

use e2e::{Effects, Phone, World};
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::Fault;
use order_events::OrderEventsTask;
use serde_json::{Value, json};
use shared::runtime::Task;

const SEND: &str = "/cgi-bin/message/subscribe/send";
const PAID: &str = "tmpl-paid";

/// The usual world with a template for paid orders.
async fn world_with_template() -> World {
    World::start().with_template(PAID).await
}

/// A user who has accepted `messages` messages of the template.
async fn subscriber(world: &World, messages: usize) -> Phone<'_> {
    let phone = world.user().await;
    phone.accept_messages(PAID, messages).await;
    phone
}

/// Pays for the order; the notice has arrived.
async fn pay(world: &World, phone: &Phone<'_>, out_trade_no: &str) {
    let prepaid = phone.prepay(out_trade_no).await;
    phone.pay(&prepaid).await;
    world.wechat().wait_for_notices().await;
}

async fn set_stock(world: &World, stock: i64) {
    let update = json!({ "TableName": world.table("ProductsTable"), "Key": { "product_id": { "S": "water" } },
        "UpdateExpression": "SET stock = :stock", "ExpressionAttributeValues": { ":stock": { "N": stock.to_string() } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
}

/// Makes the order one of an earlier version, which has taken nothing from stock.
async fn forget_reservation(world: &World, order_id: &str) {
    let update = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "REMOVE reserved" });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
}

/// The row of the outbox for the one event of this kind.
async fn outbox(world: &World, kind: &str) -> Value {
    let rows = world.items("OutboxTable").await;
    rows.into_iter().find(|row| row["event"]["S"] == kind).expect("the event")
}

/// The report of the scheduled run two minutes later.
async fn run_schedule(world: &World) -> Value {
    world.clock.advance(Duration::from_secs(121));
    world.bundle().run_task("order-events").await.expect("the task runs")
}

/// Calls the function with the events in one batch, as the stream would.
async fn deliver(world: &World, event_ids: &[&str]) -> Value {
    let records = event_ids.iter().enumerate().map(|(number, event_id)| {
        let keys = json!({ "event_id": { "S": event_id } });
        json!({ "eventName": "INSERT", "dynamodb": { "Keys": keys, "SequenceNumber": number.to_string() } })
    });
    let host = world.bundle().host("order-events").expect("the function");
    let task = OrderEventsTask::init(&host).await.expect("its settings");
    let report = task.run(json!({ "Records": records.collect::<Vec<_>>() })).await.expect("a report");
    serde_json::to_value(report).expect("JSON")
}

#[tokio::test]
async fn a_payment_takes_stock_reaches_the_bus_and_sends_a_message() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 1).await;
    set_stock(&world, 5).await;
    let (order_id, _) = phone.buy().await;
    world.deliver_events().await;
    let effects = Effects { published: 1, send_calls: 1, messages: 1, pending: 0, stock: Some(4) };
    assert_eq!(world.effects().await, effects);

    let events = world.dynamo().events();
    assert_eq!(events[0]["source"], "mini-program.orders");
    assert_eq!(events[0]["detail-type"], "order.paid");
    let detail = events[0]["detail"].clone();
    let row = outbox(&world, "order.paid").await;
    assert_eq!(detail["eventId"], row["event_id"]["S"]);
    assert_eq!(detail["orderId"], json!(order_id));
    assert_eq!(detail["fee"], 200);
    let user_id = phone.get("/api/user").await.ok().text("/user/userId");
    assert_eq!(detail["userId"], user_id);
    assert!(!events[0].to_string().contains(&phone.openid), "an openid never leaves");

    let messages = world.wechat().messages();
    assert_eq!(messages[0].openid, phone.openid);
    assert_eq!(messages[0].template_id.as_str(), PAID);
    assert_eq!(messages[0].page, Some(format!("pages/order?id={order_id}")));
    assert_eq!(messages[0].data["amount2"], "¥2.00");
    assert_eq!(row["message"]["S"], "SENT");
    assert_eq!(phone.get("/api/subscribe").await.json()["subscriptions"][0]["remaining"], 0);
}

#[tokio::test]
async fn without_a_template_no_message_is_sent() {
    let world = World::start().await;
    let phone = subscriber(&world, 1).await;
    phone.buy().await;
    world.deliver_events().await;
    let effects = Effects { published: 1, ..Effects::default() };
    assert_eq!(world.effects().await, effects, "stock that is not counted is not taken");
}

#[tokio::test]
async fn a_user_without_a_subscription_is_sent_no_message() {
    let world = world_with_template().await;
    let phone = world.user().await;
    phone.buy().await;
    world.deliver_events().await;
    assert_eq!(world.effects().await, Effects { published: 1, ..Effects::default() });
    assert_eq!(outbox(&world, "order.paid").await["message"]["S"], "NOT_SUBSCRIBED");
}

#[tokio::test]
async fn a_user_who_has_since_refused_has_no_subscription_left() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 3).await;
    world.wechat().set_fault(Fault::Errcode { path: SEND.into(), errcode: 43101, times: 1 });
    phone.buy().await;
    world.deliver_events().await;
    assert_eq!(world.effects().await, Effects { published: 1, send_calls: 1, ..Effects::default() });
    assert_eq!(phone.get("/api/subscribe").await.json()["subscriptions"][0]["remaining"], 0);
}

#[tokio::test]
async fn the_same_record_ten_times_has_one_effect() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 5).await;
    let (order_id, _) = phone.buy().await;
    forget_reservation(&world, &order_id).await;
    set_stock(&world, 5).await;
    world.deliver_events().await;
    let event_id = outbox(&world, "order.paid").await["event_id"]["S"].as_str().expect("a key").to_owned();
    for _ in 0..10 {
        let report = deliver(&world, &[&event_id]).await;
        assert_eq!(
            report,
            json!({ "batchItemFailures": [], "completed": 0, "skipped": 1, "deferred": 0, "abandoned": 0, "unreadableRecords": 0, "failed": 0, "oldestAgeSeconds": 0 })
        );
    }
    let effects = Effects { published: 1, send_calls: 1, messages: 1, pending: 0, stock: Some(4) };
    assert_eq!(world.effects().await, effects);
}

#[tokio::test]
async fn ten_copies_of_a_record_at_once_take_stock_once_and_send_one_message() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 5).await;
    let (order_id, _) = phone.buy().await;
    forget_reservation(&world, &order_id).await;
    set_stock(&world, 5).await;
    let event_id = outbox(&world, "order.paid").await["event_id"]["S"].as_str().expect("a key").to_owned();
    let report = deliver(&world, &[event_id.as_str(); 10]).await;
    assert_eq!(report["failed"], 0, "{report}");
    // The bus may get an event more than once, always under the same id.
    let published = world.dynamo().events();
    assert!(published.iter().all(|event| event["detail"]["eventId"] == event_id.as_str()), "{published:?}");
    let published = published.len();
    let effects = Effects { published, send_calls: 1, messages: 1, pending: 0, stock: Some(4) };
    assert_eq!(world.effects().await, effects);
}

#[tokio::test]
async fn each_effect_happens_once_whichever_request_fails() {
    for operation in ["GetItem", "BatchGetItem", "TransactWriteItems", "UpdateItem"] {
        for kind in [FaultKind::InternalError, FaultKind::TimeoutAfter] {
            let world = world_with_template().await;
            let phone = subscriber(&world, 5).await;
            let (order_id, _) = phone.buy().await;
            forget_reservation(&world, &order_id).await;
            set_stock(&world, 5).await;
            world.dynamo().inject_fault(DynamoFault {
                caller: Some("OrderEventsFunction".to_owned()),
                operation: Some(operation.to_owned()),
                kind,
                // As often as a request is tried.
                times: 3,
            });
            world.deliver_events().await;
            run_schedule(&world).await;
            let found = world.effects().await;
            let once = Effects { messages: 1, pending: 0, stock: Some(4), ..found.clone() };
            assert_eq!(found, once, "{operation} {kind:?}");
        }
    }
}

#[tokio::test]
async fn a_message_that_may_have_been_sent_is_not_sent_again() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 5).await;
    phone.buy().await;
    world.wechat().set_fault(Fault::TimeoutAfter { path: SEND.into(), times: 1, millis: 0 });
    world.deliver_events().await;
    run_schedule(&world).await;
    let effects = Effects { published: 1, send_calls: 1, messages: 1, ..Effects::default() };
    assert_eq!(world.effects().await, effects);
    assert_eq!(outbox(&world, "order.paid").await["message"]["S"], "MAYBE_SENT");
    assert!(world.log().contains("message-maybe-sent"));
}

#[tokio::test]
async fn a_message_claimed_by_a_killed_run_is_recorded_as_maybe_sent() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 5).await;
    phone.buy().await;
    let event_id = outbox(&world, "order.paid").await["event_id"].clone();
    let update = json!({ "TableName": world.table("OutboxTable"), "Key": { "event_id": event_id },
        "UpdateExpression": "SET message_claimed_at = :now, message_claimed_by = :who",
        "ExpressionAttributeValues": { ":now": { "N": world.now().to_string() }, ":who": { "S": "another" } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
    world.deliver_events().await;
    assert_eq!(world.effects().await.pending, 1, "another run may be sending the message just now");
    assert_eq!(run_schedule(&world).await["completed"], 1);
    assert_eq!(world.effects().await, Effects { published: 1, ..Effects::default() });
    assert!(world.log().contains("message-maybe-sent"));
}

#[tokio::test]
async fn a_message_that_wechat_was_too_busy_for_is_sent_later() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 1).await;
    set_stock(&world, 5).await;
    phone.buy().await;
    world.wechat().set_fault(Fault::Busy { path: SEND.into(), times: 3 });
    let answers = world.deliver_events().await;
    assert!(answers.iter().any(|answer| answer["failed"] == 1), "{answers:?}");
    run_schedule(&world).await;
    let found = world.effects().await;
    let once = Effects { published: 1, messages: 1, pending: 0, stock: Some(4), ..found.clone() };
    assert_eq!(found, once, "the other effects are not repeated");
}

#[tokio::test]
async fn a_message_that_wechat_does_not_take_is_abandoned_after_an_hour() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 1).await;
    phone.buy().await;
    world.wechat().set_fault(Fault::Busy { path: SEND.into(), times: 1000 });
    world.deliver_events().await;
    assert_eq!(run_schedule(&world).await["failed"], 1);
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(run_schedule(&world).await["completed"], 1);
    assert!(world.log().contains("message-not-sent"));
}

#[tokio::test]
async fn a_template_that_wechat_does_not_take_is_not_tried_again() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 1).await;
    world.wechat().set_fault(Fault::Errcode { path: SEND.into(), errcode: 40037, times: 1 });
    phone.buy().await;
    world.deliver_events().await;
    assert_eq!(world.effects().await, Effects { published: 1, send_calls: 1, ..Effects::default() });
    assert!(world.log().contains("message-not-sent"));
    assert_eq!(
        phone.get("/api/subscribe").await.json()["subscriptions"][0]["remaining"],
        1,
        "the message was given back"
    );
}

#[tokio::test]
async fn an_unreadable_event_does_not_block_the_others() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 1).await;
    for item in [
        json!({ "event_id": { "S": "by hand" }, "pending_shard": { "S": "03" }, "happened_at": { "N": "1" } }),
        json!({ "event_id": { "S": "order.paid#gone" }, "event": { "S": "order.paid" }, "pending_shard": { "S": "04" },
                "happened_at": { "N": "1" }, "order_id": { "S": "01HF7Y9B9X0000000000000000" } }),
    ] {
        world.put_item("OutboxTable", item).await;
    }
    phone.buy().await;
    let answers = world.deliver_events().await;
    let count = |name: &str| answers.iter().filter_map(|answer| answer[name].as_u64()).sum::<u64>();
    let counts = ["completed", "abandoned", "failed"].map(|name| (name, count(name)));
    assert_eq!(counts, [("completed", 1), ("abandoned", 2), ("failed", 0)], "{answers:?}");
    let effects = Effects { published: 1, send_calls: 1, messages: 1, ..Effects::default() };
    assert_eq!(world.effects().await, effects);
    assert!(world.log().contains("event-unreadable"));
    assert!(world.bundle().queue("OrderEventsFailures").is_empty());
}

#[tokio::test]
async fn an_event_that_the_stream_gave_up_is_processed_by_the_schedule() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 1).await;
    set_stock(&world, 5).await;
    phone.buy().await;
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("OrderEventsFunction".to_owned()),
        operation: Some("BatchGetItem".to_owned()),
        kind: FaultKind::InternalError,
        times: 1000,
    });
    world.deliver_events().await;
    assert_eq!(world.bundle().queue("OrderEventsFailures").len(), 1);
    assert_eq!(world.effects().await, Effects { pending: 1, stock: Some(4), ..Effects::default() });
    world.dynamo().clear_faults();
    let early = world.bundle().run_task("order-events").await.expect("the task runs");
    assert_eq!(
        early,
        json!({ "completed": 0, "skipped": 0, "deferred": 0, "abandoned": 0, "unreadableRecords": 0, "failed": 0, "oldestAgeSeconds": 0 }),
        "the stream comes first"
    );
    assert_eq!(
        run_schedule(&world).await,
        json!({ "completed": 1, "skipped": 0, "deferred": 0, "abandoned": 0, "unreadableRecords": 0, "failed": 0, "oldestAgeSeconds": 0 })
    );
    let effects = Effects { published: 1, send_calls: 1, messages: 1, pending: 0, stock: Some(4) };
    assert_eq!(world.effects().await, effects);
}

#[tokio::test]
async fn more_events_than_a_page_are_reprocessed_in_one_run() {
    let world = World::start().await;
    for number in 0..120 {
        let item = json!({
            "event_id": { "S": format!("bill.difference#{number}") }, "event": { "S": "bill.difference" },
            "pending_shard": { "S": "00" }, "happened_at": { "N": world.now().to_string() },
        });
        world.put_item("OutboxTable", item).await;
    }
    assert_eq!(run_schedule(&world).await["completed"], 120);
    assert_eq!(world.effects().await.pending, 0);
}

#[tokio::test]
async fn a_closed_order_reaches_the_bus_and_touches_nothing_else() {
    let world = world_with_template().await;
    let phone = subscriber(&world, 1).await;
    set_stock(&world, 5).await;
    let (order_id, _) = phone.order().await;
    phone.cancel(&order_id).await;
    world.deliver_events().await;
    let events = world.dynamo().events();
    assert_eq!(events[0]["detail-type"], "order.closed");
    assert_eq!(world.effects().await, Effects { published: 1, stock: Some(5), ..Effects::default() });
}

#[tokio::test]
async fn an_order_of_an_earlier_version_takes_its_goods_when_it_is_paid() {
    let world = World::start().await;
    let phone = world.user().await;
    let (one, two) = (phone.order().await, phone.order().await);
    for (order_id, _) in [&one, &two] {
        forget_reservation(&world, order_id).await;
    }
    set_stock(&world, 1).await;
    pay(&world, &phone, &one.1).await;
    world.deliver_events().await;
    assert_eq!(world.effects().await.stock, Some(0));
    pay(&world, &phone, &two.1).await;
    world.deliver_events().await;
    world.deliver_events().await;
    assert_eq!(world.effects().await.stock, Some(0), "no stock falls below zero");
    let listed = world.operator("GET", "/api/admin/cases?kind=OVERSOLD", &json!({})).await.ok().json();
    let cases = listed["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 1, "{listed}");
    assert_eq!(cases[0]["what"], "more was sold than there was: water");
    assert_eq!(cases[0]["orderId"], two.0);
    assert!(world.log().contains("product-oversold"));
}

#[tokio::test]
async fn a_product_out_of_stock_can_t_be_ordered() {
    let world = World::start().await;
    let phone = world.user().await;
    set_stock(&world, 2).await;
    let order = |quantity: u32| json!({ "productId": "water", "quantity": quantity });
    let answer = phone.post("/api/orders", &order(3)).await;
    insta::assert_snapshot!(answer.snapshot(), @r#"409 {"success":false,"code":"OUT_OF_STOCK","message":"库存不足","requestId":"…"}"#);
    phone.post("/api/orders", &order(2)).await.ok();
    for stock in [0, -3] {
        set_stock(&world, stock).await;
        assert_eq!(phone.post("/api/orders", &order(1)).await.outcome(), "409 OUT_OF_STOCK");
    }
    assert_eq!(world.items("OrdersTable").await.len(), 1);
    let cake = json!({ "productId": "cake", "quantity": 99 });
    phone.post("/api/orders", &cake).await.ok();
}

#[tokio::test]
async fn after_a_backlog_a_refunded_order_sends_no_message_of_its_payment() {
    for (fee, stalled, fate) in [(200, false, "OUTDATED"), (200, true, "OUTDATED"), (50, false, "SENT")] {
        let world = world_with_template().await;
        let phone = subscriber(&world, 1).await;
        set_stock(&world, 5).await;
        let (_, out_trade_no) = phone.order().await;
        pay(&world, &phone, &out_trade_no).await;
        if stalled {
            world.wechat().set_fault(Fault::RefundStalled { times: 1 });
        }
        world.request_refund(&json!({ "outTradeNo": out_trade_no, "refundFee": fee }), "k").await;
        world.deliver_events().await;
        assert_eq!(outbox(&world, "order.paid").await["message"]["S"], fate);
        // The other effects of the payment are done.
        let (found, messages) = (world.effects().await, usize::from(fate == "SENT"));
        let effects = Effects { send_calls: messages, messages, pending: 0, stock: Some(4), ..found.clone() };
        assert_eq!(found, effects);
        assert!(world.dynamo().events().iter().any(|event| event["detail-type"] == "order.paid"));
    }
}

#[tokio::test]
async fn unusable_settings_of_the_message_stop_neither_stock_nor_bus() {
    for (data, page) in [
        (r#"{"thing1":"{descripton}"}"#, ""),
        (r#"{"colour":"red"}"#, ""),
        (r#"{"thing1":"{description}"}"#, "pages/{outTradeNo}"),
        ("", ""),
    ] {
        let world = World::start()
            .with_template(PAID)
            .with_parameter("PaidTemplateData", data)
            .with_parameter("PaidTemplatePage", page)
            .await;
        let phone = subscriber(&world, 1).await;
        set_stock(&world, 5).await;
        phone.buy().await;
        world.deliver_events().await;
        let effects = Effects { published: 1, stock: Some(4), ..Effects::default() };
        assert_eq!(world.effects().await, effects, "{data}");
        assert_eq!(outbox(&world, "order.paid").await["message"]["S"], "NOT_SENT");
        assert!(world.log().contains("paid-template-unusable"), "{data}");
    }
}
