//! The events of a batch of the outbox's stream share requests.

use e2e::World;
use serde_json::json;

const EVENTS: usize = 100;

#[tokio::test]
async fn a_hundred_paid_orders_take_four_requests_each_to_process() {
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
    let (reports, requests) = world.count_requests(world.deliver_events()).await;
    let completed: usize = reports
        .iter()
        .map(|report| {
            report["completed"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
        })
        .sum();
    assert_eq!(completed, EVENTS);
    // Some are shared by the batch, and there are one or two batches.
    assert!(requests.dynamodb <= 4 * EVENTS + 10, "{} requests", requests.dynamodb);
}
