//! Event source mappings: records of a stream reach the task.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use shared::{
    host::{Host, HostError},
    runtime::Task,
    types::BoxError,
};

use super::support::start_quietly;
use crate::{Bundle, BundleOptions, CallError, StartError, function::RegisteredFunction};

/// Returns the records that it got. The `kind` of a record decides its result: `fail` is named as failed, `error` fails the call,
/// `once` is named as failed the first time.
pub(super) struct Follow {
    known: Mutex<BTreeSet<String>>,
}

impl Task for Follow {
    const NAME: &'static str = "follow";
    type Event = Value;
    type Report = Value;

    async fn init(_: &Host) -> Result<Self, HostError> {
        Ok(Self { known: Mutex::default() })
    }

    async fn run(&self, event: Value) -> Result<Value, BoxError> {
        let Some(records) = event["Records"].as_array() else {
            return Ok(json!({"source": event["source"]}));
        };
        tokio::task::yield_now().await;
        let mut failures = Vec::new();
        for record in records {
            let image = &record["dynamodb"]["NewImage"];
            if image.is_null() {
                continue;
            }
            let id = image["id"]["S"].as_str().unwrap().to_owned();
            let is_new = self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
            match image["kind"]["S"].as_str().unwrap() {
                "error" => return Err("as it must".into()),
                "fail" => failures.push(&record["dynamodb"]["SequenceNumber"]),
                "once" if is_new => failures.push(&record["dynamodb"]["SequenceNumber"]),
                _ => {}
            }
        }
        let failures: Vec<Value> = failures.iter().map(|number| json!({"itemIdentifier": number})).collect();
        Ok(json!({"records": records, "batchItemFailures": failures}))
    }
}

pub(super) const FOLLOW: [RegisteredFunction; 1] = [RegisteredFunction::task::<Follow>()];
pub(super) const OUTBOX: &str = include_str!("outbox.yaml");

pub(super) async fn start() -> Bundle {
    start_quietly(OUTBOX, &FOLLOW, false).await
}

async fn start_with(old: &str, new: &str) -> Bundle {
    assert!(OUTBOX.contains(old));
    start_quietly(&OUTBOX.replace(old, new), &FOLLOW, false).await
}

pub(super) async fn write(bundle: &Bundle, id: &str, kind: &str) {
    let item = json!({"id": {"S": id}, "kind": {"S": kind}});
    let request = json!({"TableName": "local-OutboxTable", "Item": item});
    bundle.dynamo().call_as_operator("PutItem", request).await.unwrap();
}

/// The ids of the records that each call got.
fn ids(responses: &[Value]) -> Vec<Vec<&str>> {
    responses.iter().map(ids_of).collect()
}

fn ids_of(response: &Value) -> Vec<&str> {
    let records = response["records"].as_array().into_iter().flatten();
    records.filter_map(|record| record["dynamodb"]["Keys"]["id"]["S"].as_str()).collect()
}

#[tokio::test]
async fn a_task_gets_batches_of_real_records() {
    let bundle = start().await;
    for id in ["a", "b", "c", "d"] {
        write(&bundle, id, "fine").await;
    }
    let responses = bundle.drain_stream("follow").await.unwrap();
    assert_eq!(ids(&responses), [vec!["a", "b", "c"], vec!["d"]]);
    let mut record = responses[0]["records"][0].clone();
    let stream =
        "arn:aws:dynamodb:us-east-1:000000000000:table/local-OutboxTable/stream/2024-01-01T00:00:00.000";
    assert_eq!(record["eventID"].as_str().unwrap().len(), 32);
    assert_eq!(record["dynamodb"]["SequenceNumber"].as_str().unwrap().len(), 21);
    assert!(record["dynamodb"]["ApproximateCreationDateTime"].as_f64().unwrap() > 1e9);
    for own in ["SequenceNumber", "ApproximateCreationDateTime"] {
        record["dynamodb"].as_object_mut().unwrap().remove(own);
    }
    record.as_object_mut().unwrap().remove("eventID");
    assert_eq!(
        record,
        json!({
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "eventSourceARN": stream,
            "dynamodb": {
                "Keys": {"id": {"S": "a"}},
                "NewImage": {"id": {"S": "a"}, "kind": {"S": "fine"}},
                "SizeBytes": 14,
                "StreamViewType": "NEW_IMAGE",
            },
        })
    );
    assert!(bundle.drain_stream("follow").await.unwrap().is_empty(), "everything is delivered once");
    assert!(
        bundle.dynamo().calls().iter().all(|call| call.operation == "PutItem"),
        "the reads of Lambda are not logged as calls"
    );
}

