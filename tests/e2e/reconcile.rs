//! `reconcile`, every morning

use std::time::Duration;

use e2e::{Phone, World};
use local_wechat::{BillChange, Fault, RefundStatus};
use serde_json::{Value, json};
use shared::types::{Day, UnixSeconds};

const APIS: [&str; 2] = ["v2", "v3"];

async fn world(api: &str) -> World {
    World::start().with_config(&format!("[merchant]\napi = \"{api}\"\n")).await
}

fn today(world: &World) -> Day {
    Day::of(UnixSeconds::new(world.now()))
}

/// The next day, at this time in Beijing.
fn next_day_at(world: &World, hour: u64, minute: u64) {
    let at = today(world).after(1).begins().get() + (hour * 60 + minute) * 60;
    world.clock.advance(Duration::from_secs(at - world.now()));
}

/// A run by the schedule: what became of each day.
async fn reconcile(world: &World) -> Vec<Value> {
    let report = world.bundle().run_task("reconcile").await.expect("the run ends");
    report["days"].as_array().expect("days").clone()
}

/// What the next day's run says of today.
async fn billed(world: &World) -> Value {
    billed_days(world).await.remove(0)
}

/// What the next day's run says of each open day, the newest first.
async fn billed_days(world: &World) -> Vec<Value> {
    next_day_at(world, 10, 30);
    reconcile(world).await
}

/// A run for this day alone.
async fn again(world: &World, day: Day) -> Value {
    let event = json!({ "billDate": day.to_string() });
    let report = world.bundle().run_task_with("reconcile", event).await.expect("the run ends");
    assert_eq!(report["days"].as_array().map(Vec::len), Some(1));
    report["days"][0].clone()
}

/// A paid order: its id, its attempt and its payment.
async fn paid(world: &World, phone: &Phone<'_>) -> (String, String, String) {
    let (order_id, out_trade_no) = phone.buy().await;
    let payments = world.items("PaymentsTable").await;
    let row = payments.iter().find(|row| row["out_trade_no"]["S"] == out_trade_no).expect("the payment");
    let transaction_id = row["transaction_id"]["S"].as_str().expect("a number").to_owned();
    (order_id, out_trade_no, transaction_id)
}

/// The counts of differences; those that are not named are none.
fn differences(of: &[(&str, u64)]) -> Value {
    let mut counts = json!({ "missingHere": 0, "missingThere": 0, "amount": 0, "state": 0, "fee": 0 });
    for (name, count) in of {
        counts[*name] = json!(count);
    }
    counts
}

/// The ids of all cases and what they say.
async fn cases(world: &World) -> Vec<(String, String)> {
    let text = |value: &Value| value["S"].as_str().unwrap_or_default().to_owned();
    let cases = world.items("CasesTable").await;
    let mut cases: Vec<_> = cases.iter().map(|case| (text(&case["case_id"]), text(&case["what"]))).collect();
    cases.sort();
    cases
}

/// How many events `bill.difference` there are.
async fn events(world: &World) -> usize {
    let events = world.items("OutboxTable").await;
    events.iter().filter(|event| event["event"]["S"] == "bill.difference").count()
}

async fn state(world: &World, day: Day) -> String {
    let rows = world.items("BillsTable").await;
    let row = rows.iter().find(|row| row["bill_date"]["S"] == day.to_string());
    row.and_then(|row| row["state"]["S"].as_str()).unwrap_or("none").to_owned()
}

/// Today at this time in Beijing, or tomorrow if that is past.
fn next_day_at_or_today(world: &World, hour: u64, minute: u64) {
    let at = today(world).begins().get() + (hour * 60 + minute) * 60;
    if at < world.now() {
        return next_day_at(world, hour, minute);
    }
    world.clock.advance(Duration::from_secs(at - world.now()));
}

