//! Tests of snapshots: what another simulator knows that goes on from one.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::{RefundStatus, Simulator, SimulatorOptions, Snapshot, SnapshotError, StepInfo, TradeState};

/// The simulator that goes on from the JSON of this one's snapshot.
fn resumed(wechat: &Simulator) -> Simulator {
    let json = wechat.snapshot().unwrap().to_json().unwrap();
    Simulator::resume(SimulatorOptions::default(), &Snapshot::parse(&json).unwrap()).unwrap()
}

/// The snapshot as JSON with this change.
fn changed(wechat: &Simulator, change: impl Fn(&mut Value)) -> Vec<u8> {
    let mut json = serde_json::from_slice(&wechat.snapshot().unwrap().to_json().unwrap()).unwrap();
    change(&mut json);
    serde_json::to_vec(&json).unwrap()
}

#[tokio::test]
async fn a_resumed_simulator_knows_all_that_the_first_one_knew() {
    let fixture = Fixture::without_interval().await;
    let code = fixture.login_code().await;
    let session = fixture.code_to_session(&code).await;
    fixture.buy("order-0001").await;
    fixture.v3_post("/v3/refund/domestic/refunds", fixture.v3_refund("refund-1", 50)).await;
    fixture.call_wx("requestSubscribeMessage", json!({"tmplIds": ["tmpl-1"]})).await;
    fixture.call_wx("shareToGroup", json!({"group": "家"})).await;
    fixture.call_wx("openCustomerServiceConversation", json!({})).await;
    fixture.call_wx("getPhoneNumber", json!({})).await;
    fixture.wechat.set_steps(&fixture.openid, [StepInfo { timestamp: 1_700_000_000, step: 7 }]);
    fixture.wechat.rotate_platform_certificate();

    let again = resumed(&fixture.wechat);
    assert_eq!(again.snapshot().unwrap(), fixture.wechat.snapshot().unwrap());
    assert_eq!(again.identities(), fixture.wechat.identities());
    assert_eq!(again.ledger(), fixture.wechat.ledger());
    assert_eq!(again.ledger()[0].trade_state, TradeState::Refund);
    assert_eq!(again.refunds()[0].status, RefundStatus::Success);
    assert_eq!(again.platform_certificates(), fixture.wechat.platform_certificates());
    let key = session["session_key"].as_str().unwrap();
    assert_eq!(again.mask(key), "***", "the log of the next run masks it too");
}

#[test]
fn a_snapshot_is_the_same_until_something_changes() {
    let wechat = Simulator::new(SimulatorOptions::default());
    let before = wechat.snapshot().unwrap().to_json().unwrap();
    assert_eq!(wechat.snapshot().unwrap().to_json().unwrap(), before);
    wechat.create_user(crate::NewUser::default());
    assert_ne!(wechat.snapshot().unwrap().to_json().unwrap(), before);
}

#[test]
fn the_configured_kind_of_platform_key_wins_over_the_kept_one() {
    let mode = crate::PlatformMode::PublicKey;
    let wechat = Simulator::new(SimulatorOptions { platform_mode: mode, ..SimulatorOptions::default() });
    let certificates = Simulator::new(SimulatorOptions::default()).platform_certificates();
    assert_eq!(resumed(&wechat).platform_certificates(), certificates);
}

#[test]
fn a_damaged_or_newer_snapshot_is_refused_with_its_reason() {
    let wechat = Simulator::new(SimulatorOptions::default());
    for damaged in ["", "{", "[]", "{}", r#"{"version":1}"#] {
        let error = Snapshot::parse(damaged.as_bytes()).unwrap_err();
        assert!(matches!(error, SnapshotError::Damaged(_)), "{damaged}: {error}");
    }
    let newer = Snapshot::parse(&changed(&wechat, |json| json["version"] = 2.into())).unwrap_err();
    assert!(newer.to_string().contains("version 2"), "{newer}");
    let resume = |json: Vec<u8>| {
        let snapshot = Snapshot::parse(&json).unwrap();
        Simulator::resume(SimulatorOptions::default(), &snapshot).err().unwrap()
    };
    let part = resume(changed(&wechat, |json| json["pay"] = json!({"orders": 1})));
    assert!(matches!(&part, SnapshotError::Part { name, .. } if name == "pay"), "{part}");
    let unknown = resume(changed(&wechat, |json| json["weather"] = json!({})));
    assert!(matches!(unknown, SnapshotError::UnknownPart(_)), "{unknown}");
}

#[test]
fn a_snapshot_without_a_part_begins_with_none_of_it() {
    let wechat = Simulator::new(SimulatorOptions::default());
    wechat.create_user(crate::NewUser::default());
    let json = changed(&wechat, |json| drop(json.as_object_mut().unwrap().remove("users")));
    let again = Simulator::resume(SimulatorOptions::default(), &Snapshot::parse(&json).unwrap()).unwrap();
    assert!(again.identities().is_empty());
}
