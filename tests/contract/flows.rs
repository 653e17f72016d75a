//! Steps of users that more than one contract test needs.

use std::time::Duration;

use e2e::{Phone, Response, World};
use local_wechat::NewUser;
use serde_json::{Value, json};

use crate::{customer_service::write_to_customer_service, media_checks::media_body};

/// What a mini program sends to `POST /api/user/profile`.
pub(crate) async fn profile_body(phone: &Phone<'_>) -> Value {
    let info = phone.wx("getUserInfo", json!({})).await.json();
    json!({ "rawData": info["rawData"], "signature": info["signature"],
            "encryptedData": info["encryptedData"], "iv": info["iv"] })
}

/// From now on the simulated WeChat has this unionid for the user of the phone.
pub(crate) fn set_unionid(world: &World, phone: &Phone<'_>, unionid: &str) {
    world.wechat().create_user(NewUser {
        openid: Some(phone.openid.clone()),
        unionid: Some(unionid.to_owned()),
        ..Default::default()
    });
}

/// The user accepts one message of the template `paid`, and the phone reports it: the body with which an operator sends it.
pub(crate) async fn accept_message(phone: &Phone<'_>) -> Value {
    phone.accept_messages("paid", 1).await;
    json!({ "openid": phone.openid, "templateId": "paid", "data": { "thing1": { "value": "矿泉水" } } })
}

/// WeChat pushes that the user has accepted a message of the template, and the back end has answered.
pub(crate) async fn push_consent(world: &World, phone: &Phone<'_>, template: &str) {
    let entry = json!({ "TemplateId": template, "SubscribeStatusString": "accept", "PopupScene": "0" });
    world.wechat().push(&phone.openid, json!({ "Event": "subscribe_msg_popup_event", "List": entry }));
    world.wechat().wait_for_notices().await;
}

/// The user's finger on the sensor: what a mini program sends to `POST /api/verify-fingerprint`.
pub(crate) async fn sign_challenge(phone: &Phone<'_>, issued: &Response) -> Value {
    let arguments = json!({ "requestAuthModes": ["fingerPrint"], "challenge": issued.text("/challenge") });
    let touched = phone.wx("startSoterAuthentication", arguments).await.json();
    json!({ "resultJSON": touched["resultJSON"], "resultJSONSignature": touched["resultJSONSignature"] })
}

/// The user shares a page into the group and enters from it: what a mini program sends to `POST /api/share/group`.
pub(crate) async fn enter_from_group(phone: &Phone<'_>, group: &str) -> Value {
    phone.wx("shareToGroup", json!({ "group": group })).await;
    let data = phone.wx("getGroupEnterInfo", json!({})).await.json();
    json!({ "encryptedData": data["encryptedData"], "iv": data["iv"] })
}

/// The rules of a board, as an operator sets them.
pub(crate) fn board_rules() -> Value {
    json!({ "order": "desc", "period": "WEEK", "min": 0, "max": 1000 })
}

/// What a mini program sends to `POST /api/record-share`.
pub(crate) fn share_intent() -> Value {
    json!({ "type": "appMessage", "page": "pages/index/index", "timestamp": 1_700_000_000_000_u64 })
}

/// A user whom an operator made staff.
pub(crate) async fn staff_user(world: &World) -> Phone<'_> {
    let phone = world.user().await;
    let path = format!("/api/admin/users/{}/role", phone.get("/api/user").await.ok().text("/user/userId"));
    world.operator("PUT", &path, &json!({ "role": "staff" })).await.ok();
    phone
}

/// Every card there is, added on the phone: what a mini program sends to `POST /api/cards/report`.
pub(crate) async fn add_every_card(phone: &Phone<'_>) -> Value {
    let offered = phone.get("/api/cards").await.ok().json();
    json!({ "addedCards": phone.wx("addCard", offered).await.json()["cardList"] })
}

/// A person with a record of a merge, cards, challenges, orders and uploads is erased, and every pass has run.
pub(crate) async fn erase_someone(world: &World) {
    let mut phone = world.person(Some("union-of-the-erased"));
    phone.log_in().await;
    let mut other = world.stranger();
    other.log_in().await;
    set_unionid(world, &other, "union-of-the-erased");
    other.log_in().await;
    let steps = phone.wx("getWeRunData", json!({})).await.json();
    let steps = json!({ "encryptedData": steps["encryptedData"], "iv": steps["iv"] });
    phone.post("/api/werun/decrypt", &steps).await.ok();
    phone.post("/api/share/group", &enter_from_group(&phone, "g").await).await.ok();
    accept_message(&phone).await;
    phone.post("/api/soter/challenge", &json!({ "purpose": "pay" })).await.ok();
    phone.post("/api/cards/report", &add_every_card(&phone).await).await.ok();
    let clerk = staff_user(world).await;
    let code = phone.get("/api/user/cards").await.ok().json()["cardList"][0]["code"].clone();
    clerk.post("/api/cards/verify", &json!({ "code": code })).await.ok();
    let picture = media_body(&phone).await;
    phone.post("/api/security/media", &picture).await.ok();
    write_to_customer_service(world, &phone).await;
    phone.buy().await;
    phone.order().await;
    phone.delete("/api/user").await.ok();
    world.bundle().drain_stream("push-events").await.expect("the stream is read");
    world.clock.advance(Duration::from_secs(16 * 60));
    world.bundle().run_task("push-events").await.expect("a run");
}

/// A picture that the phone uploads with a form of ours.
pub(crate) async fn upload_avatar(phone: &Phone<'_>) {
    let form = phone.post("/api/uploads", &avatar()).await.ok().json();
    let upload = json!({ "url": form["url"], "formData": form["fields"], "name": "file",
                         "filePath": "wxfile://tmp_1.jpg", "fileContent": "/9j/" });
    assert_eq!(phone.wx("uploadFile", upload).await.json()["statusCode"], 201);
}

/// A member card's form, filled in: what a mini program sends to `POST /api/cards/member/activate`.
pub(crate) async fn fill_in_activation(phone: &Phone<'_>, activation: &Value) -> Value {
    let to = json!({ "appId": activation["appId"], "extraData": activation["extraData"] });
    let back = phone.wx("navigateToMiniProgram", to).await.json()["extraData"].clone();
    json!({ "activateTicket": back["activate_ticket"], "cardId": back["card_id"], "code": back["code"] })
}

/// The simulator's own member card.
pub(crate) const ACTIVATION: &str = "/api/cards/member/activation?cardId=pLocalMember-Card_0000000003";

/// The body of a request for a form that uploads an avatar.
pub(crate) fn avatar() -> Value {
    json!({ "kind": "avatar", "contentType": "image/jpeg", "size": 3 })
}

/// The request for the signature of a page of this world.
pub(crate) fn page_signature(world: &World) -> String {
    format!("/api/jssdk/signature?url={}/page", world.url())
}

/// A nearby place, as an operator adds it.
pub(crate) fn nearby_place() -> Value {
    json!({
        "storeName": "小店", "contractPhone": "020-12345678", "hour": "09:00-21:30", "companyName": "小店有限公司",
        "credential": "156718193518281", "address": "新港中路 397 号", "mapPoiId": "5938314494307741153",
        "picList": ["https://a.example/1.jpg"],
        "serviceInfos": [{ "id": 2, "type": 1, "name": "快递", "appid": "wx1373169e494e0c39", "path": "index" }],
    })
}