/// A refund that is through here, and that no bill has.
async fn put_refund(
    world: &World,
    number: &str,
    requested_at: u64,
    (order_id, out_trade_no, transaction_id): (&str, &str, &str),
) {
    let day = today(world);
    let template = json!({ "out_refund_no": { "S": number }, "order_id": { "S": order_id },
        "out_trade_no": { "S": out_trade_no }, "transaction_id": { "S": transaction_id },
        "refund_fee": { "N": "200" }, "total_fee": { "N": "200" }, "cause": { "S": "OPERATOR" },
        "status": { "S": "SUCCESS" }, "created_at": { "N": requested_at.to_string() },
        "success_at": { "N": world.now().to_string() }, "unbilled": { "S": format!("{day}#00") } });
    world.put_item("RefundsTable", template).await;
}

#[tokio::test]
async fn a_clean_day_has_no_differences_and_is_settled_once() {
    for api in APIS {
        let world = world(api).await;
        let phone = world.user().await;
        for _ in 0..3 {
            paid(&world, &phone).await;
        }
        let day = today(&world);
        next_day_at(&world, 10, 30);
        let days = reconcile(&world).await;
        assert_eq!(days.len(), 7, "yesterday and the six days before it");
        let yesterday = &days[0];
        assert_eq!(yesterday["billDate"], day.to_string());
        assert_eq!(yesterday["state"], "RECONCILED", "{api}: {yesterday}");
        assert_eq!(yesterday["payments"], 3);
        assert_eq!(yesterday["paidFee"], 600);
        assert_eq!(yesterday["differences"], differences(&[]));
        assert!(days[1..].iter().all(|day| day["state"] == "NO_BILL"), "{days:?}");
        assert_eq!(state(&world, day).await, "RECONCILED");
        assert!(cases(&world).await.is_empty());

        let (days, calls, upstream) = world.record_calls(reconcile(&world)).await;
        assert!(days.is_empty(), "every day is settled");
        assert_eq!(upstream, 0);
        let is_read = |operation: &str| ["BatchGetItem", "GetItem", "Query"].contains(&operation);
        assert!(calls.iter().all(|call| is_read(&call.operation)), "nothing is written");
    }
}

#[tokio::test]
async fn a_settled_day_can_be_run_again_and_changes_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no, _) = paid(&world, &phone).await;
    world.wechat().set_wrong_fee(&out_trade_no);
    let day = today(&world);
    next_day_at(&world, 10, 30);
    let first = reconcile(&world).await[0].clone();
    assert_eq!(first["differences"], differences(&[("fee", 1)]));
    assert_eq!(first["newCases"], 1);
    let (payments, before) = (world.items("PaymentsTable").await, cases(&world).await);
    let second = again(&world, day).await;
    assert_eq!(second["differences"], first["differences"]);
    assert_eq!(second["newCases"], 0);
    assert_eq!(cases(&world).await, before);
    assert_eq!(events(&world).await, 1);
    assert_eq!(world.items("PaymentsTable").await, payments);
}

#[tokio::test]
async fn a_case_that_an_operator_closed_stays_closed() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no, transaction_id) = paid(&world, &phone).await;
    world.wechat().omit_from_bill(&out_trade_no);
    let day = today(&world);
    next_day_at(&world, 10, 30);
    reconcile(&world).await;
    let close = json!({ "TableName": world.table("CasesTable"),
        "Key": { "case_id": { "S": format!("BILL_DIFFERENCE-{day}-MISSING_THERE-{transaction_id}") } },
        "UpdateExpression": "SET note = :note REMOVE open_kind",
        "ExpressionAttributeValues": { ":note": { "S": "the bank was asked" } } });
    world.dynamo().call_as_operator("UpdateItem", close).await.expect("an update");
    let closed = world.items("CasesTable").await;
    assert_eq!(again(&world, day).await["newCases"], 0);
    assert_eq!(world.items("CasesTable").await, closed);
}

