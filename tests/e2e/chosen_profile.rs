//! `PUT /api/user/profile`

use std::time::Duration;

use e2e::{Phone, Requests, Response, World};
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::Fault;
use serde_json::{Value, json};

use crate::{
    media_check::{settle, stored},
    werun::{enter_group, rank, sync, walk},
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n a face";
const RISKY_PNG: &[u8] = b"\x89PNG\r\n\x1a\n risky:20002 ";

async fn choose(phone: &Phone<'_>, body: &Value) -> Response {
    phone.put("/api/user/profile", body).await
}

/// Uploads the picture; its key.
async fn upload(phone: &Phone<'_>, bytes: &[u8]) -> String {
    let form = phone.upload("avatar", "image/png", bytes).await;
    form["objectKey"].as_str().expect("a key").to_owned()
}

/// The user's own record, and what of it is pending.
async fn own(phone: &Phone<'_>) -> (Value, Value) {
    let answer = phone.get("/api/user").await.ok().json();
    (answer["user"].clone(), answer["pending"].clone())
}

/// What others would see.
async fn shown_name(world: &World, phone: &Phone<'_>) -> Value {
    let path = format!("/api/admin/users/{}/role", own(phone).await.0["userId"].as_str().expect("an id"));
    world.operator("PUT", &path, &json!({ "role": "user" })).await.ok().json()["user"]["nickName"].clone()
}

/// The bytes that the address of a picture gives.
async fn download(world: &World, url: &Value) -> Vec<u8> {
    let answer = world.http().get(url.as_str().expect("an address")).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.bytes().await.expect("bytes").to_vec()
}

#[tokio::test]
async fn a_name_that_wechat_passes_is_shown_and_one_for_review_is_pending() {
    let world = World::start().await;
    let phone = world.user().await;
    assert_eq!(choose(&phone, &json!({ "nickName": " 小明 " })).await.ok().text("/user/nickName"), "小明");
    let (answer, cost) = world.count_requests(choose(&phone, &json!({ "nickName": "小红" }))).await;
    assert_eq!(answer.ok().json().get("pending"), None);
    assert_eq!(cost, Requests { dynamodb: 3, wechat: 1 });
    let review = choose(&phone, &json!({ "nickName": "review:10001" })).await.ok().json();
    assert_eq!(
        (&review["user"]["nickName"], &review["pending"]),
        (&json!("review:10001"), &json!(["nickName"]))
    );
    assert_eq!(shown_name(&world, &phone).await, "小红");
    choose(&phone, &json!({ "nickName": "小刚" })).await.ok();
    assert_eq!(own(&phone).await.1, Value::Null);
    assert_eq!(shown_name(&world, &phone).await, "小刚");
}

#[tokio::test]
async fn a_name_that_must_not_be_shown_is_refused_and_nothing_changes() {
    let world = World::start().await;
    let phone = world.user().await;
    choose(&phone, &json!({ "nickName": "小明" })).await.ok();
    let body = json!({ "nickName": "risky:20002", "avatarKey": upload(&phone, PNG).await });
    let refused = choose(&phone, &body).await;
    assert_eq!(refused.outcome(), "400 INVALID_INPUT");
    assert!(refused.body.contains("nickName"), "{}", refused.body);
    world.wechat().set_fault(Fault::Errcode { path: "/wxa/msg_sec_check".to_owned(), errcode: -1, times: 9 });
    assert_eq!(choose(&phone, &json!({ "nickName": "小红" })).await.outcome(), "503 UPSTREAM_BUSY");
    let (user, pending) = own(&phone).await;
    assert_eq!((&user["nickName"], user.get("avatarUrl"), pending), (&json!("小明"), None, Value::Null));
}

#[tokio::test]
async fn a_picture_is_the_user_s_at_once_and_shown_after_the_verdict() {
    let world = World::start().await;
    let phone = world.user().await;
    let key = upload(&phone, PNG).await;
    let chosen = choose(&phone, &json!({ "nickName": "小明", "avatarKey": key })).await.ok().json();
    assert_eq!(chosen["pending"], json!(["avatar"]));
    assert_eq!(
        download(&world, &chosen["user"]["avatarUrl"]).await,
        PNG,
        "the user sees the picture already"
    );
    settle(&world).await;
    let (user, pending) = own(&phone).await;
    assert_eq!((download(&world, &user["avatarUrl"]).await, pending), (PNG.to_vec(), Value::Null));
    assert!(user["avatarUrl"].as_str().is_some_and(|url| url.contains("/avatars/")), "{user}");
    let key = upload(&phone, RISKY_PNG).await;
    choose(&phone, &json!({ "avatarKey": key })).await.ok();
    settle(&world).await;
    let (user, pending) = own(&phone).await;
    assert_eq!((download(&world, &user["avatarUrl"]).await, pending), (PNG.to_vec(), Value::Null));
}

#[tokio::test]
async fn a_ranking_shows_what_passed_and_forgets_it_with_the_consent() {
    let world = World::start().await;
    let (phone, other) = (world.user().await, world.user().await);
    choose(&phone, &json!({ "nickName": "小明" })).await.ok();
    walk(&world, &phone, &[500]);
    sync(&phone).await.ok();
    let group = enter_group(&phone, "family").await;
    enter_group(&other, "family").await;
    let row = || async { rank(&other, &group).await.ok().json()["rankList"][0].clone() };
    assert_eq!(row().await["nickname"], "小明", "chosen before entering");
    choose(&phone, &json!({ "nickName": "小红", "avatarKey": upload(&phone, PNG).await })).await.ok();
    choose(&phone, &json!({ "nickName": "review:10001" })).await.ok();
    let shown = row().await;
    assert_eq!(
        (&shown["nickname"], &shown["avatarUrl"]),
        (&json!("小红"), &json!("")),
        "nothing that is pending"
    );
    settle(&world).await;
    assert_eq!(download(&world, &row().await["avatarUrl"]).await, PNG);
    let event = json!({ "Event": "user_authorization_revoke", "OpenID": phone.openid, "RevokeInfo": "1" });
    world.wechat().push(&phone.openid, event);
    settle(&world).await;
    let ranking = rank(&other, &group).await.ok().json();
    assert_eq!(ranking["rankList"], json!([]), "the steps are gone");
    let copies = serde_json::to_string(&world.items("GroupsTable").await).expect("JSON");
    assert!(!copies.contains("小红") && !copies.contains("avatars/"), "{copies}");
}

#[tokio::test]
async fn a_name_chosen_during_a_withdrawal_is_in_no_group_without_the_record() {
    let world = World::start().await;
    let (phone, other) = (world.user().await, world.user().await);
    let group = enter_group(&phone, "family").await;
    enter_group(&other, "family").await;
    for round in 0..3 {
        let event =
            json!({ "Event": "user_authorization_revoke", "OpenID": phone.openid, "RevokeInfo": "1" });
        world.wechat().push(&phone.openid, event);
        world.wechat().wait_for_notices().await;
        // The withdrawal has read the record, and its transaction is sent again and again while the user chooses.
        world.dynamo().inject_fault(DynamoFault {
            caller: Some("PushEventsFunction".to_owned()),
            operation: Some("TransactWriteItems".to_owned()),
            kind: FaultKind::InternalError,
            times: 2,
        });
        let body = json!({ "nickName": "小红" });
        let choice = async {
            tokio::time::sleep(Duration::from_millis(40)).await;
            choose(&phone, &body).await
        };
        let (chosen, drained) =
            futures_util::future::join(choice, world.bundle().drain_stream("push-events")).await;
        chosen.ok();
        drained.expect("the stream is delivered");
        world.bundle().run_task("push-events").await.expect("a run");
        let has_name = own(&phone).await.0.get("nickName").is_some();
        let copies = serde_json::to_string(&world.items("GroupsTable").await).expect("JSON");
        assert!(has_name || !copies.contains("小红"), "round {round}: {copies}");
        // Another second makes another push, and another minute lets the user choose again.
        world.clock.advance(Duration::from_secs(61));
    }
    walk(&world, &phone, &[500]);
    sync(&phone).await.ok();
    assert_eq!(rank(&other, &group).await.ok().json()["rankList"][0]["step"], 500);
}

#[tokio::test]
async fn a_chosen_name_outlives_the_one_that_wechat_gives_to_everybody() {
    let world = World::start().await;
    let phone = world.user().await;
    choose(&phone, &json!({ "nickName": "小明" })).await.ok();
    let info = phone.wx("getUserInfo", json!({})).await.json();
    let body = json!({ "rawData": info["rawData"], "signature": info["signature"] });
    phone.post("/api/user/profile", &body).await.ok();
    assert_eq!(own(&phone).await.0["nickName"], "小明");
}

#[tokio::test]
async fn a_malformed_name_and_another_user_s_upload_are_refused() {
    let world = World::start().await;
    let (phone, other) = (world.user().await, world.user().await);
    let foreign = upload(&other, PNG).await;
    let own_key = upload(&phone, PNG).await;
    let image = phone.upload("image", "image/png", PNG).await["objectKey"].clone();
    for body in [
        json!({}),
        json!({ "nickName": "" }),
        json!({ "nickName": "  " }),
        json!({ "nickName": "名".repeat(33) }),
        json!({ "nickName": "小\n明" }),
        json!({ "nickName": 1 }),
        json!({ "avatarKey": "https://example.com/a.png" }),
        json!({ "avatarKey": own_key.replace("incoming/", "avatars/") }),
        json!({ "avatarKey": image }),
        json!({ "nickName": "小明", "avatarUrl": "https://example.com/a.png" }),
    ] {
        assert_eq!(choose(&phone, &body).await.outcome(), "400 INVALID_INPUT", "{body}");
    }
    for key in [foreign, own_key.replace(".png", ".jpg")] {
        assert_eq!(choose(&phone, &json!({ "avatarKey": key })).await.outcome(), "404 NOT_FOUND", "{key}");
    }
    assert_eq!(choose(&phone, &json!({ "nickName": "名".repeat(32) })).await.status, 200);
    let anonymous = world.request("PUT", "/api/user/profile").json(&json!({ "nickName": "小明" }));
    assert_eq!(world.send(anonymous).await.outcome(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn a_withdrawn_consent_removes_the_chosen_name_and_every_picture() {
    let world = World::start().await;
    let phone = world.user().await;
    choose(&phone, &json!({ "nickName": "小明", "avatarKey": upload(&phone, PNG).await })).await.ok();
    settle(&world).await;
    world.wechat().set_fault(Fault::VerdictStalled { times: 1 });
    choose(&phone, &json!({ "avatarKey": upload(&phone, PNG).await })).await.ok();
    let event = json!({ "Event": "user_authorization_revoke", "OpenID": phone.openid, "RevokeInfo": "1" });
    world.wechat().push(&phone.openid, event);
    settle(&world).await;
    let (user, pending) = own(&phone).await;
    assert_eq!((user.get("nickName"), user.get("avatarUrl"), pending), (None, None, Value::Null));
    assert!(stored(&world, "avatars/").is_empty());
    assert_eq!(stored(&world, "checked/").len(), 1, "the copy that WeChat judged first goes after 30 days");
}
