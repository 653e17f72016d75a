use serde_json::json;

use super::*;
use crate::RefundStatus;
use crate::core::family::RouteTable;

/// A route of each family.
fn routes() -> RouteTable {
    RouteTable::from_iter([
        ("/sns/jscode2session", Family::Secret),
        ("/cgi-bin/token", Family::Secret),
        ("/pay/unifiedorder", Family::Pay),
        ("/pay/orderquery", Family::Pay),
        ("/v3/certificates", Family::PayV3),
    ])
}

/// Reads faults and checks them as the simulator does before it sets them.
fn read(json: serde_json::Value) -> Result<Vec<Fault>, FaultError> {
    let faults = Fault::parse_list(json)?;
    faults.iter().try_for_each(|fault| fault.check(&routes()))?;
    Ok(faults)
}

#[test]
fn a_fault_is_used_up_after_its_times() {
    let mut faults = FaultQueue::default();
    faults.0.push(Fault::Busy { path: "/sns/jscode2session".to_owned(), times: 2 });
    assert!(faults.take_for("/pay/orderquery", Family::Pay).is_none());
    assert!(faults.take_for("/sns/jscode2session", Family::Secret).is_some());
    assert_eq!(faults.active(), [Fault::Busy { path: "/sns/jscode2session".to_owned(), times: 1 }]);
    assert!(faults.take_for("/sns/jscode2session", Family::Secret).is_some());
    assert!(faults.take_for("/sns/jscode2session", Family::Secret).is_none());
}

#[test]
fn one_fault_or_a_list_is_read_and_times_defaults_to_one() {
    let one = Fault::parse_list(json!({"fault": "notice_lost"})).unwrap();
    assert_eq!(one, [Fault::NoticeLost { times: 1 }]);
    let list =
        json!([{"fault": "notice_forged", "times": 3}, {"fault": "garbage", "path": "/pay/orderquery"}]);
    assert_eq!(Fault::parse_list(list).unwrap().len(), 2);
}

#[test]
fn a_revocation_without_a_path_hits_whatever_is_called_with_a_token() {
    let mut faults = FaultQueue::default();
    faults.0.push(Fault::TokenRevoked { path: None, stuck: false, times: 1 });
    assert!(faults.take_for("/cgi-bin/stable_token", Family::Secret).is_none());
    assert!(faults.take_for("/wxa/checksession", Family::Token).is_some());
}

#[test]
fn an_unknown_name_is_refused_with_the_known_ones() {
    let error = Fault::parse_list(json!({"fault": "bussy", "path": "/pay/orderquery"})).unwrap_err();
    assert!(error.to_string().contains("`timeout_before`"), "{error}");
}

#[test]
fn an_unknown_path_is_refused_with_the_known_ones() {
    let error = read(json!({"fault": "busy", "path": "/pay/order"})).unwrap_err();
    assert!(error.to_string().contains("/pay/unifiedorder"), "{error}");
}

#[test]
fn a_fault_that_could_never_happen_is_refused() {
    for json in [
        json!({"fault": "busy", "path": "/pay/orderquery", "times": 0}),
        json!({"fault": "busy"}),
        json!({"fault": "busy", "path": "/pay/orderquery", "tmies": 2}),
        json!({"fault": "errcode", "path": "/pay/orderquery", "errcode": 1}),
        json!({"fault": "bad_sign", "path": "/sns/jscode2session"}),
        json!({"fault": "http_status", "path": "/pay/orderquery", "status": 99}),
        json!({"fault": "quota", "path": "/pay/orderquery"}),
        json!({"fault": "token_revoked", "path": "/cgi-bin/token"}),
        json!({"fault": "ip_refused", "path": "/cgi-bin/token", "address": "somewhere"}),
        json!({"fault": "signature_probe", "path": "/pay/orderquery"}),
        json!({"fault": "clock_skew"}),
        json!({"fault": "key_rotation", "path": "/sns/jscode2session"}),
        json!({"fault": "errcode", "path": "/v3/certificates", "errcode": 1}),
        json!({"fault": "refund_outcome", "status": "PROCESSING"}),
        json!({"fault": "refund_outcome", "status": "CHANGE"}),
    ] {
        assert!(read(json.clone()).is_err(), "{json}");
    }
}

#[test]
fn the_name_is_the_one_in_json() {
    for fault in [
        Fault::Errcode { path: String::new(), errcode: 1, times: 1 },
        Fault::ErrCode { path: String::new(), err_code: String::new(), times: 1 },
        Fault::NoticeDuplicate { copies: 1, times: 1 },
        Fault::LoginBlocked { openid: String::new() },
        Fault::TokenRevoked { path: None, stuck: true, times: 1 },
        Fault::IpRefused { path: String::new(), address: String::new(), times: 1 },
        Fault::Quota { path: String::new(), times: 1 },
        Fault::SignatureProbe { path: None, times: 1 },
        Fault::ClockSkew { path: None, seconds: -300, times: 1 },
        Fault::KeyRotation { path: None, times: 1 },
        Fault::RefundOutcome { status: RefundStatus::Closed, times: 1 },
        Fault::RefundStalled { times: 1 },
        Fault::RefundBalance { times: 1 },
        Fault::BillNotReady { times: 1 },
        Fault::BillNone { times: 1 },
        Fault::BillCorrupt { times: 1 },
    ] {
        assert_eq!(serde_json::to_value(&fault).unwrap()["fault"], fault.name());
    }
}