#[tokio::test]
async fn a_foreign_payment_in_the_bill_is_missing_here() {
    for api in APIS {
        let world = world(api).await;
        let phone = world.user().await;
        paid(&world, &phone).await;
        world.wechat().add_foreign_payment("4200001234567890123456789012", "TILL-7", 4200, &phone.openid);
        let day = today(&world);
        let yesterday = billed(&world).await;
        assert_eq!(yesterday["differences"], differences(&[("missingHere", 1)]), "{api}: {yesterday}");
        let cases = cases(&world).await;
        let [(id, what)] = cases.as_slice() else { panic!("{cases:?}") };
        assert_eq!(*id, format!("BILL_DIFFERENCE-{day}-MISSING_HERE-4200001234567890123456789012"));
        assert_eq!(
            what,
            "WeChat Pay took 4200 fen by payment 4200001234567890123456789012 of TILL-7; our tables had no such \
             payment; the number is not one of ours"
        );
        assert!(!what.contains(&phone.openid));
        assert_eq!(events(&world).await, 1);
        assert!(world.log().contains("bill-difference"));
    }
}

#[tokio::test]
async fn payments_of_the_merchant_s_other_mini_program_are_no_differences() {
    for api in APIS {
        let world = world(api).await;
        let phone = world.user().await;
        paid(&world, &phone).await;
        world.wechat().change_bill(BillChange::AddForeign {
            transaction_id: "4200001234567890123456789012".to_owned(),
            out_trade_no: "01HF7YAT000W3GE1R70W3GE1R701".to_owned(),
            fee: 4200,
            openid: "oOther0000000000000000000000".to_owned(),
            paid_at: None,
            appid: Some("wx0123456789abcdef".to_owned()),
        });
        let yesterday = billed(&world).await;
        assert_eq!(yesterday["differences"], differences(&[]), "{api}: {yesterday}");
        assert!(cases(&world).await.is_empty());
    }
}

#[tokio::test]
async fn a_payment_whose_notice_was_lost_is_recorded_and_still_reported() {
    for api in APIS {
        let world = world(api).await;
        let phone = world.user().await;
        let (order_id, _) = phone.buy_unnoticed().await;
        let day = today(&world);
        let yesterday = billed(&world).await;
        assert_eq!(yesterday["differences"], differences(&[("missingHere", 1)]), "{api}: {yesterday}");
        assert_eq!(yesterday["healed"], 1);
        let (_, what) = cases(&world).await.remove(0);
        assert!(what.ends_with("WeChat Pay was asked, and the payment paid its order"), "{what}");
        let orders = world.items("OrdersTable").await;
        let order = orders.iter().find(|order| order["order_id"]["S"] == order_id).expect("the order");
        assert_eq!(order["status"]["S"], "PAID");
        let second = again(&world, day).await;
        assert_eq!(second["differences"], differences(&[]));
        assert_eq!(second["newCases"], 0);
    }
}

#[tokio::test]
async fn a_day_with_a_failed_query_is_reconciled_again() {
    let world = World::start().await;
    let phone = world.user().await;
    let prepaid = phone.prepay(&phone.order().await.1).await;
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    phone.pay(&prepaid).await;
    next_day_at(&world, 10, 30);
    world.wechat().set_fault(Fault::HttpStatus { path: "/pay/orderquery".into(), status: 502, times: 3 });
    let yesterday = reconcile(&world).await[0].clone();
    assert_eq!(yesterday["state"], "FAILED");
    assert_eq!(yesterday["newCases"], 0);
    world.clock.advance(Duration::from_secs(60 * 60));
    let yesterday = reconcile(&world).await[0].clone();
    assert_eq!(yesterday["state"], "RECONCILED");
    assert_eq!(yesterday["healed"], 1);
    assert_eq!(world.items("PaymentsTable").await.len(), 1);
    assert_eq!(cases(&world).await.len(), 1);
}

#[tokio::test]
async fn a_payment_that_the_bill_lacks_is_missing_there() {
    for api in APIS {
        let world = world(api).await;
        let phone = world.user().await;
        let (_, omitted, transaction_id) = paid(&world, &phone).await;
        paid(&world, &phone).await;
        world.wechat().omit_from_bill(&omitted);
        let day = today(&world);
        let yesterday = billed(&world).await;
        assert_eq!(yesterday["differences"], differences(&[("missingThere", 1)]), "{api}: {yesterday}");
        let id = format!("BILL_DIFFERENCE-{day}-MISSING_THERE-{transaction_id}");
        assert_eq!(cases(&world).await[0].0, id);
        assert_eq!(events(&world).await, 1);
    }
}

