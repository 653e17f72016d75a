//! What steps, shares and groups cost.

use local_wechat::StepInfo;
use serde_json::json;

use crate::{
    flows::{board_rules, enter_from_group, share_intent},
    meter::Meter,
    money,
};

/// Steps of a user who is in no group, and of one who is.
pub(crate) async fn steps(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let data = phone.wx("getWeRunData", json!({})).await.json();
    let data = json!({ "encryptedData": data["encryptedData"], "iv": data["iv"] });
    meter.of("POST /api/werun/decrypt", phone.post("/api/werun/decrypt", &data)).await.ok();
    meter.of("GET /api/werun/summary", phone.get("/api/werun/summary")).await.ok();
    let group = phone.post("/api/share/group", &enter_from_group(&phone, "g").await).await.ok();
    let step = StepInfo { timestamp: world.now(), step: 60_000 };
    world.wechat().set_steps(&phone.openid, [step]);
    let data = phone.wx("getWeRunData", json!({})).await.json();
    let data = json!({ "encryptedData": data["encryptedData"], "iv": data["iv"] });
    meter.of("POST /api/werun/decrypt, of a member", phone.post("/api/werun/decrypt", &data)).await.ok();
    let rank = format!("/api/werun/rank?openGId={}", group.text("/openGId"));
    meter.of("GET /api/werun/rank", phone.get(&rank)).await.ok();
}

/// An intent, entries, a group, and the list.
pub(crate) async fn shares(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let intent = share_intent();
    let shared = meter.of("POST /api/record-share", phone.post("/api/record-share", &intent)).await.ok();
    let entry = json!({ "shareId": shared.text("/shareId") });
    let enter = || world.post("/api/share/entry", &entry);
    meter.of("POST /api/share/entry", enter()).await.ok();
    meter.of("POST /api/share/entry, again", enter()).await.ok();
    let group = enter_from_group(&phone, "g").await;
    meter.of("POST /api/share/group", phone.post("/api/share/group", &group)).await.ok();
    let nothing = json!({});
    let list = world.operator("GET", "/api/admin/shares", &nothing);
    meter.of("GET /api/admin/shares", list).await.ok();
}

/// A board, scores on it, and its ranking.
pub(crate) async fn scores(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let (path, rules, nothing) = ("/api/admin/boards/b", board_rules(), json!({}));
    meter.of("PUT /api/admin/boards/{board}", world.operator("PUT", path, &rules)).await.ok();
    meter.of("GET /api/admin/boards/{board}", world.operator("GET", path, &nothing)).await.ok();
    let group = phone.post("/api/share/group", &enter_from_group(&phone, "g").await).await.ok();
    let score = json!({ "board": "b", "score": 7, "level": 1 });
    meter.of("POST /api/scores", phone.post("/api/scores", &score)).await.ok();
    meter.of("POST /api/scores, not better", phone.post("/api/scores", &score)).await.ok();
    let rank = format!("/api/scores/rank?board=b&openGId={}", group.text("/openGId"));
    phone.get(&rank).await.ok();
    meter.of("GET /api/scores/rank", phone.get(&rank)).await.ok();
}

/// WeChat's figures of a day. Those of the days before are known.
pub(crate) async fn figures(meter: &mut Meter<'_>) {
    let world = meter.world;
    money::advance_to_next_noon(world);
    world.bundle().run_task("share-figures").await.expect("a run");
    money::advance_to_next_noon(world);
    let figures = world.bundle().run_task("share-figures");
    meter.of("share-figures, a day", figures).await.expect("a run");
}
