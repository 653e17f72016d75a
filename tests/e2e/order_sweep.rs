//! `order-sweep`, every minute. How often it asks is measured in `tests/contract/intervals.rs`.

use std::time::Duration;

use e2e::{Requests, World};
use local_wechat::Fault;
use serde_json::{Value, json};

fn report(of: &[(&str, u32)]) -> Value {
    let mut report = json!({
        "paid": 0, "closed": 0, "waiting": 0, "disputed": 0, "refunded": 0, "refunding": 0, "failed": 0, "deferred": 0, "skipped": 0,
        "workers": 0
    });
    for (name, count) in of {
        report[*name] = json!(count);
    }
    report
}

fn row<'i>(items: &'i [Value], order_id: &str) -> &'i Value {
    items.iter().find(|item| item["order_id"]["S"] == order_id).expect("the order")
}

/// Waits until the sweep has changed an order, for 30 seconds at most. All orders are UNPAID before.
async fn wait_for_a_swept_order(world: &World) {
    let is_swept = async {
        while world
            .items("OrdersTable")
            .await
            .iter()
            .all(|row| row["status"]["S"] != "PAID" && row["status"]["S"] != "CLOSED")
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), is_swept).await.expect("the sweep changes an order");
}

#[tokio::test]
async fn an_order_whose_notice_was_lost_becomes_paid() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy_unnoticed().await;
    assert_eq!(world.sweep().await, report(&[]), "its time has not come");
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.sweep().await, report(&[("paid", 1)]));
    assert_eq!(row(&world.items("OrdersTable").await, &order_id)["status"]["S"], "PAID");
    assert_eq!(world.items("OutboxTable").await.len(), 1);
    assert_eq!(world.sweep().await, report(&[]), "it is not asked about again");
}

#[tokio::test]
async fn an_expired_order_is_closed_at_wechat_pay_and_here() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no) = phone.order().await;
    let prepaid = phone.prepay(&out_trade_no).await;
    let (untouched, _) = phone.order().await;
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(world.sweep().await, report(&[("closed", 2)]));
    assert_ne!(phone.try_pay(&prepaid).await.status, 200);
    for order in [&order_id, &untouched] {
        assert_eq!(row(&world.items("OrdersTable").await, order)["status"]["S"], "CLOSED");
    }
    assert!(format!("{:?}", world.wechat().ledger()).contains("Closed"));
}

#[tokio::test]
async fn an_order_paid_in_its_last_second_is_paid_and_not_closed() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy_unnoticed().await;
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(world.sweep().await, report(&[("paid", 1)]));
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn an_order_whose_query_failed_is_queried_again_later() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy_unnoticed().await;
    world.clock.advance(Duration::from_secs(30));
    world.wechat().set_fault(Fault::HttpStatus { path: "/pay/orderquery".into(), status: 502, times: 3 });
    assert_eq!(world.sweep().await, report(&[("failed", 1)]));
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.sweep().await, report(&[("paid", 1)]));
    assert_eq!(phone.status(&order_id).await, "PAID");
}

#[tokio::test]
async fn an_expired_order_that_could_not_be_closed_is_tried_again_soon() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.prepay(&phone.order().await.1).await;
    world.clock.advance(Duration::from_secs(1800));
    world.wechat().set_fault(Fault::HttpStatus { path: "/pay/closeorder".into(), status: 502, times: 3 });
    assert_eq!(world.sweep().await, report(&[("failed", 1)]));
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(world.sweep().await, report(&[("closed", 1)]));
}

#[tokio::test]
async fn two_sweeps_at_once_query_an_order_once() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.buy_unnoticed().await;
    world.clock.advance(Duration::from_secs(30));
    let before = world.wechat().upstream_calls().len();
    let (one, two) = futures_util::join!(world.sweep(), world.sweep());
    let paid = one["paid"].as_u64().expect("a count") + two["paid"].as_u64().expect("a count");
    assert_eq!(paid, 1, "{one} {two}");
    assert_eq!(world.wechat().upstream_calls().len() - before, 1);
}

#[tokio::test]
async fn a_mismatching_payment_waits_for_an_operator_and_closes_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy_unnoticed().await;
    // As if our catalogue and WeChat Pay disagreed.
    let update = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "SET total_fee = :fee", "ExpressionAttributeValues": { ":fee": { "N": "999" } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(world.sweep().await, report(&[("disputed", 1)]));
    assert_eq!(row(&world.items("OrdersTable").await, &order_id)["status"]["S"], "UNPAID");
    assert_eq!(world.items("PaymentsTable").await[0]["attention"]["S"], "REVIEW");
    assert!(world.log().contains("queried-payment-mismatch"));
}

#[tokio::test]
async fn a_never_prepaid_order_is_swept_once_without_a_query_to_wechat_pay() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.order().await;
    for _ in 0..29 {
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(world.sweep().await, report(&[]));
    }
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.sweep().await, report(&[("closed", 1)]));
    assert!(world.wechat().upstream_calls().iter().all(|call| !call.path.starts_with("/pay/")));
}

#[tokio::test]
async fn more_orders_than_a_page_are_swept_in_one_run() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.order().await;
    let template = row(&world.items("OrdersTable").await, &order_id).clone();
    let copies = (0..120).map(|number| {
        let mut copy = template.clone();
        copy["order_id"] = json!({ "S": format!("01HF7Y9B9X0000000000000{number:03}") });
        copy["due_shard"] = json!({ "S": "00" });
        copy
    });
    world.put_items("OrdersTable", &copies.collect::<Vec<_>>()).await;
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(world.sweep().await["closed"], 121);
}

