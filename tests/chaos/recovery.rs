//! The recovery after the faults: schedules run, the clock advances and an operator helps refunds, until nothing is pending.

use std::time::Duration;

use e2e::World;
use futures_util::{StreamExt, future, stream};
use local_wechat::{Fault, RefundStatus};
use serde_json::json;

/// Runs rounds until no order, refund or event is pending. Returns the number of rounds.
pub(crate) async fn run_until_settled(world: &World) -> u32 {
    for round in 0..MAX_ROUNDS {
        if round < 6 {
            create_refunds(world, round).await;
        }
        if round > MINUTE_ROUNDS {
            give_up_refunds(world).await;
        }
        finish_refunds(world);
        world.wechat().wait_for_notices().await;
        let _ = world.bundle().drain_stream("order-events").await.expect("the stream is read");
        for task in ["order-sweep", "order-events"] {
            let _ = world.bundle().run_task(task).await.expect("a run");
        }
        if pending(world).await.is_empty() {
            return round;
        }
        // A minute at first; later as long as the longest wait between two queries.
        let wait = if round < MINUTE_ROUNDS { 61 } else { 6 * 60 * 60 };
        world.clock.advance(Duration::from_secs(wait));
    }
    let stuck = pending(world).await;
    let log = world.log();
    let last: Vec<&str> = log.lines().rev().take(20).collect();
    assert!(stuck.is_empty(), "stuck: {stuck:#?}\n{last:#?}");
    MAX_ROUNDS
}

/// WeChat Pay refuses the merchant's certificate or signature for a day: every waiting refund has a `failure` and an open case.
/// Then WeChat Pay accepts it again, so that the same refunds can continue.
pub(crate) async fn refuse_certificates(world: &World, v3: bool) {
    let (path, err_code) =
        if v3 { ("/v3/refund/domestic/refunds", "SIGN_ERROR") } else { ("/secapi/pay/refund", "CERT_ERROR") };
    let fault = Fault::ErrCode { path: path.to_owned(), err_code: err_code.to_owned(), times: u32::MAX };
    world.wechat().set_fault(fault);
    // Of some payments all was refunded by now.
    let mut accepted = 0;
    for (n, row) in world.items("PaymentsTable").await.iter().enumerate() {
        let body = json!({ "outTradeNo": row["out_trade_no"]["S"], "refundFee": 7 });
        let answer = world.operator_once("POST", "/api/admin/refunds", &body, &format!("refused-{n}")).await;
        accepted += u32::from(answer.status < 300);
        if accepted == 4 {
            break;
        }
    }
    assert!(accepted > 0, "no payment can be refunded");
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
    assert!(!waiting.is_empty(), "no refund is waiting");
    for row in waiting {
        let has_case = cases.iter().any(|case| {
            case["kind"]["S"] == "REFUND_STUCK"
                && case["out_refund_no"] == row["out_refund_no"]
                && case.get("open_kind").is_some()
        });
        assert!(
            has_case && row["failure"]["S"].is_string(),
            "a waiting refund without a failure or a case: {row}"
        );
    }
    world.wechat().clear_faults();
}

/// Operators refund parts of each payment concurrently. WeChat Pay closes some of these refunds.
async fn create_refunds(world: &World, round: u32) {
    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Closed, times: 2 });
    let mut requests = Vec::new();
    for (at, row) in world.items("PaymentsTable").await.iter().enumerate() {
        if at % 4 == 0 {
            // One of four payments is refunded in the merchant console as well.
            let transaction_id = row["transaction_id"]["S"].as_str().unwrap_or_default();
            let _ = world.wechat().try_refund_in_console(transaction_id, 11 + u64::from(round));
        }
        for n in 0..2 {
            let fee = 30 + 10 * u64::from(round) + n;
            let body = json!({ "outTradeNo": row["out_trade_no"]["S"], "refundFee": fee });
            let key = format!("recovery-{round}-{n}");
            requests
                .push(async move { world.operator_once("POST", "/api/admin/refunds", &body, &key).await });
        }
    }
    stream::iter(requests).buffer_unordered(CONCURRENCY).for_each(|_| future::ready(())).await;
}

/// Lets WeChat Pay finish the refunds that are processing or abnormal, as an operator can in the merchant console.
fn finish_refunds(world: &World) {
    for refund in world.wechat().refunds() {
        if matches!(refund.status, RefundStatus::Processing | RefundStatus::Abnormal) {
            let _ = world.wechat().finish_refund(&refund.out_refund_no, RefundStatus::Success);
        }
    }
}

/// The orders, refunds and events that are not finished.
async fn pending(world: &World) -> Vec<String> {
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

/// An operator gives up the refunds that WeChat Pay has not accepted for hours.
async fn give_up_refunds(world: &World) {
    for row in world.items("RefundsTable").await {
        if row["status"]["S"] == "PROCESSING" && row.get("refund_id").is_none() {
            let number = row["out_refund_no"]["S"].as_str().unwrap_or_default();
            let path = format!("/api/admin/refunds/{number}/give-up");
            let _ = world.operator("POST", &path, &json!({})).await;
        }
    }
}

const MAX_ROUNDS: u32 = 80;
/// The number of rounds that last a minute.
const MINUTE_ROUNDS: u32 = 40;
const CONCURRENCY: usize = 16;
