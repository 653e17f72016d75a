//! Injected faults hit the calls that they name, as often as they say.

use local_dynamo::{Dynamo, DynamoFault, FaultKind};
use serde_json::json;

use crate::support::{SignedRequest, allowed, call, code, order, order_key, start};

fn inject(dynamo: &Dynamo, kind: FaultKind, operation: Option<&str>) {
    dynamo.inject_fault(DynamoFault {
        caller: None,
        operation: operation.map(ToOwned::to_owned),
        kind,
        times: 1,
    });
}

#[tokio::test]
async fn throttling_hits_once_and_does_nothing() {
    let dynamo = start().await;
    inject(&dynamo, FaultKind::Throttle, Some("PutItem"));
    assert_eq!(call(&dynamo, "Reader", "GetItem", order_key("o1")).await.0, 200, "another operation");
    let (status, answer) = call(&dynamo, "Writer", "PutItem", order("o1")).await;
    assert_eq!((status, code(&answer)), (400, "ProvisionedThroughputExceededException"));
    assert!(!dynamo.dump_tables().unwrap().contains("o1"));
    allowed(&dynamo, "Writer", "PutItem", order("o1")).await;
    assert_eq!(dynamo.calls()[1].fault, Some(FaultKind::Throttle));
}

#[tokio::test]
async fn internal_errors_have_status_500() {
    let dynamo = start().await;
    inject(&dynamo, FaultKind::InternalError, None);
    let (status, answer) = call(&dynamo, "Reader", "GetItem", order_key("o1")).await;
    assert_eq!((status, code(&answer)), (500, "InternalServerError"));
}

#[tokio::test]
async fn conflicts_name_the_reason_of_each_item() {
    let dynamo = start().await;
    inject(&dynamo, FaultKind::TransactionConflict, None);
    allowed(&dynamo, "Reader", "GetItem", order_key("o1")).await;
    let put = |table: &str, key: &str| json!({"Put": {"TableName": table, "Item": {key: {"S": "a"}}}});
    let transaction = json!({"TransactItems": [put("local-Orders", "orderId"), put("local-Notes", "id")]});
    let (status, answer) = call(&dynamo, "Writer", "TransactWriteItems", transaction).await;
    assert_eq!((status, code(&answer)), (400, "TransactionCanceledException"));
    assert_eq!(answer["CancellationReasons"][0]["Code"], "TransactionConflict");
    assert_eq!(answer["CancellationReasons"][1]["Code"], "None");
    assert!(answer["Message"].as_str().unwrap().ends_with("[TransactionConflict, None]"));
    inject(&dynamo, FaultKind::TransactionConflict, None);
    let (_, answer) = call(&dynamo, "Writer", "PutItem", order("o1")).await;
    assert_eq!(code(&answer), "TransactionConflictException");
}

#[tokio::test]
async fn a_timeout_before_the_effect_leaves_nothing() {
    let dynamo = start().await;
    inject(&dynamo, FaultKind::TimeoutBefore, None);
    let request = SignedRequest::new(&dynamo, "Writer", "PutItem", &order("o1"));
    let error = request.send().await.unwrap_err();
    assert!(!error.is_timeout(), "the connection breaks at once: {error:?}");
    assert!(!dynamo.dump_tables().unwrap().contains("o1"));
    assert_eq!(dynamo.calls()[0].status, 0);
}

#[tokio::test]
async fn a_timeout_after_the_effect_leaves_the_effect() {
    let dynamo = start().await;
    inject(&dynamo, FaultKind::TimeoutAfter, None);
    assert!(SignedRequest::new(&dynamo, "Writer", "PutItem", &order("o1")).send().await.is_err());
    assert!(dynamo.dump_tables().unwrap().contains("o1"));
    assert_eq!(dynamo.calls().len(), 1, "the call was not retried");
}

#[tokio::test]
async fn faults_can_be_limited_to_one_caller_and_cleared() {
    let dynamo = start().await;
    dynamo.inject_fault(DynamoFault {
        caller: Some("Reader".to_owned()),
        operation: None,
        kind: FaultKind::InternalError,
        times: 2,
    });
    allowed(&dynamo, "Writer", "PutItem", order("o1")).await;
    dynamo.call_as_operator("GetItem", order_key("o1")).await.unwrap();
    assert_eq!(call(&dynamo, "Reader", "GetItem", order_key("o1")).await.0, 500);
    dynamo.clear_faults();
    allowed(&dynamo, "Reader", "GetItem", order_key("o1")).await;
}
