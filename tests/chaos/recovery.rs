//! The recovery after the faults: schedules run, the clock advances and an operator helps refunds, until nothing is pending.

use std::time::Duration;

use e2e::World;
use futures_util::{StreamExt, future, stream};
use local_wechat::{Fault, RefundStatus};
use serde_json::{Value, json};

use crate::{
    cast::Cast,
    faults::SCHEDULED,
    fulfilment::{self, express_parcel},
    pending::{is_pending, pending},
};

/// Runs rounds until no order, refund, shipping, complaint or event is pending. Returns the number of rounds.
pub(crate) async fn run_until_settled(cast: &Cast<'_>) -> u32 {
    let world = cast.world;
    for round in 0..MAX_ROUNDS {
        if round < REFUND_ROUNDS {
            create_refunds(world, round).await;
        }
        if round > EXPIRY_ROUNDS {
            give_up_refunds(world).await;
        }
        // Refunds come first, so that some orders are refunded that were to be shipped.
        if round > 1 {
            ship_all(cast).await;
            answer_complaints(cast).await;
        }
        finish_refunds(world);
        run_tasks(world).await;
        if !is_pending(world).await {
            return round;
        }
        world.clock.advance(wait_after(round));
    }
    let stuck = pending(world).await;
    let log = world.log();
    let last: Vec<&str> = log.lines().rev().take(20).collect();
    assert!(stuck.is_empty(), "stuck: {stuck:#?}\n{last:#?}");
    MAX_ROUNDS
}

/// How long nothing is done after a round: a minute at first, then until every order has expired, then as long as the longest wait between
/// two queries.
fn wait_after(round: u32) -> Duration {
    Duration::from_secs(match round {
        0..MINUTE_ROUNDS => 61,
        MINUTE_ROUNDS..EXPIRY_ROUNDS => 5 * 60,
        _ => 6 * HOUR,
    })
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

/// Operators refund parts of a third of the payments concurrently, each round of another third. WeChat Pay closes some of these refunds.
async fn create_refunds(world: &World, round: u32) {
    world.wechat().set_fault(Fault::RefundOutcome { status: RefundStatus::Closed, times: 2 });
    let mut requests = Vec::new();
    let payments = world.items("PaymentsTable").await;
    let of_this_round = payments.iter().zip(0_u32..).filter(|(_, at)| at % REFUND_ROUNDS == round);
    for (row, at) in of_this_round {
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

/// Every notice and push has arrived, every stream was read, and every scheduled task has run once.
async fn run_tasks(world: &World) {
    world.wechat().run_due_shipping();
    world.wechat().wait_for_notices().await;
    for folder in ["order-events", "push-events"] {
        let _ = world.bundle().drain_stream(folder).await.expect("the stream is read");
    }
    for task in SCHEDULED.into_iter().filter(|task| has_function(task)) {
        let _ = world.bundle().run_task(task).await.expect("a run");
        let _ = world.bundle().wait_for_invocations(task).await.expect("the workers run");
    }
}

/// Whether the bundle has this function.
pub(crate) fn has_function(folder: &str) -> bool {
    local_gateway::registered_folders().contains(&folder)
}

/// Staff ship everything that is to be shipped. An order whose refund has begun meanwhile is refused.
async fn ship_all(cast: &Cast<'_>) {
    let mut path = "/api/staff/orders?state=TO_SHIP".to_owned();
    loop {
        let page = cast.send_as_staff("GET", &path, &json!({})).await;
        if page.status == 401 {
            continue;
        }
        let page = page.ok().json();
        for order in page["orders"].as_array().into_iter().flatten() {
            let order_id = order["orderId"].as_str().unwrap_or_default();
            let body = match order["items"][0]["delivery"].as_str() {
                Some("virtual") => json!({ "logisticsType": 3 }),
                Some("pickup") => json!({ "logisticsType": 4 }),
                _ => express_parcel(&format!("LAST{order_id}")),
            };
            let shipped = cast.send_as_staff("POST", &format!("/api/orders/{order_id}/ship"), &body).await;
            assert!(matches!(shipped.status, 200 | 409), "{}", shipped.body);
        }
        let Some(cursor) = page["cursor"].as_str() else { return };
        path = format!("/api/staff/orders?state=TO_SHIP&cursor={cursor}");
    }
}

/// Operators give money back and complete every complaint that they read of.
async fn answer_complaints(cast: &Cast<'_>) {
    for state in ["PENDING", "PROCESSING"] {
        for complaint in list(cast.world, &format!("/api/admin/complaints?state={state}"), "complaints").await
        {
            let complaint_id = complaint["complaintId"].as_str().unwrap_or_default();
            // All of it may have gone back before.
            drop(fulfilment::answer(cast, complaint_id, "refund", &json!({})).await);
            fulfilment::answer(cast, complaint_id, "complete", &json!({})).await.ok();
        }
    }
    // A completion may have been killed before it closed the case.
    for case in list(cast.world, "/api/admin/cases?kind=COMPLAINT", "cases").await {
        let case_id = case["caseId"].as_str().unwrap_or_default();
        if let Some(complaint_id) = case_id.split('-').nth(1) {
            fulfilment::answer(cast, complaint_id, "complete", &json!({})).await.ok();
        }
    }
}

/// All entries of an operator's list, page by page.
async fn list(world: &World, path: &str, field: &str) -> Vec<Value> {
    let (mut entries, mut next) = (Vec::new(), path.to_owned());
    loop {
        let page = world.operator("GET", &next, &json!({})).await.ok().json();
        entries.extend(page[field].as_array().cloned().unwrap_or_default());
        let Some(cursor) = page["cursor"].as_str() else { return entries };
        next = format!("{path}&cursor={cursor}");
    }
}

/// Half of the users confirm the receipt, the others do nothing for ten days; then WeChat settles, and its pushes arrive.
///
/// Staff ship once more before: the interface APIv3 does not say how much of a payment was refunded in the console before we knew of it, so
/// that only the bill makes its order one to ship.
pub(crate) async fn await_receipts(cast: &Cast<'_>) {
    let world = cast.world;
    run_tasks(world).await;
    ship_all(cast).await;
    run_tasks(world).await;
    let orders = world.items("OrdersTable").await;
    for order in orders.iter().step_by(2) {
        let (Some(openid), Some(transaction_id)) =
            (order["openid"]["S"].as_str(), order["transaction_id"]["S"].as_str())
        else {
            continue;
        };
        if let Some(user) = cast.user_named(openid).await {
            fulfilment::confirm_payment(user, transaction_id).await;
        }
    }
    for wait in RECEIPT_WAITS {
        world.clock.advance(Duration::from_secs(wait));
        run_tasks(world).await;
    }
    let stuck = pending(world).await;
    assert!(stuck.is_empty(), "stuck: {stuck:#?}");
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
/// The number of rounds in which operators refund; each payment has its turn in one of them.
const REFUND_ROUNDS: u32 = 3;
/// The number of rounds that are followed by a minute.
const MINUTE_ROUNDS: u32 = 10;
/// The number of rounds after which every order has expired.
const EXPIRY_ROUNDS: u32 = 16;
/// How long nothing is done after the last shipping, in seconds: users who confirm the receipt are settled after hours, the others after ten
/// days. An order whose push was lost is asked about at intervals of three days at most.
const RECEIPT_WAITS: [u64; 5] = [4 * HOUR, 10 * 24 * HOUR, 4 * HOUR, 3 * 24 * HOUR, 3 * 24 * HOUR];
const HOUR: u64 = 60 * 60;
const CONCURRENCY: usize = 16;
