//! Tests of the checks and signatures that all APIs of Pay v3 share, with and without faults.

use http::HeaderMap;
use serde_json::json;

use super::fixture::Fixture;
use super::merchant::{TestRequest, TestResponse};
use crate::{Account, SimulatorOptions};

/// Sends a query of an existing order, changed by `change`.
async fn query(fixture: &Fixture, change: impl FnOnce(&mut TestRequest)) -> TestResponse {
    let mut request = fixture.request("GET", &fixture.v3_query("order-0001"), "");
    change(&mut request);
    fixture.send(request).await.unwrap()
}

#[tokio::test]
async fn a_success_is_signed_and_a_refusal_is_not() {
    let fixture = Fixture::new().await;
    let prepaid = fixture.v3_post("/v3/pay/transactions/jsapi", fixture.v3_order()).await;
    let current = fixture.wechat.platform_certificates()[0].id.clone();
    assert_eq!((prepaid.status, prepaid.signed_by()), (200, Some(current)));
    assert_eq!(prepaid.headers["wechatpay-timestamp"], "1700000042");
    assert_eq!(prepaid.headers["wechatpay-signature-type"], "WECHATPAY2-SHA256-RSA2048");
    let refused = fixture.v3_get(&fixture.v3_query("order-9999")).await;
    assert_eq!(refused.outcome(), "404 ORDER_NOT_EXIST");
    assert!(!refused.headers.contains_key("wechatpay-signature"));
}

#[tokio::test]
async fn every_part_of_the_authorization_is_checked() {
    let fixture = Fixture::new().await;
    fixture.v3_prepay(fixture.v3_order()).await;
    assert_eq!(query(&fixture, |_| {}).await.outcome(), "200");
    let changes: [fn(&mut TestRequest); 10] = [
        |request| request.mchid = "1600000000".to_owned(),
        |request| request.nonce = "123456789012345678901234567890123".to_owned(),
        |request| request.nonce = String::new(),
        |request| request.timestamp = "1699999741".to_owned(),
        |request| request.timestamp = "1700000343".to_owned(),
        |request| request.timestamp = "+1700000042".to_owned(),
        |request| request.serial = "573D0E5B5F49FEDE3895E20FCE059585CDE615C1".to_owned(),
        |request| request.signature = Some("AAAA".to_owned()),
        |request| request.headers.push(("authorization", String::new())),
        |request| request.headers.push(("authorization", "Bearer x".to_owned())),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        assert_eq!(query(&fixture, change).await.outcome(), "401 SIGN_ERROR", "change {n}");
    }
    // A serial number may be in lower case, because a Node client of APIv3 sends it like this.
    let small = query(&fixture, |request| request.serial = request.serial.to_lowercase()).await;
    assert_eq!(small.outcome(), "200");
    for edge in ["1699999742", "1700000342"] {
        assert_eq!(
            query(&fixture, |request| request.timestamp = edge.to_owned()).await.outcome(),
            "200",
            "{edge}"
        );
    }
}

#[tokio::test]
async fn the_signature_is_over_path_query_and_body_exactly_as_sent() {
    let fixture = Fixture::new().await;
    let good = fixture.request("GET", &fixture.v3_query("order-0001"), "");
    let signature = |target: &str, body: &str| {
        let message = format!("GET\n{target}\n{}\n{}\n{body}\n", good.timestamp, good.nonce);
        Some(fixture.wechat.pay().merchant_key().unwrap().sign(message.as_bytes()))
    };
    let path = "/v3/pay/transactions/out-trade-no/order-0001";
    for wrong in
        [signature(path, ""), signature(&good.target, "{}"), signature(&format!("{}&", good.target), "")]
    {
        let refused = query(&fixture, |request| {
            request.nonce.clone_from(&good.nonce);
            request.signature = wrong;
        })
        .await;
        assert_eq!(refused.outcome(), "401 SIGN_ERROR");
        let shown = &refused.json()["detail"]["sign_information"]["truncated_sign_message"];
        assert!(shown.as_str().unwrap().starts_with(&format!("GET\n{}\n", good.target)), "{shown}");
    }
    // A value in the path is signed in its encoded form.
    let mut order = fixture.v3_order();
    order["out_trade_no"] = "order|0001".into();
    fixture.v3_prepay(order).await;
    let answer = fixture.v3_get(&fixture.v3_query("order%7C0001")).await;
    assert_eq!(answer.json()["out_trade_no"], "order|0001");
}

