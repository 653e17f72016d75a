//! Tests of WeChat Pay's keys: certificates, their rotation, and the public key.

use serde_json::json;

use super::fixture::Fixture;
use super::merchant::{TestResponse, signed_by};
use crate::pay::v3::resource;
use crate::{PlatformMode, SimulatorOptions};

async fn certificates(fixture: &Fixture) -> Vec<(String, String)> {
    let answer = fixture.v3_get("/v3/certificates").await;
    assert!(answer.signed_by().is_some());
    let key = &fixture.wechat.account().api_v3_key;
    let read = |entry: &serde_json::Value| {
        let pem = resource::decrypt(&entry["encrypt_certificate"], key).unwrap();
        assert!(entry["expire_time"].as_str().unwrap().ends_with("+08:00"));
        (entry["serial_no"].as_str().unwrap().to_owned(), pem)
    };
    answer.json()["data"].as_array().unwrap().iter().map(read).collect()
}

/// The response to a request that names this key.
async fn answer(fixture: &Fixture, named: &str) -> TestResponse {
    let mut request = fixture.request("GET", &fixture.v3_query("order-0001"), "");
    request.headers.push(("wechatpay-serial", named.to_owned()));
    fixture.send(request).await.unwrap()
}

#[tokio::test]
async fn certificates_are_downloaded_and_rotated() {
    let fixture = Fixture::new().await;
    fixture.v3_prepay(fixture.v3_order()).await;
    let before = certificates(&fixture).await;
    assert_eq!(before.len(), 1);
    fixture.wechat.rotate_platform_certificate();
    let after = certificates(&fixture).await;
    assert_eq!(after.len(), 2);
    assert_eq!(after[1], before[0]);
    let known: Vec<_> =
        fixture.wechat.platform_certificates().into_iter().map(|key| (key.id, key.pem)).collect();
    assert_eq!(known, after);
    assert_eq!(answer(&fixture, &before[0].0).await.signed_by(), Some(after[0].0.clone()));
}

#[tokio::test]
async fn with_the_public_key_there_are_no_certificates() {
    let options = SimulatorOptions { platform_mode: PlatformMode::PublicKey, ..SimulatorOptions::default() };
    let fixture = Fixture::with(options).await;
    assert_eq!(fixture.v3_get("/v3/certificates").await.outcome(), "404 RESOURCE_NOT_EXISTS");
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let key = fixture.wechat.platform_public_key();
    assert!(key.id.starts_with("PUB_KEY_ID_01"));
    assert!(key.pem.starts_with("-----BEGIN PUBLIC KEY-----"));
    let (headers, body) = &fixture.receiver.requests()[0];
    assert_eq!(signed_by(headers, body.as_bytes()), Some(key.id.clone()));
    assert_eq!(answer(&fixture, "").await.signed_by(), Some(key.id));
}

#[tokio::test]
async fn a_request_that_names_the_public_key_is_answered_with_that_key() {
    let fixture = Fixture::new().await;
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let (certificate, key) =
        (fixture.wechat.platform_certificates()[0].id.clone(), fixture.wechat.platform_public_key().id);
    assert_eq!(answer(&fixture, &key).await.signed_by(), Some(key.clone()));
    assert_eq!(answer(&fixture, "").await.signed_by(), Some(certificate.clone()));
    let (headers, body) = &fixture.receiver.requests()[0];
    assert_eq!(signed_by(headers, body.as_bytes()), Some(certificate), "notices follow the mode");
    fixture.wechat.switch_to_public_key();
    assert_eq!(answer(&fixture, "").await.signed_by(), Some(key));
}

#[tokio::test]
async fn a_fault_rotates_the_certificate_before_an_answer_or_a_notice() {
    let fixture = Fixture::new().await;
    fixture.v3_prepay(fixture.v3_order()).await;
    let first = fixture.wechat.platform_certificates()[0].id.clone();
    let path = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
    fixture.add_faults(json!({"fault": "key_rotation", "path": path})).await;
    assert_ne!(answer(&fixture, "").await.signed_by(), Some(first));

    let fixture = Fixture::new().await;
    fixture.add_faults(json!({"fault": "key_rotation"})).await;
    fixture.v3_buy("order-0001").await;
    fixture.wechat.wait_for_notices().await;
    let (headers, body) = &fixture.receiver.requests()[0];
    assert_eq!(
        signed_by(headers, body.as_bytes()),
        Some(fixture.wechat.platform_certificates()[0].id.clone())
    );
    assert_eq!(fixture.wechat.platform_certificates().len(), 2);
}

#[tokio::test]
async fn the_keys_are_controlled_over_http() {
    let fixture = Fixture::new().await;
    let keys = fixture.get_json("/_wechat/platform_keys").await;
    assert_eq!(
        (keys["mode"].as_str(), keys["certificates"].as_array().unwrap().len()),
        (Some("certificates"), 1)
    );
    let keys = fixture.post_json("/_wechat/platform_keys/rotate", json!({})).await;
    assert_eq!(keys["certificates"].as_array().unwrap().len(), 2);
    let keys = fixture.post_json("/_wechat/platform_keys/switch_to_public_key", json!({})).await;
    assert_eq!(
        (keys["mode"].as_str(), keys["certificates"].as_array().unwrap().len()),
        (Some("public_key"), 0)
    );
}
