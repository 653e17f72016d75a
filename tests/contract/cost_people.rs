//! What it costs to log in, and what else a user does without buying: phone numbers, steps, cards, fingerprints.

use std::time::Duration;

use serde_json::json;

use crate::{
    flows::{
        ACTIVATION, add_every_card, fill_in_activation, profile_body, set_unionid, sign_challenge, staff_user,
    },
    meter::Meter,
};

pub(crate) async fn people(meter: &mut Meter<'_>) {
    let world = meter.world;
    let mut phone = world.stranger();
    let code = json!({ "code": phone.code().await });
    let login = meter.of("POST /api/login, a new user", world.post("/api/login", &code)).await.ok();
    phone.token = login.text("/token");
    world.clock.advance(Duration::from_secs(1));
    let code = json!({ "code": phone.code().await });
    meter.of("POST /api/login, a known user", world.post("/api/login", &code)).await.ok();
    set_unionid(world, &phone, "union-of-another-user");
    world.clock.advance(Duration::from_secs(1));
    let code = json!({ "code": phone.code().await });
    let learned = "POST /api/login, a known user whose unionid is new";
    meter.of(learned, world.post("/api/login", &code)).await.ok();
    let new = world.person(Some("union-of-another"));
    let code = json!({ "code": new.code().await });
    meter.of("POST /api/login, a new user with a unionid", world.post("/api/login", &code)).await.ok();

    let user = meter.of("GET /api/user", phone.get("/api/user")).await.ok();
    let anonymous = world.send(world.request("GET", "/api/user").bearer_auth("x.y.z"));
    assert_eq!(meter.of("GET /api/user, a bad token", anonymous).await.status, 401);
    let body = profile_body(&phone).await;
    meter.of("POST /api/user/profile", phone.post("/api/user/profile", &body)).await.ok();
    let path = format!("/api/admin/users/{}/role", user.text("/user/userId"));
    let staff = json!({ "role": "staff" });
    let role = world.operator("PUT", &path, &staff);
    meter.of("PUT /api/admin/users/{userId}/role", role).await.ok();
}

pub(crate) async fn phones(meter: &mut Meter<'_>) {
    let world = meter.world;
    let phone = world.user().await;
    let tapped = phone.wx("getPhoneNumber", json!({})).await.json();
    let code = json!({ "code": tapped["code"] });
    meter.of("POST /api/decrypt-phone", phone.post("/api/decrypt-phone", &code)).await.ok();
    meter.of("POST /api/decrypt-phone, again", phone.post("/api/decrypt-phone", &code)).await.ok();
    let data = json!({ "encryptedData": tapped["encryptedData"], "iv": tapped["iv"] });
    let decrypted = phone.post("/api/decrypt-phone", &data);
    meter.of("POST /api/decrypt-phone, encrypted", decrypted).await.ok();
    let renewed = meter.of("access-token", world.bundle().run_task("access-token")).await;
    assert!(renewed.is_ok(), "{renewed:?}");
}

pub(crate) async fn cards(meter: &mut Meter<'_>) {
    let world = meter.world;
    let (phone, clerk) = (world.user().await, staff_user(world).await);
    let report = add_every_card(&phone).await;
    let reported = meter.of("POST /api/cards/report, three cards", phone.post("/api/cards/report", &report));
    reported.await.ok();
    let again = phone.post("/api/cards/report", &report);
    meter.of("POST /api/cards/report, three cards, again", again).await.ok();
    meter.of("GET /api/cards, a code to be made", phone.get("/api/cards")).await.ok();
    meter.of("GET /api/cards", phone.get("/api/cards")).await.ok();
    let held = meter.of("GET /api/user/cards", phone.get("/api/user/cards")).await.ok().json();
    let code = json!({ "code": held["cardList"][0]["code"] });
    meter.of("POST /api/cards/verify", clerk.post("/api/cards/verify", &code)).await.ok();
    let again = meter.of("POST /api/cards/verify, again", clerk.post("/api/cards/verify", &code)).await;
    assert_eq!(again.outcome(), "409 ALREADY_CONSUMED");
    let activation = meter.of("GET /api/cards/member/activation", phone.get(ACTIVATION)).await.ok().json();
    let (path, filled) = ("/api/cards/member/activate", fill_in_activation(&phone, &activation).await);
    meter.of("POST /api/cards/member/activate", phone.post(path, &filled)).await.ok();
    meter.of("POST /api/cards/member/activate, again", phone.post(path, &filled)).await.ok();
}

pub(crate) async fn fingers(meter: &mut Meter<'_>) {
    let phone = meter.world.user().await;
    let purpose = json!({ "purpose": "pay" });
    let issued =
        meter.of("POST /api/soter/challenge", phone.post("/api/soter/challenge", &purpose)).await.ok();
    let result = sign_challenge(&phone, &issued).await;
    let verify = async || phone.post("/api/verify-fingerprint", &result).await;
    meter.of("POST /api/verify-fingerprint", verify()).await.ok();
    assert_eq!(meter.of("POST /api/verify-fingerprint, again", verify()).await.status, 409);
}