#[tokio::test]
async fn a_nonce_belongs_to_one_request() {
    let fixture = Fixture::new().await;
    fixture.v3_prepay(fixture.v3_order()).await;
    let same = |request: &mut TestRequest| request.nonce = "n".to_owned();
    assert_eq!(query(&fixture, same).await.outcome(), "200");
    assert_eq!(query(&fixture, same).await.outcome(), "200");
    let mut other = fixture.request("GET", "/v3/certificates", "");
    other.nonce = "n".to_owned();
    assert_eq!(fixture.send(other).await.unwrap().outcome(), "401 SIGN_ERROR");
}

#[tokio::test]
async fn the_headers_say_json_and_who_calls() {
    let fixture = Fixture::new().await;
    let prepay = async |header: (&'static str, &str)| {
        let body = fixture.v3_order().to_string();
        let mut request = fixture.request("POST", "/v3/pay/transactions/jsapi", &body);
        request.headers.push((header.0, header.1.to_owned()));
        fixture.send(request).await.unwrap().outcome()
    };
    assert_eq!(prepay(("accept", "text/html")).await, "400 PARAM_ERROR");
    assert_eq!(prepay(("user-agent", "")).await, "400 PARAM_ERROR");
    assert_eq!(prepay(("content-type", "")).await, "400 PARAM_ERROR");
    assert_eq!(prepay(("content-type", "text/plain")).await, "400 PARAM_ERROR");
    assert_eq!(prepay(("accept", "text/html, application/json;q=0.9")).await, "200");
    assert_eq!(prepay(("accept", "*/*")).await, "200");
    assert_eq!(prepay(("content-type", "application/json; charset=utf-8")).await, "200");
}

#[tokio::test]
async fn method_and_json_are_checked() {
    let fixture = Fixture::new().await;
    let outcome = async |method, target: &str, body: &str| {
        fixture.send(fixture.request(method, target, body)).await.unwrap().outcome()
    };
    assert_eq!(outcome("GET", "/v3/pay/transactions/jsapi", "").await, "405 INVALID_REQUEST");
    assert_eq!(outcome("POST", "/v3/certificates", "{}").await, "405 INVALID_REQUEST");
    for body in ["", "[]", "{", "appid=1"] {
        assert_eq!(outcome("POST", "/v3/pay/transactions/jsapi", body).await, "400 PARAM_ERROR", "{body}");
    }
}

#[tokio::test]
async fn signatures_are_verified_with_the_accounts_own_key() {
    let account = Account { merchant_private_key: String::new(), ..Account::default() };
    let fixture = Fixture::with(SimulatorOptions { account, ..SimulatorOptions::default() }).await;
    let answer = query(&fixture, |request| request.signature = Some("AAAA".to_owned())).await;
    assert_eq!(answer.outcome(), "401 SIGN_ERROR");

    let account = Account {
        merchant_private_key: include_str!("../../keys/platform_2_key.pem").to_owned(),
        merchant_serial_no: "1F".to_owned(),
        ..Account::default()
    };
    let fixture = Fixture::with(SimulatorOptions { account, ..SimulatorOptions::default() }).await;
    fixture.v3_prepay(fixture.v3_order()).await;
    assert!(fixture.wechat.secrets().iter().any(|secret| secret.starts_with("MII")));
}

