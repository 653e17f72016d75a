//! After the storm: schedules run, the clock runs, an operator helps refunds on; until nothing is under way.

use std::time::Duration;

use e2e::World;
use futures_util::{StreamExt, future, stream};
use local_wechat::{Fault, RefundStatus};
use serde_json::json;

/// Runs until nothing is under way; how many rounds that took.
pub(crate) async fn come_to_rest(world: &World) -> u32 {
    for round in 0..ROUNDS {
        if round < 6 {
            give_back(world, round).await;
        }
        if round > MINUTES {
            give_up(world).await;
        }
        help_refunds(world);
        world.wechat().wait_for_notices().await;
        let _ = world.bundle().drain_stream("order-events").await.expect("the stream is read");
        for task in ["order-sweep", "order-events"] {
            let _ = world.bundle().run_task(task).await.expect("a run");
        }
        if under_way(world).await.is_empty() {
            return round;
        }
        // Minutes at first; then as much as the longest wait between two questions.
        let wait = if round < MINUTES { 61 } else { 6 * 60 * 60 };
        world.clock.advance(Duration::from_secs(wait));
    }
    let stuck = under_way(world).await;
    let log = world.log();
    let last: Vec<&str> = log.lines().rev().take(20).collect();
    assert!(stuck.is_empty(), "stuck: {stuck:#?}\n{last:#?}");
    ROUNDS
}

/// The merchant's certificate or key is refused for a day: every refund that waits says why and has a case. Afterwards it is
/// accepted again, and the same refunds go on.
pub(crate) async fn refuse_certificates(world: &World, v3: bool) {
    let (path, err_code) =
        if v3 { ("/v3/refund/domestic/refunds", "SIGN_ERROR") } else { ("/secapi/pay/refund", "CERT_ERROR") };
    let fault = Fault::ErrCode { path: path.to_owned(), err_code: err_code.to_owned(), times: u32::MAX };
    world.wechat().set_fault(fault);
    for (n, row) in world.items("PaymentsTable").await.iter().enumerate().take(6) {
        let body = json!({ "outTradeNo": row["out_trade_no"]["S"], "refundFee": 7 });
        let _ = world.operator_once("POST", "/api/admin/refunds", &body, &format!("refused-{n}")).await;
    }
    for _ in 0..24 {
        world.clock.advance(Duration::from_secs(60 * 60));
        let _ = world.sweep().await;
    }
    let cases = world.items("CasesTable").await;
    let waiting = world.items("RefundsTable").await;
    let waiting: Vec<_> = waiting
        .iter()
        .filter(|row| row["status"]["S"] == "PROCESSING" && row.get("refund_id").is_none())
        .collect();
    assert!(!waiting.is_empty(), "nobody asked for a refund");
    for row in waiting {
        let is_told = cases.iter().any(|case| {
            case["kind"]["S"] == "REFUND_STUCK"
                && case["out_refund_no"] == row["out_refund_no"]
                && case.get("open_kind").is_some()
        });
        assert!(is_told && row["failure"]["S"].is_string(), "it waits and nobody knows: {row}");
    }
    world.wechat().clear_faults();
}

/// Operators who know nothing of each other give parts of each payment back; some of it comes to nothing.
async fn give_back(world: &World, round: u32) {
    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Closed, times: 2 });
    let mut asked = Vec::new();
    for (at, row) in world.items("PaymentsTable").await.iter().enumerate() {
        if at % 4 == 0 {
            // Somebody does it in the console instead.
            let transaction_id = row["transaction_id"]["S"].as_str().unwrap_or_default();
            let _ = world.wechat().try_refund_in_console(transaction_id, 11 + u64::from(round));
        }
        for n in 0..2 {
            let fee = 30 + 10 * u64::from(round) + n;
            let body = json!({ "outTradeNo": row["out_trade_no"]["S"], "refundFee": fee });
            let key = format!("quiet-{round}-{n}");
            asked.push(async move { world.operator_once("POST", "/api/admin/refunds", &body, &key).await });
        }
    }
    stream::iter(asked).buffer_unordered(AT_ONCE).for_each(|_| future::ready(())).await;
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

/// An operator gives up what WeChat Pay has not accepted for hours.
async fn give_up(world: &World) {
    for row in world.items("RefundsTable").await {
        if row["status"]["S"] == "PROCESSING" && row.get("refund_id").is_none() {
            let number = row["out_refund_no"]["S"].as_str().unwrap_or_default();
            let path = format!("/api/admin/refunds/{number}/give-up");
            let _ = world.operator("POST", &path, &json!({})).await;
        }
    }
}

const ROUNDS: u32 = 80;
/// Rounds of a minute.
const MINUTES: u32 = 40;
const AT_ONCE: usize = 16;
