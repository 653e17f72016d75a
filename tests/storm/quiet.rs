//! After the storm: schedules run, the clock runs, an operator helps refunds on; until nothing is under way.

use std::time::Duration;

use e2e::World;
use local_wechat::RefundStatus;

/// Runs until nothing is under way; how many rounds that took.
pub(crate) async fn come_to_rest(world: &World) -> u32 {
    for round in 0..ROUNDS {
        help_refunds(world);
        world.wechat().settle().await;
        let _ = world.bundle().drain_stream("order-events").await.expect("the stream is read");
        for task in ["order-sweep", "order-events"] {
            let _ = world.bundle().run_task(task).await.expect("a run");
        }
        if under_way(world).await.is_empty() {
            return round;
        }
        // Minutes at first; then as much as the longest wait between two questions.
        let wait = if round < 40 { 61 } else { 6 * 60 * 60 };
        world.clock.advance(Duration::from_secs(wait));
    }
    let stuck = under_way(world).await;
    let log = world.log();
    let last: Vec<&str> = log.lines().rev().take(20).collect();
    assert!(stuck.is_empty(), "stuck: {stuck:#?}\n{last:#?}");
    ROUNDS
}

/// What an operator does in the merchant console.
fn help_refunds(world: &World) {
    for refund in world.wechat().refunds() {
        if matches!(refund.status, RefundStatus::Processing | RefundStatus::Abnormal) {
            let _ = world.wechat().finish_refund(&refund.out_refund_no, RefundStatus::Success);
        }
    }
}

/// Orders, refunds and events that have not come to their end.
async fn under_way(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for row in world.items("OrdersTable").await {
        if row["status"]["S"] == "UNPAID" {
            found.push(format!("{} {}", row["order_id"]["S"], row["status"]["S"]));
        }
    }
    for row in world.items("RefundsTable").await {
        if row["status"]["S"] == "PROCESSING" || row["status"]["S"] == "ABNORMAL" {
            found.push(format!(
                "{} {} {}",
                row["out_refund_no"]["S"], row["status"]["S"], row["failure"]["S"]
            ));
        }
    }
    for row in world.items("OutboxTable").await {
        if row.get("pending_shard").is_some() {
            found.push(row["event_id"]["S"].to_string());
        }
    }
    found
}

const ROUNDS: u32 = 80;