#[tokio::test]
async fn a_backlog_in_a_shard_does_not_delay_the_others() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.order().await;
    let template = world.items("OrdersTable").await.remove(0);
    let copy = |id: String, shard: &str| {
        let mut copy = template.clone();
        copy["order_id"] = json!({ "S": id });
        copy["due_shard"] = json!({ "S": shard });
        copy
    };
    let backlog = (0..300).map(|number| copy(format!("01HF7Y9B9X0000000000000{number:03}"), "00"));
    world.put_items("OrdersTable", &backlog.collect::<Vec<_>>()).await;
    // More rows that are not due than one request reads, so that each shard has its turn.
    let later = (0..500).map(|number| {
        json!({ "order_id": { "S": format!("01HF7Y9B9Y0000000000000{number:03}") }, "due_shard": { "S": "01" },
                "next_query_at": { "N": "9999999999" }, "status": { "S": "LATER" } })
    });
    world.put_items("OrdersTable", &later.collect::<Vec<_>>()).await;
    world.put_item("OrdersTable", copy(order_id.clone(), "15")).await;
    world.clock.advance(Duration::from_secs(1800));
    // The run's time is over long before the backlog is.
    let clock = async {
        wait_for_a_swept_order(&world).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.clock.advance(Duration::from_secs(51));
    };
    let (report, ()) = futures_util::join!(world.sweep(), clock);
    assert_eq!(row(&world.items("OrdersTable").await, &order_id)["status"]["S"], "CLOSED", "{report}");
}

#[tokio::test]
async fn one_bad_row_does_not_delay_the_others() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.order().await;
    let bad =
        json!({ "order_id": { "S": "by hand" }, "due_shard": { "S": "03" }, "next_query_at": { "N": "1" } });
    world.put_item("OrdersTable", bad).await;
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(world.sweep().await, report(&[("closed", 1)]));
    assert!(world.log().contains("due-order-key-unreadable"));
}

#[tokio::test]
async fn more_bad_rows_than_a_page_delay_no_order_and_are_read_once_a_run() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.order().await;
    let put = async |item: Value| {
        world.put_item("OrdersTable", item).await;
    };
    for number in 0..60 {
        let id = format!("01HF7Y9B9X0000000000000{number:03}");
        put(json!({ "order_id": { "S": id }, "due_shard": { "S": "03" }, "next_query_at": { "N": "1" } }))
            .await;
    }
    let mut behind = row(&world.items("OrdersTable").await, &order_id).clone();
    behind["due_shard"] = json!({ "S": "03" });
    put(behind).await;
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(world.sweep().await, report(&[("closed", 1), ("failed", 60)]));
}

#[tokio::test]
async fn a_disputed_order_is_swept_every_six_hours() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, _) = phone.buy_unnoticed().await;
    let update = json!({ "TableName": world.table("OrdersTable"), "Key": { "order_id": { "S": order_id } },
        "UpdateExpression": "SET total_fee = :fee", "ExpressionAttributeValues": { ":fee": { "N": "999" } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(world.sweep().await, report(&[("disputed", 1)]));
    for _ in 0..5 {
        world.clock.advance(Duration::from_secs(3600));
        assert_eq!(world.sweep().await, report(&[]));
    }
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.sweep().await, report(&[("disputed", 1)]));
}

#[tokio::test]
async fn never_prepaid_orders_do_not_delay_an_order_whose_notice_was_lost() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.order().await;
    let template = world.items("OrdersTable").await.remove(0);
    let shard = template["due_shard"]["S"].as_str().expect("a shard").to_owned();
    let flood = (0..400).map(|number| {
        let mut copy = template.clone();
        copy["order_id"] = json!({ "S": format!("01HF7Y9B9X0000000000000{number:03}") });
        copy["due_shard"] = json!({ "S": format!("{}{:02}", &shard[..shard.len() - 2], number % 64) });
        copy
    });
    world.put_items("OrdersTable", &flood.collect::<Vec<_>>()).await;
    // All of the flood is due, and was due before.
    world.clock.advance(Duration::from_secs(1800));
    let (order_id, _) = phone.buy_unnoticed().await;
    world.clock.advance(Duration::from_secs(30));
    // The run's time is over as soon as something was done.
    let clock = async {
        wait_for_a_swept_order(&world).await;
        world.clock.advance(Duration::from_secs(51));
    };
    let (report, ()) = futures_util::join!(world.sweep(), clock);
    assert_eq!(row(&world.items("OrdersTable").await, &order_id)["status"]["S"], "PAID", "{report}");
    assert!(
        report["deferred"].as_u64().is_some_and(|deferred| deferred > 0),
        "the flood was not swept: {report}"
    );
    world.sweep().await;
    world.sweep().await;
    let rows = world.items("OrdersTable").await;
    assert!(rows.iter().all(|row| row["status"]["S"] != "UNPAID"), "the flood is closed in its turn");
}

#[tokio::test]
async fn an_order_that_was_never_prepaid_is_closed_by_two_requests() {
    let world = World::start().await;
    let phone = world.user().await;
    world.sweep().await;
    let (_, idle) = world.count_requests(world.sweep()).await;
    phone.order().await;
    world.clock.advance(Duration::from_secs(1800));
    let (report, swept) = world.count_requests(world.sweep()).await;
    assert_eq!(report["closed"], 1);
    assert_eq!(swept, Requests { dynamodb: idle.dynamodb + 2, wechat: 0 });
}