#[tokio::test]
async fn a_missing_bill_of_a_day_with_payments_is_believed_at_the_last_run() {
    for api in APIS {
        let world = world(api).await;
        let phone = world.user().await;
        let (_, out_trade_no, transaction_id) = paid(&world, &phone).await;
        world.wechat().omit_from_bill(&out_trade_no);
        let day = today(&world);
        for _ in 0..6 {
            if world.now() < day.after(1).begins().get() {
                next_day_at(&world, 10, 30);
            } else {
                world.clock.advance(Duration::from_secs(60 * 60));
            }
            let yesterday = reconcile(&world).await.remove(0);
            assert_eq!(yesterday["state"], "NOT_READY", "{api}: {yesterday}");
            assert!(cases(&world).await.is_empty(), "the bill may still come");
        }
        world.clock.advance(Duration::from_secs(60 * 60));
        let yesterday = reconcile(&world).await.remove(0);
        assert_eq!(yesterday["state"], "NO_BILL", "{api}: {yesterday}");
        assert_eq!(yesterday["differences"], differences(&[("missingThere", 1)]), "{api}: {yesterday}");
        let id = format!("BILL_DIFFERENCE-{day}-MISSING_THERE-{transaction_id}");
        assert_eq!(cases(&world).await[0].0, id);
        assert!(
            !reconcile(&world).await.iter().any(|one| one["billDate"] == day.to_string()),
            "it is settled"
        );
    }
}

#[tokio::test]
async fn a_bill_that_appears_after_wechat_pay_denied_it_is_reconciled() {
    let world = World::start().await;
    let phone = world.user().await;
    paid(&world, &phone).await;
    next_day_at(&world, 10, 30);
    world.wechat().set_fault(Fault::BillNone { times: 1 });
    assert_eq!(reconcile(&world).await[0]["state"], "NOT_READY");
    world.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(reconcile(&world).await[0]["state"], "RECONCILED");
    assert_eq!(cases(&world).await.len(), 0);
}

#[tokio::test]
async fn a_refund_alone_keeps_a_day_without_a_bill_open() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no, transaction_id) = paid(&world, &phone).await;
    next_day_at(&world, 9, 0);
    let day = today(&world);
    put_refund(&world, "R1", world.now(), (&order_id, &out_trade_no, &transaction_id)).await;
    next_day_at(&world, 10, 30);
    let yesterday = reconcile(&world).await.remove(0);
    assert_eq!(yesterday["billDate"], json!(day.to_string()));
    assert_eq!(yesterday["state"], "NOT_READY");
}

#[tokio::test]
async fn a_payment_that_can_t_be_queried_is_a_case_after_the_last_run() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no, transaction_id) = paid(&world, &phone).await;
    put_refund(&world, "R1", world.now(), (&order_id, &out_trade_no, &transaction_id)).await;
    phone.buy_unnoticed().await;
    let day = today(&world);
    next_day_at(&world, 9, 0);
    // The next day has such a payment as well.
    phone.buy_unnoticed().await;
    for hour in [10, 16] {
        next_day_at_or_today(&world, hour, 30);
        world.wechat().set_fault(Fault::HttpStatus {
            path: "/pay/orderquery".into(),
            status: 502,
            times: 100,
        });
        let yesterday = reconcile(&world).await.remove(0);
        world.wechat().clear_faults();
        let state = if hour == 16 { "RECONCILED" } else { "FAILED" };
        assert_eq!(yesterday["state"], state, "{yesterday}");
    }
    let what = cases(&world).await;
    assert!(what.iter().any(|(_, what)| what.ends_with("run the day again")), "{what:?}");
    // Both days are gone through, so the refund that neither bill has is missed.
    next_day_at(&world, 10, 30);
    reconcile(&world).await;
    let id = format!("BILL_DIFFERENCE-{day}-MISSING_THERE-R1");
    assert!(cases(&world).await.iter().any(|(case, _)| *case == id), "{:?}", cases(&world).await);
}