#[tokio::test]
async fn only_records_that_match_a_filter_are_delivered() {
    let bundle = start().await;
    write(&bundle, "a", "fine").await;
    write(&bundle, "a", "error").await;
    bundle
        .dynamo()
        .call_as_operator("PutItem", json!({"TableName": "local-OutboxTable", "Item": {"id": {"S": "b"}}}))
        .await
        .unwrap();
    write(&bundle, "c", "fine").await;
    let responses = bundle.drain_stream("follow").await.unwrap();
    assert_eq!(ids(&responses).concat(), ["a", "c"], "a change and an item without a kind are not wanted");
}

#[tokio::test]
async fn a_failed_record_is_retried_with_those_after_it() {
    let bundle = start().await;
    for (id, kind) in [("a", "fine"), ("b", "once"), ("c", "fine"), ("d", "fine")] {
        write(&bundle, id, kind).await;
    }
    let responses = bundle.drain_stream("follow").await.unwrap();
    assert_eq!(ids(&responses), [vec!["a", "b", "c"], vec!["b", "c"], vec!["d"]]);
    assert!(bundle.queue("FailedQueue").is_empty());
}

#[tokio::test]
async fn records_without_retries_left_go_to_the_queue_and_reading_continues() {
    let bundle = start().await;
    for (id, kind) in [("a", "fine"), ("b", "fail"), ("c", "fine"), ("d", "fine"), ("e", "error")] {
        write(&bundle, id, kind).await;
    }
    let responses = bundle.drain_stream("follow").await.unwrap();
    assert_eq!(responses.len(), 6, "three of each");
    assert_eq!(ids(&responses)[..3], [vec!["a", "b", "c"], vec!["b", "c"], vec!["b", "c"]]);
    assert_eq!(responses[3], json!({"errorType": "Error", "errorMessage": "the call failed"}));
    let discarded = bundle.queue("FailedQueue");
    assert_eq!(discarded.len(), 2);
    let numbers: Vec<&Value> =
        (0..2).map(|at| &responses[1]["records"][at]["dynamodb"]["SequenceNumber"]).collect();
    let batch = &discarded[0]["DDBStreamBatchInfo"];
    assert_eq!((&batch["startSequenceNumber"], &batch["endSequenceNumber"]), (numbers[0], numbers[1]));
    assert_eq!(batch["batchSize"], 2);
    let arn =
        "arn:aws:dynamodb:us-east-1:000000000000:table/local-OutboxTable/stream/2024-01-01T00:00:00.000";
    assert_eq!(batch["streamArn"], arn);
    let context = &discarded[0]["requestContext"];
    assert_eq!(context["condition"], "RetryAttemptsExhausted");
    assert_eq!(context["approximateInvokeCount"], 3);
    assert_eq!(context["functionArn"], "arn:aws:lambda:us-east-1:000000000000:function:local-FollowFunction");
    assert_eq!(discarded[0]["responseContext"].get("functionError"), None, "it answered");
    assert_eq!(discarded[1]["responseContext"]["functionError"], "Unhandled");
    assert_eq!(discarded[1]["DDBStreamBatchInfo"]["batchSize"], 2, "d was in the batch of e");

    // An operator finds the records by what the queue says.
    let position = json!({
        "StreamArn": batch["streamArn"],
        "ShardId": batch["shardId"],
        "ShardIteratorType": "AT_SEQUENCE_NUMBER",
        "SequenceNumber": batch["startSequenceNumber"],
    });
    let position = bundle.dynamo().call_as_operator("GetShardIterator", position).await.unwrap();
    let page = json!({"ShardIterator": position["ShardIterator"], "Limit": batch["batchSize"]});
    let page = bundle.dynamo().call_as_operator("GetRecords", page).await.unwrap();
    assert_eq!(page["Records"][0]["dynamodb"]["Keys"]["id"]["S"], "b");
}

#[tokio::test]
async fn a_batch_is_split_until_the_failing_record_is_alone() {
    let bundle =
        start_with("BatchSize: 3", "BatchSize: 4\n            BisectBatchOnFunctionError: true").await;
    for (id, kind) in [("a", "fine"), ("b", "fine"), ("c", "error"), ("d", "fine")] {
        write(&bundle, id, kind).await;
    }
    let responses = bundle.drain_stream("follow").await.unwrap();
    assert_eq!(ids(&responses).concat(), ["a", "b", "d"]);
    assert_eq!(responses.iter().filter(|response| response.get("errorType").is_some()).count(), 5);
    let discarded = bundle.queue("FailedQueue");
    assert_eq!(discarded.len(), 1);
    assert_eq!(discarded[0]["DDBStreamBatchInfo"]["batchSize"], 1);
    assert_eq!(discarded[0]["requestContext"]["approximateInvokeCount"], 3);
}

