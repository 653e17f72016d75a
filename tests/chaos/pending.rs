//! What is not finished yet.

use e2e::World;
use serde_json::{Value, json};

/// Whether something is pending. Nearly always an index of what is pending says so, and no table is read.
pub(crate) async fn is_pending(world: &World) -> bool {
    for (table, index) in INDEXES {
        let scan = json!({ "TableName": world.table(table), "IndexName": index, "Limit": 1 });
        let page = world.dynamo().call_as_operator("Scan", scan).await.expect("a scan");
        if page["Count"] != 0 {
            return true;
        }
    }
    !pending(world).await.is_empty()
}

/// The orders, refunds, shippings, complaints, events and pushes that are not finished, by the tables.
pub(crate) async fn pending(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for row in world.items("OrdersTable").await {
        let (order_id, status) = (&row["order_id"]["S"], &row["status"]["S"]);
        if status == "UNPAID" {
            found.push(format!("{order_id} {status}"));
        }
        if is_shipping(&row) {
            found.push(format!(
                "{order_id} {status}, {} fen being refunded: {}",
                row["refunding_fee"]["N"], row["shipping"]
            ));
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
    for row in world.items("ComplaintsTable").await {
        if row["state"]["S"] != "PROCESSED" {
            found.push(format!("complaint {} {}", row["complaint_id"]["S"], row["state"]["S"]));
        }
    }
    for (table, key) in [("OutboxTable", "event_id"), ("InboxTable", "push_id")] {
        let rows = world.items(table).await;
        let waiting = rows.iter().filter(|row| row.get("pending_shard").is_some());
        found.extend(waiting.map(|row| row[key]["S"].to_string()));
    }
    found
}

/// Whether something of the order is to be shipped, or WeChat is to hear of it.
fn is_shipping(order: &Value) -> bool {
    let shipping = &order["shipping"]["M"];
    let revision = |name: &str| shipping[name]["N"].as_str().and_then(|text| text.parse::<u32>().ok());
    let is_to_upload =
        shipping["state"]["S"] != "REFUSED" && revision("known_revision") < revision("revision");
    order.get("to_ship_shard").is_some() || is_to_upload
}

/// The indexes that have only rows with something to do.
const INDEXES: [(&str, &str); 5] = [
    ("RefundsTable", "by_due"),
    ("OrdersTable", "by_due"),
    ("OrdersTable", "by_to_ship"),
    ("OutboxTable", "by_pending"),
    ("InboxTable", "by_pending"),
];
