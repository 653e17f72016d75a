//! Streams have the template's ARNs.

use serde_json::{Value, json};

use crate::support::{ORDERS, allowed, denied, order, start};

#[tokio::test]
async fn a_stream_is_read_by_its_arn_from_the_template() {
    let dynamo = start().await;
    allowed(&dynamo, "Writer", "PutItem", order("o1")).await;
    let stream = format!("{ORDERS}/stream/2024-01-01T00:00:00.000");
    let streams = |operation: &str| format!("DynamoDBStreams_20120810.{operation}");
    let read =
        async |operation: &str, body: Value| allowed(&dynamo, "Follower", &streams(operation), body).await;

    let listed = read("ListStreams", json!({"TableName": "local-Orders"})).await;
    assert_eq!(listed["Streams"][0]["StreamArn"], stream);
    let described = read("DescribeStream", json!({"StreamArn": stream})).await;
    assert_eq!(described["StreamDescription"]["StreamArn"], stream);
    let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
    let position = json!({"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = read("GetShardIterator", position).await["ShardIterator"].clone();
    let records = read("GetRecords", json!({"ShardIterator": iterator})).await;
    assert_eq!(records["Records"][0]["eventName"], "INSERT");
    assert_eq!(records["Records"][0]["dynamodb"]["NewImage"]["orderId"]["S"], "o1");

    let refusal = denied(&dynamo, "Reader", &streams("GetRecords"), json!({"ShardIterator": iterator})).await;
    assert!(refusal.contains(&stream), "{refusal}");
    let table = dynamo.operator("DescribeTable", json!({"TableName": "local-Orders"})).await.unwrap();
    assert_eq!(table["Table"]["LatestStreamArn"], stream);
    assert_eq!(table["Table"]["TableArn"], ORDERS);
    let seen = dynamo.operator("GetRecords", json!({"ShardIterator": iterator})).await.unwrap();
    assert_eq!(seen["Records"].as_array().unwrap().len(), 1);
}