#[tokio::test]
async fn another_amount_is_a_difference_of_the_amount_and_of_nothing_else() {
    for api in APIS {
        let world = world(api).await;
        let phone = world.user().await;
        let (_, out_trade_no, transaction_id) = paid(&world, &phone).await;
        world.wechat().alter_bill_amount(&out_trade_no, 150);
        let yesterday = billed(&world).await;
        assert_eq!(yesterday["differences"], differences(&[("amount", 1)]), "{api}: {yesterday}");
        let what = format!("payment {transaction_id}: the bill says 150 fen CNY, our tables say 200 fen CNY");
        assert_eq!(cases(&world).await[0].1, what);
    }
}

#[tokio::test]
async fn a_wrong_fee_is_a_difference_and_the_payment_is_confirmed() {
    for api in APIS {
        let world = world(api).await;
        let phone = world.user().await;
        let (_, out_trade_no, transaction_id) = paid(&world, &phone).await;
        world.wechat().set_wrong_fee(&out_trade_no);
        let day = today(&world);
        let yesterday = billed(&world).await;
        assert_eq!(yesterday["differences"], differences(&[("fee", 1)]), "{api}: {yesterday}");
        let (id, what) = cases(&world).await.remove(0);
        assert_eq!(id, format!("BILL_DIFFERENCE-{day}-FEE-{transaction_id}"));
        assert!(what.contains("the bill's fee on 200 fen is"), "{what}");
    }
}

#[tokio::test]
async fn a_refund_that_two_bills_lack_is_missing_there_on_the_second_day() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no, transaction_id) = paid(&world, &phone).await;
    let day = today(&world);
    put_refund(&world, "R1", world.now(), (&order_id, &out_trade_no, &transaction_id)).await;
    let yesterday = billed(&world).await;
    assert_eq!(yesterday["differences"], differences(&[]), "the next bill may have it: {yesterday}");
    let yesterday = billed(&world).await;
    assert_eq!(yesterday["differences"], differences(&[("missingThere", 1)]), "{yesterday}");
    assert_eq!(cases(&world).await[0].0, format!("BILL_DIFFERENCE-{day}-MISSING_THERE-R1"));
}

#[tokio::test]
async fn before_ten_yesterday_s_bill_is_not_asked_for() {
    let world = World::start().await;
    let day = today(&world);
    next_day_at(&world, 9, 59);
    let (days, _, upstream) = world.record_calls(reconcile(&world)).await;
    assert_eq!(days[0]["billDate"], json!(day.to_string()));
    assert_eq!(days[0]["state"], "NOT_READY");
    assert_eq!(upstream, 6, "the six days before it");
    assert_eq!(state(&world, day).await, "none");
}

#[tokio::test]
async fn a_bill_that_is_not_ready_is_asked_for_an_hour_later() {
    for api in APIS {
        let world = world(api).await;
        let phone = world.user().await;
        paid(&world, &phone).await;
        let day = today(&world);
        next_day_at(&world, 10, 30);
        world.wechat().set_fault(Fault::BillNotReady { times: 1 });
        assert_eq!(reconcile(&world).await[0]["state"], "NOT_READY", "{api}");
        assert_eq!(state(&world, day).await.as_str(), "NOT_READY");
        assert!(!world.log().contains("bill-not-available"), "there are other runs today");
        world.clock.advance(Duration::from_secs(3600));
        let days = reconcile(&world).await;
        assert_eq!(days.len(), 1, "{api}");
        assert_eq!(days[0]["state"], "RECONCILED", "{api}");
    }
}

#[tokio::test]
async fn a_bill_that_is_missing_at_the_last_run_is_an_operator_alert() {
    let world = World::start().await;
    next_day_at(&world, 16, 30);
    world.wechat().set_fault(Fault::BillNotReady { times: 1 });
    assert_eq!(reconcile(&world).await[0]["state"], "NOT_READY");
    assert!(world.log().contains("bill-not-available"));
}

