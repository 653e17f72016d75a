//! Pay v3: what every request is judged by and how answers are sealed, also when something goes wrong.

use http::HeaderMap;
use serde_json::json;

use super::merchant::{Answer, Request};
use super::world::World;
use crate::{Account, Options};

/// Sends a query of an order that exists after `change` has spoilt it.
async fn query(world: &World, change: impl FnOnce(&mut Request)) -> Answer {
    let mut request = world.request("GET", &world.v3_query("order-0001"), "");
    change(&mut request);
    world.send(request).await.unwrap()
}

#[tokio::test]
async fn a_success_is_signed_and_a_refusal_is_not() {
    let world = World::new().await;
    let prepaid = world.v3_post("/v3/pay/transactions/jsapi", world.v3_order()).await;
    let current = world.wechat.platform_certificates()[0].id.clone();
    assert_eq!((prepaid.status, prepaid.sealed_by()), (200, Some(current)));
    assert_eq!(prepaid.headers["wechatpay-timestamp"], "1700000042");
    assert_eq!(prepaid.headers["wechatpay-signature-type"], "WECHATPAY2-SHA256-RSA2048");
    let refused = world.v3_get(&world.v3_query("order-9999")).await;
    assert_eq!(refused.outcome(), "404 ORDER_NOT_EXIST");
    assert!(!refused.headers.contains_key("wechatpay-signature"));
}

#[tokio::test]
async fn every_part_of_the_authorization_is_judged() {
    let world = World::new().await;
    world.v3_prepay(world.v3_order()).await;
    assert_eq!(query(&world, |_| {}).await.outcome(), "200");
    let changes: [fn(&mut Request); 10] = [
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
        assert_eq!(query(&world, change).await.outcome(), "401 SIGN_ERROR", "change {n}");
    }
    // A serial number is one in small letters too: Node's client of APIv3 sends it so.
    let small = query(&world, |request| request.serial = request.serial.to_lowercase()).await;
    assert_eq!(small.outcome(), "200");
    for edge in ["1699999742", "1700000342"] {
        assert_eq!(
            query(&world, |request| request.timestamp = edge.to_owned()).await.outcome(),
            "200",
            "{edge}"
        );
    }
}

#[tokio::test]
async fn the_signature_is_over_path_query_and_body_exactly_as_sent() {
    let world = World::new().await;
    let good = world.request("GET", &world.v3_query("order-0001"), "");
    let signature = |target: &str, body: &str| {
        let message = format!("GET\n{target}\n{}\n{}\n{body}\n", good.timestamp, good.nonce);
        Some(world.wechat.pay().merchant_key().unwrap().sign(message.as_bytes()))
    };
    let path = "/v3/pay/transactions/out-trade-no/order-0001";
    for wrong in
        [signature(path, ""), signature(&good.target, "{}"), signature(&format!("{}&", good.target), "")]
    {
        let refused = query(&world, |request| {
            request.nonce.clone_from(&good.nonce);
            request.signature = wrong;
        })
        .await;
        assert_eq!(refused.outcome(), "401 SIGN_ERROR");
        let shown = &refused.json()["detail"]["sign_information"]["truncated_sign_message"];
        assert!(shown.as_str().unwrap().starts_with(&format!("GET\n{}\n", good.target)), "{shown}");
    }
    // A value that needs encoding is signed encoded.
    let mut order = world.v3_order();
    order["out_trade_no"] = "order|0001".into();
    world.v3_prepay(order).await;
    let answer = world.v3_get(&world.v3_query("order%7C0001")).await;
    assert_eq!(answer.json()["out_trade_no"], "order|0001");
}

#[tokio::test]
async fn a_nonce_belongs_to_one_request() {
    let world = World::new().await;
    world.v3_prepay(world.v3_order()).await;
    let same = |request: &mut Request| request.nonce = "n".to_owned();
    assert_eq!(query(&world, same).await.outcome(), "200");
    assert_eq!(query(&world, same).await.outcome(), "200");
    let mut other = world.request("GET", "/v3/certificates", "");
    other.nonce = "n".to_owned();
    assert_eq!(world.send(other).await.unwrap().outcome(), "401 SIGN_ERROR");
}

