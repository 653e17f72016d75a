//! `order-sweep` when much is due: workers, and what an idle minute costs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use e2e::{Requests, World};
use local_wechat::Fault;
use order_sweep::{OrderSweepTask, SweepEvent};
use serde_json::{Value, json};
use shared::{
    host::{Host, SystemRandomness},
    runtime::Task,
};

const QUERY: &str = "/pay/orderquery";

/// More orders than one request reads that are not due for long.
async fn fill_index(world: &World) {
    let later = (0..500).map(|number| {
        json!({ "order_id": { "S": format!("01HF7Y9B9Y000000000000{number:04}") }, "due_shard": { "S": "63" },
                "next_query_at": { "N": "9999999999" }, "status": { "S": "LATER" } })
    });
    world.put_items("OrdersTable", &later.collect::<Vec<_>>()).await;
}

/// Copies of an order under other numbers, 110 in each of these shards, which is more than a page.
async fn copy_order(world: &World, order: &Value, shards: &[&str]) {
    let copies = shards.iter().enumerate().flat_map(|(at, shard)| {
        (0..110).map(move |number| {
            let mut copy = order.clone();
            copy["order_id"] = json!({ "S": format!("01HF7Y9B9X00000000000{at:02}{number:03}") });
            copy["due_shard"] = json!({ "S": shard });
            copy
        })
    });
    world.put_items("OrdersTable", &copies.collect::<Vec<_>>()).await;
}

/// A world with expired orders in three shards, of which two have more than a page.
async fn world_with_much_due() -> World {
    let world = World::start().await;
    world.user().await.order().await;
    let order = world.items("OrdersTable").await.remove(0);
    fill_index(&world).await;
    copy_order(&world, &order, &["UNPREPAID-00", "UNPREPAID-17"]).await;
    world.clock.advance(Duration::from_secs(1800));
    world
}

/// The host of the sweep, with a Lambda that can't be reached.
fn host_without_lambda(world: &World) -> Host {
    let host = world.bundle().host("order-sweep").expect("a function");
    let functions = &world.bundle().stack().functions;
    let function = functions.iter().find(|function| function.folder == "order-sweep").expect("a function");
    let of_lambda = [
        "AWS_ACCESS_KEY_ID",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
    ];
    let names = function.environment.keys().map(String::as_str).chain(of_lambda);
    let value = |name: &str| Some((name.to_owned(), host.optional_var(name)?.to_owned()));
    let mut environment: BTreeMap<String, String> = names.filter_map(value).collect();
    environment.insert("AWS_ENDPOINT_URL_LAMBDA".to_owned(), "http://127.0.0.1:9".to_owned());
    Host::new(environment, Arc::new(world.clock.clone()), Arc::new(SystemRandomness), Vec::new())
}

fn unpaid(rows: &[Value]) -> usize {
    rows.iter().filter(|row| row["status"]["S"] == "UNPAID").count()
}

#[tokio::test]
async fn an_idle_minute_takes_two_requests_or_one_for_each_shard() {
    let world = World::start().await;
    world.sweep().await;
    let (_, idle) = world.count_requests(world.sweep()).await;
    assert_eq!(idle, Requests { dynamodb: 2, wechat: 0 });
    // Orders that are not due yet change nothing.
    let phone = world.user().await;
    for _ in 0..5 {
        phone.prepay(&phone.order().await.1).await;
    }
    let (_, quiet) = world.count_requests(world.sweep()).await;
    assert_eq!(quiet, idle);
    // With more open orders than a request reads, each of their shards is looked at: as many requests however many orders.
    fill_index(&world).await;
    let (_, busy) = world.count_requests(world.sweep()).await;
    assert_eq!(busy, Requests { dynamodb: 202, wechat: 0 });
}

#[tokio::test]
async fn much_work_is_done_by_workers_within_the_same_minute() {
    let world = world_with_much_due().await;
    let report = world.sweep().await;
    // A busy machine may not start a worker in time. The run says so, and does its work.
    let unstarted = world.log().lines().filter(|line| line.contains("start-sweep-worker")).count();
    let started = report["workers"].as_u64().and_then(|workers| usize::try_from(workers).ok());
    assert_eq!(started.map(|started| started + unstarted), Some(3), "{report}");
    // A request that a busy machine did not answer in time is made again.
    for _ in 0..5 {
        world.sweep().await;
    }
    assert_eq!(unpaid(&world.items("OrdersTable").await), 0, "{report}");
}

#[tokio::test]
async fn a_sweep_that_can_t_start_workers_does_their_work_itself() {
    let world = world_with_much_due().await;
    let sweep = OrderSweepTask::init(&host_without_lambda(&world)).await.expect("its settings");
    let mut reports = Vec::new();
    // A request that a busy machine did not answer in time is made again.
    for _ in 0..5 {
        reports.push(sweep.run(SweepEvent::default()).await.expect("a report"));
    }
    assert!(reports.iter().all(|report| report.workers == 0), "{reports:?}");
    assert_eq!(unpaid(&world.items("OrdersTable").await), 0, "{reports:?}");
}

#[tokio::test]
async fn two_sweeps_with_workers_at_once_ask_about_no_order_twice() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.prepay(&phone.order().await.1).await;
    let order = world.items("OrdersTable").await.remove(0);
    fill_index(&world).await;
    copy_order(&world, &order, &["07"]).await;
    world.clock.advance(Duration::from_secs(30));
    let before = world.calls_to(QUERY);
    let (one, two) = futures_util::join!(world.sweep(), world.sweep());
    assert!(one["workers"].as_u64() > Some(0) || two["workers"].as_u64() > Some(0), "{one} {two}");
    // A claim whose answer was lost is nobody's: then the order is asked about in its next turn.
    let asked = world.calls_to(QUERY) - before;
    assert!((90..=111).contains(&asked), "{asked}: {one} {two}");
}

#[tokio::test]
async fn shards_of_another_number_of_shards_are_swept_too() {
    let world = World::start().await;
    world.user().await.order().await;
    let order = world.items("OrdersTable").await.remove(0);
    let put = async |number: u32, shard: &str| {
        let mut copy = order.clone();
        copy["order_id"] = json!({ "S": format!("01HF7Y9B9Z000000000000{number:04}") });
        copy["due_shard"] = json!({ "S": shard });
        world.put_item("OrdersTable", copy).await;
    };
    // While the index is small, no name of a shard matters.
    put(0, "SHARD-7").await;
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(world.sweep().await["closed"], 2);
    // When it is large, all hundred names are read.
    fill_index(&world).await;
    put(1, "99").await;
    put(2, "UNPREPAID-99").await;
    let report = world.sweep().await;
    assert_eq!((&report["closed"], &report["workers"]), (&json!(2), &json!(0)), "{report}");
}

#[tokio::test]
async fn a_sweep_goes_on_slower_when_wechat_pay_limits_the_rate() {
    let world = World::start().await;
    let phone = world.user().await;
    for _ in 0..3 {
        phone.prepay(&phone.order().await.1).await;
    }
    world.clock.advance(Duration::from_secs(30));
    let limit = Fault::ErrCode { path: QUERY.into(), err_code: "FREQUENCY_LIMITED".into(), times: 2 };
    world.wechat().set_fault(limit);
    let report = world.sweep().await;
    assert_eq!((&report["failed"], &report["waiting"]), (&json!(2), &json!(1)), "{report}");
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.sweep().await["waiting"], 3, "each has its next turn");
}