#[tokio::test]
async fn a_corrupt_download_changes_nothing() {
    for api in APIS {
        let world = world(api).await;
        let phone = world.user().await;
        paid(&world, &phone).await;
        let day = today(&world);
        next_day_at(&world, 10, 30);
        world.wechat().set_fault(Fault::BillCorrupt { times: 1 });
        let payments = world.items("PaymentsTable").await;
        let yesterday = reconcile(&world).await[0].clone();
        assert_eq!(yesterday["state"], "FAILED", "{api}: {yesterday}");
        assert_eq!(world.items("PaymentsTable").await, payments);
        assert!(cases(&world).await.is_empty());
        assert_eq!(state(&world, day).await, "FAILED");
        world.clock.advance(Duration::from_secs(3600));
        assert_eq!(reconcile(&world).await[0]["state"], "RECONCILED", "{api}");
    }
}

#[tokio::test]
async fn a_failed_repetition_leaves_the_day_settled() {
    let world = World::start().await;
    let phone = world.user().await;
    paid(&world, &phone).await;
    let day = today(&world);
    next_day_at(&world, 10, 30);
    assert_eq!(reconcile(&world).await[0]["state"], "RECONCILED");
    world.wechat().set_fault(Fault::BillCorrupt { times: 1 });
    assert_eq!(again(&world, day).await["state"], "FAILED");
    assert_eq!(state(&world, day).await, "RECONCILED");
}

#[tokio::test]
async fn a_refund_in_the_bill_of_its_request_is_no_difference_days_later() {
    let world = World::start().await;
    let phone = world.user().await;
    let (_, out_trade_no, _) = paid(&world, &phone).await;
    world.wechat().set_fault(Fault::RefundStalled { times: 1 });
    let refund = world.request_refund(&json!({ "outTradeNo": out_trade_no }), "one").await;
    next_day_at(&world, 9, 0);
    let finished = world.wechat().finish_refund(&refund.text("/refund/outRefundNo"), RefundStatus::Success);
    assert_eq!(finished.status, RefundStatus::Success);
    world.wechat().wait_for_notices().await;
    next_day_at(&world, 9, 0);
    // The bill of the day of the request is the oldest one, and is compared last; and not at once.
    world.wechat().set_fault(Fault::BillCorrupt { times: 1 });
    let days = billed_days(&world).await;
    assert_eq!(days.iter().filter(|day| day["state"] == "FAILED").count(), 1, "{days:?}");
    assert_eq!(cases(&world).await, []);
    // The last run of the day believes that the days without a bill have none.
    world.clock.advance(Duration::from_secs(6 * 60 * 60));
    let days = reconcile(&world).await;
    assert!(days.iter().all(|day| day["differences"] == differences(&[])), "{days:?}");
    assert_eq!(cases(&world).await, []);
}

#[tokio::test]
async fn a_missing_refund_is_reported_once_after_the_last_bill_it_can_be_in() {
    let world = World::start().await;
    let phone = world.user().await;
    let (order_id, out_trade_no, transaction_id) = paid(&world, &phone).await;
    let requested_at = world.now();
    next_day_at(&world, 9, 0);
    let day = today(&world);
    put_refund(&world, "R1", requested_at, (&order_id, &out_trade_no, &transaction_id)).await;
    next_day_at(&world, 9, 0);
    world.wechat().set_fault(Fault::BillCorrupt { times: 1 });
    let missing = differences(&[("missingThere", 1)]);
    let days = billed_days(&world).await;
    assert!(days.iter().all(|day| day["differences"] != missing), "{days:?}");
    // The last run of the day believes that the days without a bill have none.
    world.clock.advance(Duration::from_secs(6 * 60 * 60));
    let days = reconcile(&world).await;
    assert_eq!(days.iter().filter(|day| day["differences"] == missing).count(), 1, "{days:?}");
    assert_eq!(cases(&world).await[0].0, format!("BILL_DIFFERENCE-{day}-MISSING_THERE-R1"));
}
