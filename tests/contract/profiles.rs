//! Names and pictures that users choose: what they cost, and the permissions that they need.

use e2e::{Phone, World};
use local_wechat::Fault;
use serde_json::{Value, json};

use crate::{
    flows::{board_rules, enter_from_group},
    meter::Meter,
};

/// What a user who is in no group pays for a name and a picture.
pub(crate) async fn costs(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    choose(&phone, &json!({ "nickName": "小明" })).await;
    let name = json!({ "nickName": "小红" });
    meter.of("PUT /api/user/profile, a name", choose(&phone, &name)).await;
    choose(&phone, &json!({ "avatarKey": upload(&phone).await })).await;
    process_pushes(world).await;
    let picture = json!({ "avatarKey": upload(&phone).await });
    // The push must not come while the picture is measured.
    world.wechat().set_fault(Fault::VerdictStalled { times: 1 });
    meter.of("PUT /api/user/profile, a picture", choose(&phone, &picture)).await;
}

/// A member of a group chooses a name, with a token that WeChat has withdrawn, and two pictures of which one replaces the other, and then
/// withdraws the consent to all of it while a third picture waits.
pub(crate) async fn permissions(world: &World) {
    let phone = world.user().await;
    let entered = enter_from_group(&phone, "family").await;
    let group = phone.post("/api/share/group", &entered).await.ok().text("/openGId");
    let path = Some("/wxa/msg_sec_check".to_owned());
    world.wechat().set_fault(Fault::TokenRevoked { path, stuck: false, times: 1 });
    choose(&phone, &json!({ "nickName": "小明" })).await;
    for _ in 0..2 {
        let chosen = choose(&phone, &json!({ "avatarKey": upload(&phone).await })).await;
        download(world, &chosen["user"]["avatarUrl"]).await;
        process_pushes(world).await;
    }
    let shown = phone.get("/api/user").await.ok().json();
    download(world, &shown["user"]["avatarUrl"]).await;
    download_from_rankings(world, &phone, &group).await;
    world.wechat().set_fault(Fault::VerdictStalled { times: 1 });
    choose(&phone, &json!({ "avatarKey": upload(&phone).await })).await;
    let missing =
        json!({ "avatarKey": upload(&phone).await.as_str().expect("a key").replace(".jpg", ".png") });
    assert_eq!(phone.put("/api/user/profile", &missing).await.outcome(), "404 NOT_FOUND");
    let event = json!({ "Event": "user_authorization_revoke", "OpenID": phone.openid, "RevokeInfo": "1" });
    world.wechat().push(&phone.openid, event);
    process_pushes(world).await;
}

/// The user's picture in the rankings of the group by steps and by scores.
async fn download_from_rankings(world: &World, phone: &Phone<'_>, group: &str) {
    let steps = phone.wx("getWeRunData", json!({})).await.json();
    let steps = json!({ "encryptedData": steps["encryptedData"], "iv": steps["iv"] });
    phone.post("/api/werun/decrypt", &steps).await.ok();
    world.operator("PUT", "/api/admin/boards/faces", &board_rules()).await.ok();
    phone.post("/api/scores", &json!({ "board": "faces", "score": 7 })).await.ok();
    for path in ["/api/werun/rank?", "/api/scores/rank?board=faces&"] {
        let ranking = phone.get(&format!("{path}openGId={group}")).await.ok().json();
        download(world, &ranking["rankList"][0]["avatarUrl"]).await;
    }
}

async fn choose(phone: &Phone<'_>, body: &Value) -> Value {
    phone.put("/api/user/profile", body).await.ok().json()
}

async fn upload(phone: &Phone<'_>) -> Value {
    phone.upload("avatar", "image/jpeg", b"\xff\xd8\xff").await["objectKey"].clone()
}

async fn download(world: &World, url: &Value) {
    let answer = world.http().get(url.as_str().expect("an address")).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{url}");
}

async fn process_pushes(world: &World) {
    world.wechat().wait_for_notices().await;
    world.bundle().drain_stream("push-events").await.expect("the stream is read");
}
