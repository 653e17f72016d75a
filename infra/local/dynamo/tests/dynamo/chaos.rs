//! Random faults.

use local_dynamo::{Dynamo, FaultKind};
use serde_json::json;

use crate::support::{SignedRequest, order, order_key, start};

async fn faults_of_100_writes(dynamo: &Dynamo) -> Vec<Option<FaultKind>> {
    dynamo.take_calls();
    for at in 0..100 {
        // A broken connection is expected here.
        let _ = SignedRequest::new(dynamo, "Writer", "PutItem", &order(&format!("o{at}"))).send().await;
    }
    dynamo.take_calls().into_iter().map(|call| call.fault).collect()
}

#[tokio::test]
async fn random_faults_are_of_every_kind_and_repeat_for_the_same_seed() {
    let (one, other) = (start().await, start().await);
    one.start_random_faults(42, 400);
    other.start_random_faults(42, 400);
    let faults = faults_of_100_writes(&one).await;
    assert_eq!(faults.len(), 100);
    assert_eq!(faults, faults_of_100_writes(&other).await);
    for kind in [
        FaultKind::InternalError,
        FaultKind::Throttle,
        FaultKind::TimeoutAfter,
        FaultKind::TimeoutBefore,
        FaultKind::TransactionConflict,
    ] {
        assert!(faults.contains(&Some(kind)), "{kind:?}");
    }
    assert!(!faults.contains(&Some(FaultKind::FailedEntries)), "no event was put");
    let count = faults.iter().flatten().count();
    assert!((25..55).contains(&count), "{count}");
}

#[tokio::test]
async fn random_faults_spare_the_operator_and_impossible_kinds_and_stop() {
    let dynamo = start().await;
    dynamo.start_random_faults(1, 1000);
    for _ in 0..20 {
        dynamo.call_as_operator("GetItem", order_key("o1")).await.unwrap();
        let _ = SignedRequest::new(&dynamo, "Reader", "GetItem", &order_key("o1")).send().await;
    }
    let calls = dynamo.take_calls();
    assert!(calls.iter().all(|call| call.fault.is_some() == (call.caller == "Reader")));
    assert!(
        calls.iter().all(|call| call.fault != Some(FaultKind::TransactionConflict)),
        "`GetItem` has no conflicts"
    );
    dynamo.stop_random_faults();
    assert_eq!(faults_of_100_writes(&dynamo).await.into_iter().flatten().count(), 0);
    let scan = dynamo.call_as_service("Scan", json!({"TableName": "local-Orders"})).await.unwrap();
    assert_eq!(scan["Count"], 100);
    assert!(dynamo.calls().is_empty(), "calls of AWS itself are not logged");
}
