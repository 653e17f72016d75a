//! What the call log holds of a call.

use local_dynamo::CapacityUnits;
use serde_json::json;

use crate::support::{allowed, call, order, order_key, start};

#[tokio::test]
async fn every_call_is_logged_with_its_cost() {
    let dynamo = start().await;
    allowed(&dynamo, "Writer", "PutItem", order("o1")).await;
    allowed(&dynamo, "Reader", "GetItem", order_key("o1")).await;
    let mut consistent = order_key("o1");
    consistent["ConsistentRead"] = true.into();
    allowed(&dynamo, "Reader", "GetItem", consistent).await;
    let calls = dynamo.take_calls();
    let costs: Vec<(&str, &str, CapacityUnits, CapacityUnits)> = calls
        .iter()
        .map(|call| (call.caller.as_str(), call.operation.as_str(), call.read_units, call.write_units))
        .collect();
    // A write costs one unit for the table and one for the index.
    assert_eq!(
        costs,
        [
            ("Writer", "PutItem", CapacityUnits::halves(0), CapacityUnits::halves(4)),
            ("Reader", "GetItem", CapacityUnits::halves(1), CapacityUnits::halves(0)),
            ("Reader", "GetItem", CapacityUnits::halves(2), CapacityUnits::halves(0)),
        ]
    );
    assert_eq!(calls[0].tables, ["local-Orders"]);
    assert!(dynamo.calls().is_empty(), "taken");
}

#[tokio::test]
async fn the_cost_of_a_transaction_is_the_sum_over_its_tables() {
    let dynamo = start().await;
    let transaction = json!({"TransactItems": [
        {"Put": {"TableName": "local-Orders", "Item": {"orderId": {"S": "a"}}}},
        {"Put": {"TableName": "local-Notes", "Item": {"id": {"S": "b"}}}},
    ]});
    allowed(&dynamo, "Writer", "TransactWriteItems", transaction).await;
    let calls = dynamo.calls();
    assert_eq!(calls[0].write_units, CapacityUnits::halves(8));
    assert_eq!(calls[0].tables, ["local-Notes", "local-Orders"]);
}

#[tokio::test]
async fn a_caller_that_asks_for_the_cost_gets_it() {
    let dynamo = start().await;
    let mut put = order("o1");
    put["ReturnConsumedCapacity"] = "INDEXES".into();
    let answer = allowed(&dynamo, "Writer", "PutItem", put).await;
    assert_eq!(answer["ConsumedCapacity"]["CapacityUnits"], 2.0);
    assert_eq!(answer["ConsumedCapacity"]["GlobalSecondaryIndexes"]["byUser"]["CapacityUnits"], 1.0);
    assert_eq!(dynamo.calls()[0].write_units, CapacityUnits::halves(4));
}

#[tokio::test]
async fn a_failed_condition_is_logged_as_an_error_of_an_allowed_call() {
    let dynamo = start().await;
    let mut put = order("o1");
    put["ConditionExpression"] = "attribute_exists(orderId)".into();
    let (status, _) = call(&dynamo, "Writer", "PutItem", put).await;
    let calls = dynamo.calls();
    assert_eq!((status, calls[0].status), (400, 400));
    assert!(calls[0].allowed);
    assert_eq!(calls[0].error.as_deref(), Some("ConditionalCheckFailedException"));
}
