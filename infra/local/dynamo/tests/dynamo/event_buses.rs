//! EventBridge: events that were put can be read, and invalid ones get AWS's errors.

use local_dynamo::{DynamoFault, FaultKind};
use serde_json::{Value, json};

use crate::support::{SignedRequest, allowed, call, code, denied, start};

const PUT: &str = "AWSEvents.PutEvents";
const BUS: &str = "arn:aws:events:us-east-1:000000000000:event-bus/local-bus";

fn entry(bus: &str) -> Value {
    json!({
        "EventBusName": bus,
        "Source": "shop.orders",
        "DetailType": "OrderPaid",
        "Detail": r#"{"orderId":"o1"}"#,
        "Time": 1_583_348_638.5,
        "Resources": ["o1"],
    })
}

fn put(entries: &[Value]) -> Value {
    json!({"Entries": entries})
}

#[tokio::test]
async fn an_event_is_put_on_its_bus() {
    let dynamo = start().await;
    let answer = allowed(&dynamo, "Publisher", PUT, put(&[entry("local-bus"), entry(BUS)])).await;
    assert_eq!(answer["FailedEntryCount"], 0);
    let events = dynamo.events();
    assert_eq!(events.len(), 2);
    assert_eq!(answer["Entries"][0]["EventId"], events[0]["id"]);
    assert_ne!(events[0]["id"], events[1]["id"]);
    let mut first = events[0].clone();
    first.as_object_mut().unwrap().remove("id");
    assert_eq!(
        first,
        json!({
            "version": "0",
            "event-bus-name": "local-bus",
            "source": "shop.orders",
            "detail-type": "OrderPaid",
            "account": "000000000000",
            "time": "2020-03-04T19:03:58Z",
            "region": "us-east-1",
            "resources": ["o1"],
            "detail": {"orderId": "o1"},
        })
    );
    assert_eq!(events[1]["event-bus-name"], "local-bus", "it was named by its ARN");
}

#[tokio::test]
async fn every_bus_needs_a_permission() {
    let dynamo = start().await;
    let refusal = denied(&dynamo, "Publisher", PUT, put(&[entry("local-bus"), entry("other")])).await;
    assert!(
        refusal
            .contains("events:PutEvents on resource: arn:aws:events:us-east-1:000000000000:event-bus/other")
    );
    let refusal = denied(&dynamo, "Writer", PUT, put(&[entry("local-bus")])).await;
    assert!(refusal.contains(BUS));
    let mut unnamed = entry("");
    unnamed.as_object_mut().unwrap().remove("EventBusName");
    assert!(denied(&dynamo, "Publisher", PUT, put(&[unnamed.clone()])).await.contains("event-bus/default"));
    denied(&dynamo, "Publisher", PUT, json!({})).await;
    allowed(&dynamo, "operator", PUT, put(&[unnamed])).await;
    assert_eq!(dynamo.events()[0]["event-bus-name"], "default");
    assert_eq!(dynamo.denied_permissions().len(), 4);
}

#[tokio::test]
async fn a_call_of_put_events_is_logged() {
    let dynamo = start().await;
    allowed(&dynamo, "Publisher", PUT, put(&[entry("local-bus")])).await;
    let calls = dynamo.calls();
    assert_eq!((calls[0].caller.as_str(), calls[0].operation.as_str()), ("Publisher", "PutEvents"));
    assert!(calls[0].tables.is_empty());
    let used = dynamo.used_permissions();
    let used = used.first().unwrap();
    assert_eq!((used.action.as_str(), used.resource.as_str()), ("events:PutEvents", BUS));
}

#[tokio::test]
async fn an_invalid_entry_fails_alone() {
    let dynamo = start().await;
    let with = |field: &str, value: &str| {
        let mut entry = entry("local-bus");
        entry[field] = value.into();
        entry
    };
    let entries = [
        with("Source", ""),
        with("Detail", "{"),
        with("Detail", "[]"),
        with("Source", "aws.s3"),
        with("DetailType", &"x".repeat(129)),
        entry("local-bus"),
    ];
    let answer = allowed(&dynamo, "Publisher", PUT, put(&entries)).await;
    assert_eq!(answer["FailedEntryCount"], 5);
    let codes: Vec<_> =
        answer["Entries"].as_array().unwrap().iter().map(|one| one["ErrorCode"].as_str()).collect();
    let (malformed, invalid) = (Some("MalformedDetail"), Some("InvalidArgument"));
    let foreign = Some("NotAuthorizedForSourceException");
    assert_eq!(codes, [invalid, malformed, malformed, foreign, invalid, None]);
    assert_eq!(dynamo.events().len(), 1);
}

#[tokio::test]
async fn a_request_beyond_a_limit_is_refused() {
    let dynamo = start().await;
    let refused = async |entries: &[Value]| {
        let (status, answer) = call(&dynamo, "operator", PUT, put(entries)).await;
        assert_eq!(status, 400, "{answer}");
        code(&answer).to_owned()
    };
    assert_eq!(refused(&[]).await, "ValidationException");
    assert_eq!(refused(&vec![entry("local-bus"); 11]).await, "ValidationException");
    let mut large = entry("local-bus");
    large["Detail"] = json!({"text": "x".repeat(256 * 1024)}).to_string().into();
    assert_eq!(refused(&[large]).await, "ValidationException");
    assert_eq!(refused(&[entry("nothing")]).await, "ResourceNotFoundException");
    let (_, answer) = call(&dynamo, "operator", "AWSEvents.PutRule", json!({})).await;
    assert_eq!(code(&answer), "UnknownOperationException");
    assert!(dynamo.events().is_empty());
}

#[tokio::test]
async fn faults_hit_events_too() {
    let dynamo = start().await;
    let body = put(&[entry("local-bus"), entry("local-bus")]);
    let inject = |kind| dynamo.inject_fault(DynamoFault { caller: None, operation: None, kind, times: 1 });
    for (kind, status, expected) in [
        (FaultKind::Throttle, 400, "ThrottlingException"),
        (FaultKind::InternalError, 500, "InternalException"),
    ] {
        inject(kind);
        let (found, answer) = call(&dynamo, "Publisher", PUT, body.clone()).await;
        assert_eq!((found, code(&answer)), (status, expected));
    }
    inject(FaultKind::FailedEntries);
    let answer = allowed(&dynamo, "Publisher", PUT, body.clone()).await;
    assert_eq!(answer["FailedEntryCount"], 2);
    assert_eq!(answer["Entries"][1]["ErrorCode"], "InternalFailure");
    inject(FaultKind::TimeoutBefore);
    assert!(SignedRequest::new(&dynamo, "Publisher", PUT, &body).send().await.is_err());
    assert!(dynamo.events().is_empty());
    inject(FaultKind::TimeoutAfter);
    assert!(SignedRequest::new(&dynamo, "Publisher", PUT, &body).send().await.is_err());
    assert_eq!(dynamo.events().len(), 2);
    inject(FaultKind::TransactionConflict);
    allowed(&dynamo, "Publisher", PUT, body).await;
}