#[tokio::test]
async fn the_headers_say_json_and_who_calls() {
    let world = World::new().await;
    let prepay = async |header: (&'static str, &str)| {
        let body = world.v3_order().to_string();
        let mut request = world.request("POST", "/v3/pay/transactions/jsapi", &body);
        request.headers.push((header.0, header.1.to_owned()));
        world.send(request).await.unwrap().outcome()
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
async fn method_and_json_are_judged() {
    let world = World::new().await;
    let outcome = async |method, target: &str, body: &str| {
        world.send(world.request(method, target, body)).await.unwrap().outcome()
    };
    assert_eq!(outcome("GET", "/v3/pay/transactions/jsapi", "").await, "405 INVALID_REQUEST");
    assert_eq!(outcome("POST", "/v3/certificates", "{}").await, "405 INVALID_REQUEST");
    for body in ["", "[]", "{", "appid=1"] {
        assert_eq!(outcome("POST", "/v3/pay/transactions/jsapi", body).await, "400 PARAM_ERROR", "{body}");
    }
}

#[tokio::test]
async fn an_account_without_a_readable_key_is_refused_and_another_key_is_its_own() {
    let account = Account { merchant_private_key: String::new(), ..Account::default() };
    let world = World::with(Options { account, ..Options::default() }).await;
    let answer = query(&world, |request| request.signature = Some("AAAA".to_owned())).await;
    assert_eq!(answer.outcome(), "401 SIGN_ERROR");

    let account = Account {
        merchant_private_key: include_str!("../../keys/platform_2_key.pem").to_owned(),
        merchant_serial_no: "1F".to_owned(),
        ..Account::default()
    };
    let world = World::with(Options { account, ..Options::default() }).await;
    world.v3_prepay(world.v3_order()).await;
    assert!(world.wechat.canaries().iter().any(|canary| canary.starts_with("MII")));
}

#[tokio::test]
async fn busy_and_a_given_code_do_nothing() {
    let world = World::new().await;
    let path = "/v3/pay/transactions/jsapi";
    let faults = json!([
        {"fault": "busy", "path": path},
        {"fault": "err_code", "path": path, "err_code": "NO_AUTH"},
        {"fault": "http_status", "path": path, "status": 502},
    ]);
    world.fault(faults).await;
    for outcome in ["500 SYSTEM_ERROR", "403 NO_AUTH"] {
        assert_eq!(world.v3_post(path, world.v3_order()).await.outcome(), outcome);
    }
    assert_eq!(world.v3_post(path, world.v3_order()).await.status, 502);
    assert!(world.wechat.ledger().is_empty());
}

#[tokio::test]
async fn a_lost_answer_leaves_the_effect_behind() {
    let world = World::new().await;
    let path = "/v3/pay/transactions/jsapi";
    world
        .fault(json!([{"fault": "timeout_before", "path": path}, {"fault": "timeout_after", "path": path}]))
        .await;
    for orders in [0, 1] {
        let request = world.request("POST", path, &world.v3_order().to_string());
        assert!(world.send(request).await.is_err());
        assert_eq!(world.wechat.ledger().len(), orders);
    }
}

#[tokio::test]
async fn a_fault_names_a_variable_path_as_the_route_is_written() {
    let world = World::new().await;
    world.v3_prepay(world.v3_order()).await;
    let path = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
    world.fault(json!({"fault": "busy", "path": path})).await;
    assert_eq!(query(&world, |_| {}).await.outcome(), "500 SYSTEM_ERROR");
    assert_eq!(query(&world, |_| {}).await.outcome(), "200");
    let calls = world.wechat.upstream_calls();
    assert_eq!(calls[1].path, "/v3/pay/transactions/out-trade-no/order-0001");
    assert_eq!(calls[1].fault.as_deref(), Some("busy"));
}

#[tokio::test]
async fn an_answer_may_carry_a_wrong_signature_or_a_probe() {
    let world = World::new().await;
    world.v3_prepay(world.v3_order()).await;
    let path = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
    world
        .fault(json!([{"fault": "bad_sign", "path": path}, {"fault": "signature_probe", "path": path}]))
        .await;
    let is_probe = |headers: &HeaderMap| {
        headers["wechatpay-signature"].to_str().unwrap().starts_with("WECHATPAY/SIGNTEST/")
    };
    for probe in [false, true] {
        let answer = query(&world, |_| {}).await;
        assert_eq!(answer.json()["trade_state"], "NOTPAY");
        assert_eq!((answer.sealed_by(), is_probe(&answer.headers)), (None, probe));
    }
    assert!(query(&world, |_| {}).await.sealed_by().is_some());
}

#[tokio::test]
async fn a_skewed_clock_judges_the_request_and_stamps_the_answer() {
    let world = World::new().await;
    world.v3_prepay(world.v3_order()).await;
    let path = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
    world
        .fault(json!([
            {"fault": "clock_skew", "path": path, "seconds": 301},
            {"fault": "clock_skew", "path": path, "seconds": -300},
        ]))
        .await;
    assert_eq!(query(&world, |_| {}).await.outcome(), "401 SIGN_ERROR");
    let answer = query(&world, |_| {}).await;
    assert_eq!(answer.headers["wechatpay-timestamp"], "1699999742");
    assert!(answer.sealed_by().is_some(), "the signature is genuine");
}

#[tokio::test]
async fn no_secret_is_in_the_log() {
    let world = World::new().await;
    let account = world.wechat.account();
    let mut order = world.v3_order();
    order["attach"] = account.api_v3_key.clone().into();
    order["description"] = account.merchant_private_key.lines().nth(3).unwrap().into();
    world.v3_post("/v3/pay/transactions/jsapi", order).await;
    let shown = world.get_json("/_wechat/log").await.to_string();
    assert!(shown.contains("order-0001"));
    assert!(world.wechat.canaries().iter().all(|canary| !shown.contains(canary)), "{shown}");
}
