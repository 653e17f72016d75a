//! The throughput of partitions, as callers meet it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use local_dynamo::{Access, Dynamo, DynamoOptions, HotKey, PartitionLayout, ThroughputOptions};
use serde_json::{Value, json};

use crate::sdk::sdk;
use crate::support::{NOTES, ORDERS, allowed, call, options, stack};

/// A database whose partitions serve 1 write and 3 reads a second, and its clock in milliseconds.
async fn start() -> (Dynamo, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(0));
    let time = Arc::clone(&clock);
    let throughput = ThroughputOptions {
        scale: 1_000,
        burst_seconds: 0,
        layout: PartitionLayout::KeyPerPartition,
        clock: Arc::new(move || time.load(Ordering::Relaxed)),
    };
    let options = DynamoOptions { throughput: Some(throughput), ..options(None) };
    (Dynamo::start(&stack(), options).await.unwrap(), clock)
}

fn order(id: &str, user: &str) -> Value {
    json!({"TableName": "local-Orders", "Item": {"orderId": {"S": id}, "userId": {"S": user}}})
}

fn note(id: &str) -> Value {
    json!({"Put": {"TableName": "local-Notes", "Item": {"id": {"S": id}}}})
}

/// The answer's error code, or `ok`.
async fn code(dynamo: &Dynamo, operation: &str, body: Value) -> String {
    let (_, answer) = call(dynamo, "Writer", operation, body).await;
    let code = answer.get("__type").and_then(Value::as_str).unwrap_or("ok");
    code.rsplit('#').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_partition_throttles_with_the_reason_until_its_units_are_back() {
    let (dynamo, clock) = start().await;
    let put = |id: &str| json!({"TableName": "local-Notes", "Item": {"id": {"S": id}}});
    assert_eq!(code(&dynamo, "PutItem", put("n1")).await, "ok");
    clock.store(900, Ordering::Relaxed);
    // The first request emptied the partition, and 0.9 units are back.
    assert_eq!(code(&dynamo, "PutItem", put("n1")).await, "ok");
    let (status, answer) = call(&dynamo, "Writer", "PutItem", put("n1")).await;
    assert_eq!(status, 400);
    assert_eq!(answer["__type"], "com.amazon.coral.availability#ThrottlingException");
    let reason = json!({"reason": "TableWriteKeyRangeThroughputExceeded", "resource": NOTES});
    assert_eq!(answer["throttlingReasons"], json!([reason]));
    assert!(
        answer["message"].as_str().unwrap().starts_with("Throughput exceeds the current capacity of your")
    );
    let key = HotKey {
        table: "local-Notes".to_owned(),
        index: None,
        partition_key: "n1".to_owned(),
        access: Access::Write,
    };
    assert_eq!(dynamo.take_hot_keys(), BTreeMap::from([(key, 1)]));
    // Another key has units of its own.
    assert_eq!(code(&dynamo, "PutItem", put("n2")).await, "ok");
    clock.store(1_001, Ordering::Relaxed);
    assert_eq!(code(&dynamo, "PutItem", put("n1")).await, "ok");
}

#[tokio::test]
async fn reads_have_other_units_than_writes() {
    let (dynamo, _) = start().await;
    assert_eq!(code(&dynamo, "PutItem", order("o1", "u1")).await, "ok");
    let key = json!({"TableName": "local-Orders", "Key": {"orderId": {"S": "o1"}}, "ConsistentRead": true});
    for _ in 0..3 {
        allowed(&dynamo, "Reader", "GetItem", key.clone()).await;
    }
    let (_, answer) = call(&dynamo, "Reader", "GetItem", key).await;
    assert_eq!(answer["throttlingReasons"][0]["reason"], "TableReadKeyRangeThroughputExceeded");
}

#[tokio::test]
async fn an_index_without_units_throttles_the_write_of_the_table() {
    let (dynamo, _) = start().await;
    assert_eq!(code(&dynamo, "PutItem", order("o1", "u1")).await, "ok");
    let (_, answer) = call(&dynamo, "Writer", "PutItem", order("o2", "u1")).await;
    let index = format!("{ORDERS}/index/byUser");
    let reason = json!({"reason": "IndexWriteKeyRangeThroughputExceeded", "resource": index});
    assert_eq!(answer["throttlingReasons"], json!([reason]));
    assert!(answer["message"].as_str().unwrap().contains("global secondary indexes"));
    let key = dynamo.take_hot_keys().into_keys().next().unwrap();
    assert_eq!(key.to_string(), "local-Orders/byUser, writes of u1");
    // An item that leaves the index needs units of the partition that it leaves.
    let update = json!({
        "TableName": "local-Orders", "Key": {"orderId": {"S": "o1"}}, "UpdateExpression": "REMOVE userId",
    });
    assert_eq!(code(&dynamo, "UpdateItem", update).await, "ThrottlingException");
    assert_eq!(dynamo.take_hot_keys().len(), 2);
}

#[tokio::test]
async fn a_transaction_costs_twice_and_names_the_throttled_part() {
    let (dynamo, clock) = start().await;
    let both = json!({"TransactItems": [note("n1"), note("n2")]});
    assert_eq!(code(&dynamo, "TransactWriteItems", both.clone()).await, "ok");
    // Each note owes a unit.
    clock.store(1_000, Ordering::Relaxed);
    let other = json!({"TransactItems": [note("n3"), note("n1")]});
    let (status, answer) = call(&dynamo, "Writer", "TransactWriteItems", other).await;
    assert_eq!((status, answer["CancellationReasons"][0]["Code"].as_str()), (400, Some("None")));
    assert_eq!(answer["CancellationReasons"][1]["Code"], "ThrottlingError");
    assert!(answer["Message"].as_str().unwrap().ends_with("[None, ThrottlingError]"));
    clock.store(1_001, Ordering::Relaxed);
    assert_eq!(code(&dynamo, "TransactWriteItems", both).await, "ok");
}

#[tokio::test]
async fn a_write_whose_condition_fails_is_charged() {
    let (dynamo, _) = start().await;
    let missing = json!({
        "TableName": "local-Orders",
        "Key": {"orderId": {"S": "o1"}},
        "UpdateExpression": "SET paid = :t",
        "ConditionExpression": "attribute_exists(orderId)",
        "ExpressionAttributeValues": {":t": {"N": "1"}},
    });
    assert_eq!(code(&dynamo, "UpdateItem", missing.clone()).await, "ConditionalCheckFailedException");
    assert_eq!(code(&dynamo, "UpdateItem", missing).await, "ThrottlingException");
}

#[tokio::test]
async fn a_batch_returns_what_was_not_admitted() {
    let (dynamo, _) = start().await;
    assert_eq!(code(&dynamo, "PutItem", order("o1", "u1")).await, "ok");
    let put = |id: &str, user: &str| json!({"PutRequest": {"Item": order(id, user)["Item"]}});
    let batch = json!({"RequestItems": {"local-Orders": [put("o1", "u2"), put("o2", "u3")]}});
    let (status, answer) = call(&dynamo, "Writer", "BatchWriteItem", batch).await;
    assert_eq!(status, 200);
    assert_eq!(answer["UnprocessedItems"], json!({"local-Orders": [put("o1", "u2")]}));
    let again = json!({"RequestItems": answer["UnprocessedItems"]});
    assert_eq!(code(&dynamo, "BatchWriteItem", again).await, "ThrottlingException");
    let tables = dynamo.dump_tables().unwrap();
    assert!(tables.contains("u1") && tables.contains("u3") && !tables.contains("u2"));
}

#[tokio::test]
async fn awss_client_understands_the_answer_and_repeats_the_request() {
    let (dynamo, clock) = start().await;
    let client = sdk(&dynamo, "Writer");
    let put = || client.put_item().table_name("local-Notes").item("id", AttributeValue::S("n1".to_owned()));
    put().send().await.unwrap();
    dynamo.take_calls();
    let error = put().send().await.unwrap_err().into_service_error();
    assert_eq!(error.code(), Some("ThrottlingException"));
    let PutItemError::ThrottlingException(throttled) = &error else { panic!("{error:?}") };
    assert_eq!(throttled.throttling_reasons()[0].resource(), Some(NOTES));
    assert!(dynamo.take_calls().len() > 1, "it is repeated");
    clock.store(2_000, Ordering::Relaxed);
    put().send().await.unwrap();
}

#[tokio::test]
async fn the_operator_is_not_limited() {
    let (dynamo, _) = start().await;
    for user in ["u1", "u2", "u3"] {
        dynamo.call_as_operator("PutItem", order("o1", user)).await.unwrap();
    }
    assert!(dynamo.take_hot_keys().is_empty());
}