#[tokio::test]
async fn a_record_with_unlimited_retries_blocks_the_stream() {
    let bundle = start_with("            MaximumRetryAttempts: 2\n", "").await;
    write(&bundle, "a", "fail").await;
    let stuck = bundle.drain_stream("follow").await.unwrap_err();
    assert!(matches!(stuck, CallError::Stuck { calls: 100 }), "{stuck}");
    assert!(bundle.queue("FailedQueue").is_empty());
}

#[tokio::test]
async fn the_deletion_of_an_expired_item_has_lambdas_user_identity() {
    let filter =
        r#"'{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": [{"exists": true}]}}}}'"#;
    let expired = r#"'{"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}'"#;
    let bundle = start_with(filter, expired).await;
    let item = json!({"id": {"S": "a"}, "kind": {"S": "fine"}, "expires_at": {"N": "1000"}});
    let request = json!({"TableName": "local-OutboxTable", "Item": item});
    bundle.dynamo().call_as_operator("PutItem", request).await.unwrap();
    assert_eq!(bundle.dynamo().sweep_expired().unwrap(), 1);
    let responses = bundle.drain_stream("follow").await.unwrap();
    let records = responses[0]["records"].as_array().unwrap();
    assert_eq!((responses.len(), records.len()), (1, 1), "the insertion is not wanted");
    assert_eq!(records[0]["eventName"], "REMOVE");
    let identity = json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"});
    assert_eq!(records[0]["userIdentity"], identity);
}

#[tokio::test]
async fn a_task_can_have_a_stream_and_a_schedule() {
    let bundle = start().await;
    write(&bundle, "a", "fine").await;
    assert_eq!(bundle.run_task("follow").await.unwrap(), json!({"source": "aws.scheduler"}));
    assert_eq!(ids(&bundle.drain_stream("follow").await.unwrap()), [["a"]]);
    let unknown = bundle.drain_stream("nothing").await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no task behind a stream in functions/nothing");
}

#[tokio::test]
async fn a_write_is_delivered_in_the_background() {
    let bundle = start_quietly(OUTBOX, &FOLLOW, true).await;
    for (id, kind) in [("a", "fine"), ("b", "fail")] {
        write(&bundle, id, kind).await;
    }
    let queue_has_a_message = async {
        while bundle.queue("FailedQueue").is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), queue_has_a_message)
        .await
        .expect("it is delivered, retried and given up");
    assert!(bundle.drain_stream("follow").await.unwrap().is_empty());
    bundle.stop().await;
}

#[tokio::test]
async fn a_restart_does_not_deliver_again() {
    let folder = tempfile::tempdir().unwrap();
    let template = local_template::Template::parse(OUTBOX).unwrap();
    let options = || BundleOptions {
        run_schedules: false,
        data: Some(folder.path().to_owned()),
        ..BundleOptions::default()
    };
    let bundle = Bundle::deploy(options(), &template, &FOLLOW).await.unwrap();
    write(&bundle, "a", "fine").await;
    assert_eq!(bundle.drain_stream("follow").await.unwrap().len(), 1);
    write(&bundle, "b", "fine").await;
    bundle.stop().await;
    let bundle = Bundle::deploy(options(), &template, &FOLLOW).await.unwrap();
    assert_eq!(ids(&bundle.drain_stream("follow").await.unwrap()), [["b"]]);
    bundle.stop().await;
}

#[tokio::test]
async fn latest_begins_with_records_written_after_the_start() {
    let bundle = start_with("TRIM_HORIZON", "LATEST").await;
    write(&bundle, "a", "fine").await;
    assert_eq!(ids(&bundle.drain_stream("follow").await.unwrap()), [["a"]]);
    let disabled = start_with("            BatchSize: 3", "            Enabled: false").await;
    write(&disabled, "a", "fine").await;
    assert!(disabled.drain_stream("follow").await.is_err(), "nothing is delivered");
}

#[tokio::test]
async fn a_function_finds_the_event_bus() {
    let bundle = start().await;
    let host = bundle.host("follow").unwrap();
    assert_eq!(host.var("EVENT_BUS").unwrap(), bundle.stack().event_buses[0].name);
    assert_eq!(host.var("AWS_ENDPOINT_URL_EVENTBRIDGE").unwrap(), bundle.dynamo().url());
}

#[tokio::test]
async fn a_function_with_routes_cannot_read_a_stream() {
    let template = OUTBOX.replace("functions/follow", "functions/echo");
    let template = local_template::Template::parse(&template).unwrap();
    let registry = [RegisteredFunction::function::<super::support::Echo>()];
    let error = Bundle::deploy(BundleOptions::default(), &template, &registry).await.err().unwrap();
    assert!(matches!(error, StartError::KindMismatch { .. }), "{error}");
}
