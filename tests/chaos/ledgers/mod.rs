//! Compares WeChat Pay's ledger with our tables, to the fen.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use e2e::World;
use local_wechat::{RefundSource, RefundStatus};
use serde_json::Value;
use shared::types::{Day, UnixSeconds};

use crate::cast::{PRODUCTS, STOCK};

mod complaints;
mod shipping;

fn text(row: &Value, name: &str) -> String {
    row[name]["S"].as_str().unwrap_or_default().to_owned()
}

fn number(row: &Value, name: &str) -> u64 {
    row[name]["N"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Asserts that WeChat Pay's ledger and our tables agree. Returns a line with the totals.
pub(crate) async fn compare(world: &World) -> String {
    let _ = world.bundle().drain_stream("order-events").await.expect("the stream is read");
    let paid = compare_payments(world).await;
    let refunded = compare_refunds(world).await;
    let sold = check_orders(world, &paid, &refunded).await;
    check_effects(world, sold).await;
    check_cases(world).await;
    let settled = shipping::compare(world).await;
    let complaints = complaints::compare(world).await;
    assert!(world.wechat().accepted_probes().is_empty(), "a probe was accepted as a genuine notice");
    let (paid_fen, refunded_fen): (u64, u64) =
        (paid.values().map(|(fee, _)| fee).sum(), refunded.values().sum());
    assert!(
        refunded_fen > 0 && paid_fen > refunded_fen,
        "too little happened: {refunded_fen} of {paid_fen} fen"
    );
    let in_console = world.wechat().refunds();
    let in_console = in_console.iter().filter(|refund| refund.source == RefundSource::VendorPlatform).count();
    format!(
        "{} payments of {paid_fen} fen, {refunded_fen} fen refunded, {in_console} refunds in the console, {settled} payments settled, {complaints} \
         complaints",
        paid.len()
    )
}

/// The only differences between the bills and our tables are refunds that were made in the console, which `reconcile` takes over.
pub(crate) async fn compare_bills(world: &World) {
    for _ in 0..2 {
        let tomorrow = Day::of(UnixSeconds::new(world.now())).after(1);
        let noon = tomorrow.begins().get() + 12 * 60 * 60;
        world.clock.advance(Duration::from_secs(noon - world.now()));
        let _ = world.bundle().run_task("reconcile").await.expect("a run");
    }
    let cases = world.items("CasesTable").await;
    let differences = cases.iter().filter(|row| text(row, "kind") == "BILL_DIFFERENCE");
    let differences: Vec<_> =
        differences.filter(|row| !text(row, "out_refund_no").starts_with("console")).collect();
    assert!(differences.is_empty(), "{differences:#?}");
    let billed: u64 = world.items("BillsTable").await.iter().map(|row| number(row, "payments")).sum();
    assert_eq!(usize::try_from(billed).expect("a count"), world.items("PaymentsTable").await.len());
}

/// Every row that only an operator can repair has a case.
async fn check_cases(world: &World) {
    let cases = world.items("CasesTable").await;
    let has_case = |kind: &str, name: &str, row: &Value| {
        cases.iter().any(|case| text(case, "kind") == kind && text(case, name) == text(row, name))
    };
    for row in world.items("RefundsTable").await {
        let has_failed = text(&row, "status") == "CLOSED"
            && text(&row, "cause") != "CONSOLE"
            && row.get("given_up_by").is_none();
        assert!(
            !has_failed || has_case("REFUND_STUCK", "out_refund_no", &row),
            "a failed refund without a case: {row}"
        );
    }
    for row in world.items("PaymentsTable").await {
        let is_for_review = row.get("attention").is_some();
        assert!(
            !is_for_review || has_case("PAYMENT_MISMATCH", "transaction_id", &row),
            "a payment for review without a case: {row}"
        );
    }
    for row in world.items("OutboxTable").await {
        assert!(row.get("given_up_at").is_none(), "given up: {row}");
    }
}

/// WeChat Pay and our table have the same payments. Returns fee and `out_trade_no` by `transaction_id`.
async fn compare_payments(world: &World) -> BTreeMap<String, (u64, String)> {
    let theirs: BTreeMap<_, _> = world
        .wechat()
        .ledger()
        .into_iter()
        .filter_map(|entry| Some((entry.transaction_id?, (entry.total_fee, entry.out_trade_no))))
        .collect();
    let ours: BTreeMap<_, _> = world
        .items("PaymentsTable")
        .await
        .iter()
        .map(|row| (text(row, "transaction_id"), (number(row, "total_fee"), text(row, "out_trade_no"))))
        .collect();
    assert_eq!(ours, theirs, "payments");
    theirs
}

/// Our table has every refund of WeChat Pay, none succeeded in our table alone, and none was made twice. Returns the refunded fen
/// by `transaction_id`.
async fn compare_refunds(world: &World) -> BTreeMap<String, u64> {
    let rows = world.items("RefundsTable").await;
    let ours: BTreeMap<_, _> = rows.iter().map(|row| (text(row, "out_refund_no"), row)).collect();
    let mut theirs = BTreeSet::new();
    let mut refunded: BTreeMap<String, u64> = BTreeMap::new();
    let mut claimed: BTreeMap<String, u64> = BTreeMap::new();
    for refund in world.wechat().refunds() {
        let row = ours.get(&refund.out_refund_no).unwrap_or_else(|| panic!("only WeChat Pay has {refund:?}"));
        assert_eq!(
            (text(row, "status"), number(row, "refund_fee"), text(row, "transaction_id")),
            (refund.status.as_str().to_owned(), refund.refund_fee, refund.transaction_id.clone()),
            "{refund:?}"
        );
        if refund.status != RefundStatus::Closed {
            *claimed.entry(refund.transaction_id.clone()).or_default() += refund.refund_fee;
        }
        if refund.status == RefundStatus::Success {
            *refunded.entry(refund.transaction_id.clone()).or_default() += refund.refund_fee;
        }
        theirs.insert(refund.out_refund_no);
    }
    for (refund_no, row) in &ours {
        assert!(theirs.contains(refund_no) || text(row, "status") == "CLOSED", "only our table has {row}");
    }
    for row in world.items("PaymentsTable").await {
        let claimed = claimed.get(&text(&row, "transaction_id")).copied().unwrap_or_default();
        assert_eq!(number(&row, "refundable_fee") + claimed, number(&row, "total_fee"), "{row}");
    }
    refunded
}

/// The ids of the orders with an `order.paid` event in the outbox.
async fn orders_with_paid_event(world: &World) -> BTreeSet<String> {
    let outbox = world.items("OutboxTable").await;
    outbox.iter().filter(|row| text(row, "event") == "order.paid").map(|row| text(row, "order_id")).collect()
}

/// Each order's status and amounts agree with its payments and refunds. Returns how many pieces are sold.
async fn check_orders(
    world: &World,
    paid: &BTreeMap<String, (u64, String)>,
    refunded_by_transaction: &BTreeMap<String, u64>,
) -> u64 {
    let mut sold = 0;
    let mut kept_by_order: BTreeMap<String, u64> = BTreeMap::new();
    for (id, (fee, attempt)) in paid {
        let kept = fee - refunded_by_transaction.get(id).copied().unwrap_or_default();
        // The number of an attempt is the order's and two digits.
        *kept_by_order.entry(attempt[..attempt.len() - 2].to_owned()).or_default() += kept;
    }
    let announced = orders_with_paid_event(world).await;
    let refunds = world.items("RefundsTable").await;
    for order in world.items("OrdersTable").await {
        let order_id = text(&order, "order_id");
        let kept = kept_by_order.get(&order_id).copied().unwrap_or_default();
        let refunded = number(&order, "refunded_fee");
        let total = number(&order, "total_fee");
        assert_eq!(number(&order, "refunding_fee"), 0, "{order}");
        match text(&order, "status").as_str() {
            "CLOSED" => {
                assert_eq!((kept, refunded), (0, 0), "{order}");
                assert!(order.get("reserved").is_none(), "a closed order holds goods: {order}");
            }
            status @ ("PAID" | "REFUNDED") => {
                assert_eq!(kept, total - refunded, "{order}");
                let transaction_id = text(&order, "transaction_id");
                let expected = refunded_by_transaction.get(&transaction_id).copied().unwrap_or_default();
                assert_eq!(refunded, expected, "{order}");
                assert_eq!(status == "REFUNDED", refunded == total, "{order}");
                sold += pieces(&order, "items");
                assert_eq!(pieces(&order, "reserved"), pieces(&order, "items"), "{order}");
                if !announced.contains(&order_id) {
                    // The payment was refunded in the console before our tables had it, so there is no `order.paid` event.
                    let in_console =
                        |row: &Value| text(row, "order_id") == order_id && text(row, "cause") == "CONSOLE";
                    assert!(
                        status == "REFUNDED" && refunds.iter().any(in_console),
                        "no `order.paid` event: {order}"
                    );
                }
            }
            other => panic!("{other}: {order}"),
        }
    }
    sold
}

/// The pieces in a list of an order.
fn pieces(order: &Value, list: &str) -> u64 {
    let lines = order[list]["L"].as_array().cloned().unwrap_or_default();
    lines.iter().map(|line| number(&line["M"], "quantity")).sum()
}

/// Every event is in the outbox once and was published. Goods that were sold and goods that are left are what there was.
async fn check_effects(world: &World, sold: u64) {
    let outbox = world.items("OutboxTable").await;
    let count = |kind: &str| outbox.iter().filter(|row| text(row, "event") == kind).count();
    let orders = world.items("OrdersTable").await;
    let with = |statuses: &[&str]| {
        orders.iter().filter(|row| statuses.contains(&text(row, "status").as_str())).count()
    };
    assert_eq!(
        count("order.paid"),
        orders_with_paid_event(world).await.len(),
        "two `order.paid` events of one order"
    );
    let closed = count("order.closed");
    assert_eq!(closed, with(&["CLOSED"]));
    let published: BTreeSet<String> = world
        .dynamo()
        .events()
        .iter()
        .map(|event| event["detail"]["eventId"].as_str().unwrap_or_default().to_owned())
        .collect();
    let happened: BTreeSet<String> = outbox.iter().map(|row| text(row, "event_id")).collect();
    assert_eq!(published, happened);
    let products = world.items("ProductsTable").await;
    let ids: BTreeSet<&str> = PRODUCTS.iter().map(|(product_id, ..)| *product_id).collect();
    let rows = products.iter().filter(|row| {
        let key = text(row, "product_id");
        ids.contains(key.split('#').next().unwrap_or_default())
    });
    let stocks: Vec<i64> = rows.filter_map(|row| row["stock"]["N"].as_str()?.parse().ok()).collect();
    assert!(stocks.iter().all(|stock| *stock >= 0), "a stock below zero: {stocks:?}");
    let there_was = STOCK * i64::try_from(PRODUCTS.len()).expect("a count");
    assert_eq!(stocks.iter().sum::<i64>() + i64::try_from(sold).expect("sold"), there_was, "stock");
}
