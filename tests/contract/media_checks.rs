//! Checks of pictures and sounds: what they cost, and the permissions that they need.

use std::time::Duration;

use e2e::{Phone, World};
use local_wechat::Fault;
use serde_json::{Value, json};
use shared::{
    service::AvatarChecker,
    types::{Caller, ObjectKey, OpenId, UnixSeconds},
};

use crate::{flows::avatar, meter::Meter};

/// What checks cost.
pub(crate) async fn costs(meter: &mut Meter<'_>, phone: &Phone<'_>) {
    let world = meter.world;
    let drain = || world.bundle().drain_stream("push-events");
    phone.post(MEDIA, &media_body(phone).await).await.ok();
    world.wechat().wait_for_notices().await;
    drain().await.expect("the stream is read");
    let body = media_body(phone).await;
    // The push must not come while the check is measured.
    world.wechat().set_fault(Fault::VerdictStalled { times: 1 });
    let started = meter.of("POST /api/security/media", phone.post(MEDIA, &body)).await.ok();
    world.wechat().finish_media_check(&started.text("/traceId"));
    world.wechat().wait_for_notices().await;
    meter.of("push-events, a verdict", drain()).await.expect("the stream is read");
    let path = format!("/api/security/results/{}", started.text("/traceId"));
    meter.of("GET /api/security/results/{traceId}", phone.get(&path)).await.ok();
}

/// Uploads that WeChat judges: one at once, one at its second call, one that has not arrived, and two pictures of which one replaces the
/// other.
pub(crate) async fn permissions(world: &World, phone: &Phone<'_>) {
    phone.post(MEDIA, &media_body(phone).await).await.ok();
    world.wechat().wait_for_notices().await;
    world.wechat().set_fault(Fault::VerdictStalled { times: 1 });
    let trace_id = phone.post(MEDIA, &media_body(phone).await).await.ok().text("/traceId");
    world.clock.advance(Duration::from_secs(35 * 60));
    let path = Some("/wxa/media_check_async".to_owned());
    world.wechat().set_fault(Fault::TokenRevoked { path, stuck: false, times: 1 });
    world.bundle().run_task("push-events").await.expect("a run");
    world.wechat().wait_for_notices().await;
    world.bundle().drain_stream("push-events").await.expect("the stream is read");
    let result = phone.get(&format!("/api/security/results/{trace_id}")).await.ok();
    assert_eq!(result.text("/state"), "PASS");
    let form = phone.post("/api/uploads", &avatar()).await.ok().json();
    let lost = json!({ "objectKey": form["objectKey"], "mediaType": "image", "scene": 1 });
    assert_eq!(phone.post(MEDIA, &lost).await.outcome(), "404 NOT_FOUND");
    for _ in 0..2 {
        check_avatar(world, phone).await;
    }
}

/// What a mini program sends to `POST /api/security/media`, with a picture that was uploaded.
pub(crate) async fn media_body(phone: &Phone<'_>) -> Value {
    let form = phone.upload("image", "image/gif", b"GIF89a").await;
    json!({ "objectKey": form["objectKey"], "mediaType": "image", "scene": 3 })
}

/// A picture that its user wants to show is checked; the verdict has come and is processed.
async fn check_avatar(world: &World, phone: &Phone<'_>) {
    let form = phone.upload("avatar", "image/jpeg", b"\xff\xd8\xff").await;
    let key = ObjectKey::parse(form["objectKey"].as_str().expect("a key")).expect("a key");
    let caller = Caller {
        user_id: key.owner().clone(),
        openid: OpenId::parse(&phone.openid).expect("an openid"),
        issued_at: UnixSeconds::new(0),
    };
    let checker = AvatarChecker::new(&world.operator_host("push-events")).expect("its settings");
    checker.begin(&caller, &key).await.expect("a check");
    world.wechat().wait_for_notices().await;
    world.bundle().drain_stream("push-events").await.expect("the stream is read");
}

const MEDIA: &str = "/api/security/media";
