//! The products of a new catalogue.

use local_dynamo::{Dynamo, DynamoError};
use local_template::Stack;
use serde_json::{Value, json};

/// Adds four products to the catalogue if it is empty, so that a new local world has something to buy.
pub(crate) async fn seed_products(stack: &Stack, dynamo: &Dynamo) -> Result<(), DynamoError> {
    let Some(table) = stack.table("ProductsTable") else { return Ok(()) };
    let page = dynamo.call_as_operator("Scan", json!({"TableName": table.name, "Limit": 1})).await?;
    if page.get("Count").and_then(Value::as_u64) != Some(0) {
        return Ok(());
    }
    for (product_id, name, price) in PRODUCTS {
        let item = json!({
            "product_id": {"S": product_id},
            "name": {"S": name},
            "price": {"N": price.to_string()},
            "shelf": {"S": "sale"},
        });
        dynamo.call_as_operator("PutItem", json!({"TableName": table.name, "Item": item})).await?;
    }
    Ok(())
}

/// Id, name, price in fen.
const PRODUCTS: [(&str, &str, u32); 4] = [
    ("cake", "草莓蛋糕", 12_800),
    ("coffee", "拿铁咖啡", 1_900),
    ("umbrella", "晴雨伞", 5_900),
    ("water", "矿泉水 550ml", 200),
];