#[tokio::test]
async fn busy_and_a_given_code_do_nothing() {
    let fixture = Fixture::new().await;
    let path = "/v3/pay/transactions/jsapi";
    let faults = json!([
        {"fault": "busy", "path": path},
        {"fault": "err_code", "path": path, "err_code": "NO_AUTH"},
        {"fault": "http_status", "path": path, "status": 502},
    ]);
    fixture.add_faults(faults).await;
    for outcome in ["500 SYSTEM_ERROR", "403 NO_AUTH"] {
        assert_eq!(fixture.v3_post(path, fixture.v3_order()).await.outcome(), outcome);
    }
    assert_eq!(fixture.v3_post(path, fixture.v3_order()).await.status, 502);
    assert!(fixture.wechat.ledger().is_empty());
}

#[tokio::test]
async fn a_lost_answer_leaves_the_effect_behind() {
    let fixture = Fixture::new().await;
    let path = "/v3/pay/transactions/jsapi";
    fixture
        .add_faults(
            json!([{"fault": "timeout_before", "path": path}, {"fault": "timeout_after", "path": path}]),
        )
        .await;
    for orders in [0, 1] {
        let request = fixture.request("POST", path, &fixture.v3_order().to_string());
        assert!(fixture.send(request).await.is_err());
        assert_eq!(fixture.wechat.ledger().len(), orders);
    }
}

#[tokio::test]
async fn a_fault_names_a_variable_path_as_the_route_is_written() {
    let fixture = Fixture::new().await;
    fixture.v3_prepay(fixture.v3_order()).await;
    let path = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
    fixture.add_faults(json!({"fault": "busy", "path": path})).await;
    assert_eq!(query(&fixture, |_| {}).await.outcome(), "500 SYSTEM_ERROR");
    assert_eq!(query(&fixture, |_| {}).await.outcome(), "200");
    let calls = fixture.wechat.upstream_calls();
    assert_eq!(calls[1].path, "/v3/pay/transactions/out-trade-no/order-0001");
    assert_eq!(calls[1].fault.as_deref(), Some("busy"));
}

#[tokio::test]
async fn a_fault_signs_an_answer_wrongly_or_with_a_probe() {
    let fixture = Fixture::new().await;
    fixture.v3_prepay(fixture.v3_order()).await;
    let path = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
    fixture
        .add_faults(json!([{"fault": "bad_sign", "path": path}, {"fault": "signature_probe", "path": path}]))
        .await;
    let is_probe = |headers: &HeaderMap| {
        headers["wechatpay-signature"].to_str().unwrap().starts_with("WECHATPAY/SIGNTEST/")
    };
    for probe in [false, true] {
        let answer = query(&fixture, |_| {}).await;
        assert_eq!(answer.json()["trade_state"], "NOTPAY");
        assert_eq!((answer.signed_by(), is_probe(&answer.headers)), (None, probe));
    }
    assert!(query(&fixture, |_| {}).await.signed_by().is_some());
}

#[tokio::test]
async fn a_skewed_clock_checks_the_request_and_stamps_the_answer() {
    let fixture = Fixture::new().await;
    fixture.v3_prepay(fixture.v3_order()).await;
    let path = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
    fixture
        .add_faults(json!([
            {"fault": "clock_skew", "path": path, "seconds": 301},
            {"fault": "clock_skew", "path": path, "seconds": -300},
        ]))
        .await;
    assert_eq!(query(&fixture, |_| {}).await.outcome(), "401 SIGN_ERROR");
    let answer = query(&fixture, |_| {}).await;
    assert_eq!(answer.headers["wechatpay-timestamp"], "1699999742");
    assert!(answer.signed_by().is_some(), "the signature is genuine");
}

#[tokio::test]
async fn no_secret_is_in_the_log() {
    let fixture = Fixture::new().await;
    let account = fixture.wechat.account();
    let mut order = fixture.v3_order();
    order["attach"] = account.api_v3_key.clone().into();
    order["description"] = account.merchant_private_key.lines().nth(3).unwrap().into();
    fixture.v3_post("/v3/pay/transactions/jsapi", order).await;
    let shown = fixture.get_json("/_wechat/log").await.to_string();
    assert!(shown.contains("order-0001"));
    assert!(fixture.wechat.secrets().iter().all(|secret| !shown.contains(secret)), "{shown}");
}
