//! What WeChat Pay signs with: certificates, their rotation, and the public key.

use serde_json::json;

use super::merchant::{Answer, sealed_by};
use super::world::World;
use crate::pay::v3::resource;
use crate::{Options, PlatformMode};

async fn certificates(world: &World) -> Vec<(String, String)> {
    let answer = world.v3_get("/v3/certificates").await;
    assert!(answer.sealed_by().is_some());
    let key = &world.wechat.account().api_v3_key;
    let read = |entry: &serde_json::Value| {
        let pem = resource::decrypt(&entry["encrypt_certificate"], key).unwrap();
        assert!(entry["expire_time"].as_str().unwrap().ends_with("+08:00"));
        (entry["serial_no"].as_str().unwrap().to_owned(), pem)
    };
    answer.json()["data"].as_array().unwrap().iter().map(read).collect()
}

/// An answer to a request that names this key.
async fn answer(world: &World, named: &str) -> Answer {
    let mut request = world.request("GET", &world.v3_query("order-0001"), "");
    request.headers.push(("wechatpay-serial", named.to_owned()));
    world.send(request).await.unwrap()
}

#[tokio::test]
async fn certificates_are_downloaded_and_rotated() {
    let world = World::new().await;
    world.v3_prepay(world.v3_order()).await;
    let before = certificates(&world).await;
    assert_eq!(before.len(), 1);
    world.wechat.rotate_platform_certificate();
    let after = certificates(&world).await;
    assert_eq!(after.len(), 2);
    assert_eq!(after[1], before[0]);
    let known: Vec<_> =
        world.wechat.platform_certificates().into_iter().map(|key| (key.id, key.pem)).collect();
    assert_eq!(known, after);
    assert_eq!(answer(&world, &before[0].0).await.sealed_by(), Some(after[0].0.clone()));
}

#[tokio::test]
async fn with_the_public_key_there_are_no_certificates() {
    let options = Options { platform_mode: PlatformMode::PublicKey, ..Options::default() };
    let world = World::with(options).await;
    assert_eq!(world.v3_get("/v3/certificates").await.outcome(), "404 RESOURCE_NOT_EXISTS");
    world.v3_buy("order-0001").await;
    world.wechat.settle().await;
    let key = world.wechat.platform_public_key();
    assert!(key.id.starts_with("PUB_KEY_ID_01"));
    assert!(key.pem.starts_with("-----BEGIN PUBLIC KEY-----"));
    let (headers, body) = &world.shop.requests()[0];
    assert_eq!(sealed_by(headers, body.as_bytes()), Some(key.id.clone()));
    assert_eq!(answer(&world, "").await.sealed_by(), Some(key.id));
}

#[tokio::test]
async fn during_a_migration_a_request_that_names_the_public_key_is_answered_with_it() {
    let world = World::new().await;
    world.v3_buy("order-0001").await;
    world.wechat.settle().await;
    let (certificate, key) =
        (world.wechat.platform_certificates()[0].id.clone(), world.wechat.platform_public_key().id);
    assert_eq!(answer(&world, &key).await.sealed_by(), Some(key.clone()));
    assert_eq!(answer(&world, "").await.sealed_by(), Some(certificate.clone()));
    let (headers, body) = &world.shop.requests()[0];
    assert_eq!(sealed_by(headers, body.as_bytes()), Some(certificate), "notices follow the mode");
    world.wechat.switch_to_public_key();
    assert_eq!(answer(&world, "").await.sealed_by(), Some(key));
}

#[tokio::test]
async fn a_certificate_may_be_replaced_at_the_worst_moment() {
    let world = World::new().await;
    world.v3_prepay(world.v3_order()).await;
    let first = world.wechat.platform_certificates()[0].id.clone();
    let path = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
    world.fault(json!({"fault": "key_rotation", "path": path})).await;
    assert_ne!(answer(&world, "").await.sealed_by(), Some(first));

    let world = World::new().await;
    world.fault(json!({"fault": "key_rotation"})).await;
    world.v3_buy("order-0001").await;
    world.wechat.settle().await;
    let (headers, body) = &world.shop.requests()[0];
    assert_eq!(sealed_by(headers, body.as_bytes()), Some(world.wechat.platform_certificates()[0].id.clone()));
    assert_eq!(world.wechat.platform_certificates().len(), 2);
}

#[tokio::test]
async fn the_keys_are_controlled_over_http() {
    let world = World::new().await;
    let keys = world.get_json("/_wechat/platform_keys").await;
    assert_eq!(
        (keys["mode"].as_str(), keys["certificates"].as_array().unwrap().len()),
        (Some("certificates"), 1)
    );
    let keys = world.post_json("/_wechat/platform_keys/rotate", json!({})).await;
    assert_eq!(keys["certificates"].as_array().unwrap().len(), 2);
    let keys = world.post_json("/_wechat/platform_keys/switch_to_public_key", json!({})).await;
    assert_eq!(
        (keys["mode"].as_str(), keys["certificates"].as_array().unwrap().len()),
        (Some("public_key"), 0)
    );
}
