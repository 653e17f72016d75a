//! Faults by chance.

use local_dynamo::{Dynamo, FaultKind};
use serde_json::json;

use crate::support::{Request, order, order_key, start};

async fn weathered(dynamo: &Dynamo) -> Vec<Option<FaultKind>> {
    dynamo.take_calls();
    for at in 0..100 {
        // A cut connection is no failure of the test.
        let _ = Request::signed(dynamo, "Writer", "PutItem", &order(&format!("o{at}"))).send().await;
    }
    dynamo.take_calls().into_iter().map(|call| call.fault).collect()
}

#[tokio::test]
async fn a_storm_hits_functions_with_every_fault_there_is_and_is_the_same_for_the_same_seed() {
    let (one, other) = (start().await, start().await);
    one.storm(42, 400);
    other.storm(42, 400);
    let faults = weathered(&one).await;
    assert_eq!(faults.len(), 100);
    assert_eq!(faults, weathered(&other).await);
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
    let struck = faults.iter().flatten().count();
    assert!((25..55).contains(&struck), "{struck}");
}

#[tokio::test]
async fn a_storm_spares_the_operator_and_what_cannot_happen_and_ends() {
    let dynamo = start().await;
    dynamo.storm(1, 1000);
    for _ in 0..20 {
        dynamo.operator("GetItem", order_key("o1")).await.unwrap();
        let _ = Request::signed(&dynamo, "Reader", "GetItem", &order_key("o1")).send().await;
    }
    let calls = dynamo.take_calls();
    assert!(calls.iter().all(|call| call.fault.is_some() == (call.caller == "Reader")));
    assert!(calls.iter().all(|call| call.fault != Some(FaultKind::TransactionConflict)), "one reads alone");
    dynamo.calm();
    assert_eq!(weathered(&dynamo).await.into_iter().flatten().count(), 0);
    let scan = dynamo.internal("Scan", json!({"TableName": "local-Orders"})).await.unwrap();
    assert_eq!(scan["Count"], 100);
    assert!(dynamo.calls().is_empty(), "what AWS does itself is not on record");
}
