//! How many events a shard of the outbox's stream gets rid of: a measurement, which is not part of the usual run.
//!
//! ```text
//! cargo test -p e2e --test e2e outbox_throughput -- --ignored --nocapture
//! ```

use std::time::Instant;

use e2e::World;
use serde_json::json;

const EVENTS: u64 = 1000;

#[tokio::test]
#[ignore = "a measurement, which asserts nothing of time"]
#[expect(clippy::print_stdout, reason = "a measurement shows its figures")]
async fn events_leave_the_outbox_at_a_rate_that_is_printed() {
    let world = World::start().await;
    world.user().await.buy().await;
    let order = world.items("OrdersTable").await.remove(0);
    let event = world.items("OutboxTable").await.remove(0);
    world.deliver_events().await;
    let (mut orders, mut events) = (Vec::new(), Vec::new());
    for number in 0..EVENTS {
        let order_id = format!("01HF7Y9B9X000000000000{number:04}");
        let (mut order, mut event) = (order.clone(), event.clone());
        order["order_id"] = json!({ "S": order_id });
        event["order_id"] = json!({ "S": order_id });
        event["event_id"] = json!({ "S": format!("order.paid#{order_id}") });
        orders.push(order);
        events.push(event);
    }
    world.put_items("OrdersTable", &orders).await;
    world.put_items("OutboxTable", &events).await;
    let started = Instant::now();
    let (reports, requests) = world.count_requests(world.deliver_events()).await;
    let millis = u64::try_from(started.elapsed().as_millis()).expect("a time").max(1);
    let completed: u64 = reports.iter().map(|report| report["completed"].as_u64().unwrap_or_default()).sum();
    assert_eq!(completed, EVENTS);
    println!(
        "{EVENTS} events in {millis} ms, {} a second with one batch at a time; {} batches, {} requests to DynamoDB",
        EVENTS * 1000 / millis,
        reports.len(),
        requests.dynamodb
    );
}
