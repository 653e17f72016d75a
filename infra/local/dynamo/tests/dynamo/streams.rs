//! Streams have the template's ARNs and views, and a record of every change.

use local_dynamo::Dynamo;
use serde_json::{Value, json};

use crate::support::{NOTES, ORDERS, allowed, denied, order, start};

/// Everything in the stream of the table with this ARN.
async fn records(dynamo: &Dynamo, table: &str) -> Vec<Value> {
    let stream = format!("{table}/stream/2024-01-01T00:00:00.000");
    let described = dynamo.call_as_service("DescribeStream", json!({"StreamArn": stream})).await.unwrap();
    let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
    let position = json!({"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let position = dynamo.call_as_service("GetShardIterator", position).await.unwrap();
    let page = json!({"ShardIterator": position["ShardIterator"]});
    dynamo.call_as_service("GetRecords", page).await.unwrap()["Records"].as_array().unwrap().clone()
}

fn names(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["eventName"].as_str().unwrap()).collect()
}

fn note(id: &str, text: &str) -> Value {
    json!({"id": {"S": id}, "text": {"S": text}, "tags": {"SS": ["a", "b"]}})
}

#[tokio::test]
async fn a_stream_is_read_by_its_arn_from_the_template() {
    let dynamo = start().await;
    allowed(&dynamo, "Writer", "PutItem", order("o1")).await;
    let stream = format!("{ORDERS}/stream/2024-01-01T00:00:00.000");
    let streams = |operation: &str| format!("DynamoDBStreams_20120810.{operation}");
    // The operator stands for Lambda here. A function's own code may not read streams.
    let read = async |operation: &str, body: Value| dynamo.call_as_operator(operation, body).await.unwrap();

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
    let table = dynamo.call_as_operator("DescribeTable", json!({"TableName": "local-Orders"})).await.unwrap();
    assert_eq!(table["Table"]["LatestStreamArn"], stream);
    assert_eq!(table["Table"]["TableArn"], ORDERS);
    let seen = dynamo.call_as_operator("GetRecords", json!({"ShardIterator": iterator})).await.unwrap();
    assert_eq!(seen["Records"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_change_makes_a_record_and_a_write_without_change_makes_none() {
    let dynamo = start().await;
    let notes = "local-Notes";
    let key = |id: &str| json!({"id": {"S": id}});
    let put = |text: &str| json!({"TableName": notes, "Item": note("a", text)});
    let update = |id: &str, text: &str| {
        json!({
            "TableName": notes,
            "Key": key(id),
            "UpdateExpression": "SET #t = :t",
            "ExpressionAttributeNames": {"#t": "text"},
            "ExpressionAttributeValues": {":t": {"S": text}},
        })
    };
    let number = |number: &str, set: [&str; 2]| {
        let item = json!({"id": {"S": "n"}, "price": {"N": number}, "sizes": {"NS": set},
            "deep": {"M": {"list": {"L": [{"N": number}, {"NS": set}]}, "SS": {"S": "a name"}}}});
        json!({"TableName": notes, "Item": item})
    };
    let mut reordered = put("1");
    reordered["Item"]["tags"] = json!({"SS": ["b", "a"]});
    let batch = |write: Value| json!({"RequestItems": {notes: [write]}});
    let transact = |item: Value| json!({"TransactItems": [item]});
    let delete = |id: &str| json!({"TableName": notes, "Key": key(id)});
    let check = json!({"ConditionCheck": {
        "TableName": notes, "Key": key("b"), "ConditionExpression": "attribute_exists(id)",
    }});
    for (operation, request, expected) in [
        ("PutItem", put("1"), Some("INSERT")),
        ("PutItem", put("1"), None),
        ("PutItem", reordered, None),
        ("PutItem", number("1", ["2", "10"]), Some("INSERT")),
        ("PutItem", number("1.0", ["10.00", "2e0"]), None),
        ("PutItem", number("1.0", ["10.00", "3"]), Some("MODIFY")),
        ("UpdateItem", update("a", "1"), None),
        ("UpdateItem", update("a", "2"), Some("MODIFY")),
        ("UpdateItem", update("b", "1"), Some("INSERT")),
        ("BatchWriteItem", batch(json!({"PutRequest": {"Item": note("c", "1")}})), Some("INSERT")),
        ("BatchWriteItem", batch(json!({"PutRequest": {"Item": note("c", "1")}})), None),
        ("BatchWriteItem", batch(json!({"DeleteRequest": {"Key": key("c")}})), Some("REMOVE")),
        ("TransactWriteItems", transact(json!({"Update": update("b", "2")})), Some("MODIFY")),
        ("TransactWriteItems", transact(json!({"Update": update("b", "2")})), None),
        (
            "TransactWriteItems",
            transact(json!({"Put": {"TableName": notes, "Item": note("d", "1")}})),
            Some("INSERT"),
        ),
        ("TransactWriteItems", transact(json!({"Delete": delete("d")})), Some("REMOVE")),
        ("TransactWriteItems", transact(check), None),
        ("DeleteItem", delete("nothing"), None),
        ("DeleteItem", delete("a"), Some("REMOVE")),
    ] {
        let before = records(&dynamo, NOTES).await.len();
        dynamo.call_as_operator(operation, request.clone()).await.unwrap();
        let after = records(&dynamo, NOTES).await;
        assert_eq!(
            names(&after[before..]),
            expected.into_iter().collect::<Vec<_>>(),
            "{operation} {request}"
        );
    }
    dynamo.call_as_operator("PutItem", json!({"TableName": notes, "Item": note("e", "1")})).await.unwrap();
    let mut refused = put("3");
    refused["ConditionExpression"] = "attribute_not_exists(nothing) AND attribute_exists(nothing)".into();
    assert!(dynamo.call_as_operator("PutItem", refused).await.is_err());
    assert_eq!(names(&records(&dynamo, NOTES).await).len(), 12);
}

#[tokio::test]
async fn a_record_has_the_images_of_its_view_and_their_size() {
    let dynamo = start().await;
    for text in ["1", "2"] {
        dynamo
            .call_as_operator("PutItem", json!({"TableName": "local-Notes", "Item": note("a", text)}))
            .await
            .unwrap();
    }
    let records = records(&dynamo, NOTES).await;
    let change = &records[1]["dynamodb"];
    assert_eq!(records[1]["awsRegion"], "us-east-1");
    assert_eq!(change["StreamViewType"], "NEW_IMAGE");
    assert_eq!(change["NewImage"], note("a", "2"));
    assert_eq!(change.get("OldImage"), None);
    assert_eq!(change["SizeBytes"], 3 + 3 + 5 + 6);
    assert!(
        change["SequenceNumber"].as_str().unwrap()
            > records[0]["dynamodb"]["SequenceNumber"].as_str().unwrap()
    );
    let table = dynamo.call_as_operator("DescribeTable", json!({"TableName": "local-Notes"})).await.unwrap();
    assert_eq!(table["Table"]["StreamSpecification"]["StreamViewType"], "NEW_IMAGE");
}

#[tokio::test]
async fn the_record_of_an_expired_item_names_the_service_as_its_writer() {
    let dynamo = start().await;
    let mut expired = order("o1");
    expired["Item"]["expiresAt"] = json!({"N": "1000"});
    dynamo.call_as_operator("PutItem", expired).await.unwrap();
    let mut written = dynamo.subscribe_writes();
    written.mark_unchanged();
    assert_eq!(dynamo.sweep_expired().unwrap(), 1);
    assert!(written.has_changed().unwrap(), "subscribers of writes are woken");
    let records = records(&dynamo, ORDERS).await;
    assert_eq!(names(&records), ["INSERT", "REMOVE"]);
    let service = json!({"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"});
    assert_eq!(records[1]["userIdentity"], service);
    assert_eq!(records[0].get("userIdentity"), None);
    assert_eq!(records[1]["dynamodb"]["OldImage"]["orderId"]["S"], "o1");
}
