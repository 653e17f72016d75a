//! Compares what WeChat and our orders say of shipping: what is shipped, received, settled, and what money is frozen.

use std::collections::BTreeMap;

use e2e::World;
use local_wechat::ShippingEntry;
use serde_json::Value;

use super::{number, text};
use crate::recovery::has_function;

/// Asserts that both say the same of each paid order, and that only money is frozen of which a case says that WeChat does not take its
/// shipping. Returns how many payments were settled.
pub(super) async fn compare(world: &World) -> usize {
    let orders = world.items("OrdersTable").await;
    let orders: BTreeMap<_, _> = orders.iter().map(|row| (text(row, "transaction_id"), row)).collect();
    let cases = world.items("CasesTable").await;
    let mut settled = 0;
    for entry in world.wechat().shipments() {
        // A second payment of an order is given back as a whole.
        let Some(order) = orders.get(&entry.transaction_id) else {
            assert_eq!((entry.order_state, entry.uploads), (REFUNDED, 0), "{entry:?}");
            continue;
        };
        let is_refused = cases.iter().any(|case| {
            text(case, "kind") == "SHIPPING_REFUSED" && text(case, "order_id") == text(order, "order_id")
        });
        compare_order(order, &entry, is_refused);
        settled += usize::from(entry.order_state == DONE);
    }
    assert!(settled > 0, "too little happened: nothing was settled");
    settled
}

fn compare_order(order: &Value, entry: &ShippingEntry, is_refused: bool) {
    let what = format!("{order}\n{entry:?}");
    let shipping = &order["shipping"]["M"];
    let state = text(shipping, "state");
    assert!(order.get("to_ship_shard").is_none(), "to be shipped: {what}");
    assert!(
        entry.finish_count <= 1 + u8::from(shipping["is_corrected"]["BOOL"] == true),
        "shipped again: {what}"
    );
    // What WeChat takes was begun while the order was PAID, so what was refunded before is never there.
    let never_uploaded = shipping.get("upload_time").is_none();
    assert!(!never_uploaded || entry.uploads == 0, "shipped, but not by us: {what}");
    if is_refused {
        return;
    }
    match entry.order_state {
        REFUNDED => {
            assert_eq!(text(order, "status"), "REFUNDED", "{what}");
            let is_known = matches!(state.as_str(), "SHIPPED" | "RECEIVED");
            assert_eq!(is_known, entry.finish_count > 0, "{what}");
        }
        DONE => {
            assert!(!entry.frozen, "{what}");
            assert_eq!(tracking_numbers(shipping), wechat_numbers(entry), "{what}");
            // Without a sweep a lost push is never made good.
            if has_function("shipping-sweep") || state == "SETTLED" {
                assert_eq!(state, "SETTLED", "{what}");
                assert!(number(shipping, "settled_at") >= number(shipping, "received_at"), "{what}");
            } else {
                assert!(matches!(state.as_str(), "SHIPPED" | "RECEIVED"), "{what}");
            }
        }
        _ => panic!("the money is still frozen: {what}"),
    }
}

/// The numbers of the parcels of the order, as staff have entered them.
fn tracking_numbers(shipping: &Value) -> Vec<String> {
    let packages = shipping["packages"]["L"].as_array().into_iter().flatten();
    let mut numbers: Vec<_> = packages.map(|package| text(&package["M"], "tracking_no")).collect();
    numbers.sort_unstable();
    numbers
}

fn wechat_numbers(entry: &ShippingEntry) -> Vec<String> {
    let mut numbers: Vec<_> = entry.parcels.iter().map(|parcel| parcel.tracking_no.clone()).collect();
    numbers.sort_unstable();
    numbers
}

/// WeChat's states of a payment.
const DONE: u8 = 4;
const REFUNDED: u8 = 5;
