//! `reconcile`, with a bill of more lines than are read at once

use std::time::Duration;

use e2e::World;
use serde_json::{Value, json};
use shared::types::{Day, UnixSeconds};

const LINES: u32 = 250;
const OPENID: &str = "oGZUI0egBJY1zhBYw2KhdUfwVJJE";
const OUT_TRADE_NO: &str = "01HF7YAT000W3GE1R70W3GE1R701";
/// The line of a payment that our tables lack.
const MISSING_HERE: u32 = 99;
const OTHER_FEE: u32 = 100;
const OTHER_PAYER: u32 = 200;
/// A payment that the bill lacks.
const MISSING_THERE: u32 = 300;

fn transaction_id(number: u32) -> String {
    format!("4200001234{number:018}")
}

/// A payment as it is recorded.
async fn put_payment(world: &World, day: Day, number: u32) {
    let fee = if number == OTHER_FEE { 199 } else { 200 };
    let openid = if number == OTHER_PAYER { "oGZUI0egBJY1zhBYw2KhdUfwVJJF" } else { OPENID };
    let row = json!({ "transaction_id": { "S": transaction_id(number) }, "out_trade_no": { "S": OUT_TRADE_NO },
        "order_id": { "S": "01HF7YAT000W3GE1R70W3GE1R7" }, "total_fee": { "N": fee.to_string() },
        "currency": { "S": "CNY" }, "openid": { "S": openid }, "paid_at": { "N": world.now().to_string() },
        "source": { "S": "NOTICE" }, "recorded_at": { "N": world.now().to_string() },
        "verdict": { "S": "PAID_THE_ORDER" }, "refundable_fee": { "N": "200" }, "refunds": { "N": "0" },
        "unbilled": { "S": format!("{day}#{:02}", number % 16) } });
    world.put_item("PaymentsTable", row).await;
}

/// The next day at noon, after a day whose bill has [`LINES`] payments and differs from our tables in four.
async fn world_after_a_large_day() -> (World, Day) {
    let world = World::start().await;
    let day = Day::of(UnixSeconds::new(world.now()));
    for number in 0..LINES {
        let out_trade_no = if number == MISSING_HERE { "TILL-7" } else { OUT_TRADE_NO };
        world.wechat().add_foreign_payment(&transaction_id(number), out_trade_no, 200, OPENID);
        if number != MISSING_HERE {
            put_payment(&world, day, number).await;
        }
    }
    put_payment(&world, day, MISSING_THERE).await;
    let noon = day.after(1).begins().get() + 12 * 60 * 60;
    world.clock.advance(Duration::from_secs(noon - world.now()));
    (world, day)
}

async fn reconcile(world: &World, day: Day) -> Value {
    let event = json!({ "billDate": day.to_string() });
    let report = world.bundle().run_task_with("reconcile", event).await.expect("the run ends");
    report["days"][0].clone()
}

async fn case_ids(world: &World) -> Vec<String> {
    let cases = world.items("CasesTable").await;
    let mut ids: Vec<_> =
        cases.iter().map(|case| case["case_id"]["S"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

fn expected_ids(day: Day) -> Vec<String> {
    let of = |kind: &str, number| format!("BILL_DIFFERENCE-{day}-{kind}-{}", transaction_id(number));
    vec![
        of("AMOUNT", OTHER_FEE),
        of("MISSING_HERE", MISSING_HERE),
        of("MISSING_THERE", MISSING_THERE),
        of("STATE", OTHER_PAYER),
    ]
}

#[tokio::test]
async fn a_large_bill_is_compared_without_a_write_for_lines_that_agree() {
    let (world, day) = world_after_a_large_day().await;
    let payments = world.items("PaymentsTable").await;
    let (report, calls, _) = world.record_calls(reconcile(&world, day)).await;
    assert_eq!((&report["state"], &report["payments"]), (&json!("RECONCILED"), &json!(LINES)));
    let expected = json!({ "missingHere": 1, "missingThere": 1, "amount": 1, "state": 1, "fee": 0 });
    assert_eq!((&report["differences"], &report["newCases"]), (&expected, &json!(4)));
    assert_eq!(case_ids(&world).await, expected_ids(day));
    assert_eq!(world.items("PaymentsTable").await, payments);
    let reads = calls.iter().filter(|call| call.operation == "BatchGetItem").count();
    assert!(
        reads <= 7,
        "a request for a hundred lines, one more for what differs in them, and one for frozen money: {reads}"
    );
}

#[tokio::test]
async fn two_runs_for_one_day_open_each_case_once() {
    let (world, day) = world_after_a_large_day().await;
    let (one, other) = tokio::join!(reconcile(&world, day), reconcile(&world, day));
    assert_eq!(one["differences"], other["differences"]);
    let new_cases = |report: &Value| report["newCases"].as_u64().expect("a number");
    assert_eq!(new_cases(&one) + new_cases(&other), 4);
    assert_eq!(case_ids(&world).await, expected_ids(day));
    let events = world.items("OutboxTable").await;
    assert_eq!(events.iter().filter(|event| event["event"]["S"] == "bill.difference").count(), 4);
}
