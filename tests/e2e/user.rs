//! `GET /api/user`, `POST /api/user/profile`, `PUT /api/admin/users/{userId}/role`

use std::time::Duration;

use e2e::{Phone, Requests, Response, World};
use insta::assert_snapshot;
use serde_json::{Value, json};

async fn info(phone: &Phone<'_>) -> Value {
    phone.wx("getUserInfo", json!({})).await.json()
}

fn body(info: &Value) -> Value {
    json!({ "rawData": info["rawData"], "signature": info["signature"],
            "encryptedData": info["encryptedData"], "iv": info["iv"] })
}

async fn named(world: &World, name: &str) -> (String, Response) {
    let user = local_wechat::NewUser { nick_name: Some(name.to_owned()), ..Default::default() };
    let openid = world.wechat().create_user(user).openid;
    let answer = world.post("/api/login", &json!({ "code": code(world, &openid).await })).await.ok();
    (openid, answer)
}

async fn code(world: &World, openid: &str) -> String {
    let request = world.request("POST", "/_wechat/wx/login").json(&json!({ "openid": openid }));
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    answer["code"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn a_user_reads_their_own_record() {
    let world = World::start().await;
    let phone = world.user().await;
    assert_snapshot!(phone.get("/api/user").await.snapshot(), @r#"200 {"success":true,"user":{"userId":"…","role":"user"}}"#);
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_answered() {
    let world = World::start().await;
    let phone = world.user().await;
    let without = world.send(world.request("GET", "/api/user")).await;
    assert_snapshot!(without.snapshot(), @r#"401 {"success":false,"code":"UNAUTHORIZED","message":"请先登录","requestId":"…"}"#);
    let altered = format!("{}x", phone.token);
    for header in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x.y.z",
        &format!("Basic {}", phone.token),
        &format!("Bearer {altered}"),
    ] {
        let answer = world.send(world.request("GET", "/api/user").header("Authorization", header)).await;
        assert_eq!(answer.outcome(), "401 UNAUTHORIZED", "{header}");
    }
    world.clock.advance(Duration::from_secs(604_800));
    assert_eq!(phone.get("/api/user").await.outcome(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn checking_a_token_makes_no_request() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.get("/api/user").await.ok();
    let (_, cost) = world.count_requests(phone.get("/api/user")).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 }, "the user's row alone");
    let (_, cost) = world.count_requests(world.send(world.request("GET", "/api/user"))).await;
    assert_eq!(cost, Requests { dynamodb: 0, wechat: 0 });
}

#[tokio::test]
async fn tokens_of_the_previous_key_live_on_after_a_rotation() {
    let world = World::start().await;
    let mut phone = world.user().await;
    phone.get("/api/user").await.ok();
    let old = phone.token.clone();
    let keys = world.dynamo().secret("SessionKeysSecret").expect("the key ring");
    let keys: Value = serde_json::from_str(&keys).expect("JSON");
    let next = json!({ "kid": "2", "key": "a-new-session-key-of-this-test-0123456789",
                       "previous": { "kid": keys["kid"], "key": keys["key"] } });
    world.dynamo().set_secret("SessionKeysSecret", next.to_string()).expect("a secret");
    world.clock.advance(Duration::from_secs(301));
    phone.log_in().await;
    assert_ne!(old.split('.').next(), phone.token.split('.').next(), "the new token names the new key");
    phone.get("/api/user").await.ok();
    phone.token = old;
    phone.get("/api/user").await.ok();
}

#[tokio::test]
async fn a_token_of_a_key_newer_than_the_cached_ring_is_accepted_at_once() {
    let world = World::start().await;
    let mut phone = world.user().await;
    phone.get("/api/user").await.ok();
    let keys: Value =
        serde_json::from_str(&world.dynamo().secret("SessionKeysSecret").expect("the key ring"))
            .expect("JSON");
    let next = json!({ "kid": "2", "key": "a-new-session-key-of-this-test-0123456789",
                       "previous": { "kid": keys["kid"], "key": keys["key"] } });
    world.dynamo().set_secret("SessionKeysSecret", next.to_string()).expect("a secret");
    // The login function starts anew and has the new ring; the user function still holds the old one.
    world.bundle().restart_function("login").await;
    world.clock.advance(Duration::from_secs(11));
    phone.log_in().await;
    phone.get("/api/user").await.ok();
}

#[tokio::test]
async fn a_profile_that_wechat_signed_and_encrypted_is_kept() {
    let world = World::start().await;
    let (openid, login) = named(&world, "小明😀").await;
    let mut phone = world.phone(&openid);
    phone.token = login.text("/token");
    let answer = phone.post("/api/user/profile", &body(&info(&phone).await)).await.ok();
    assert_eq!(answer.text("/userInfo/nickName"), "小明😀");
    for hidden in ["openId", "unionId", "watermark"] {
        assert!(!answer.body.contains(hidden), "{}", answer.body);
    }
    assert_eq!(phone.get("/api/user").await.text("/user/nickName"), "小明😀");
}

#[tokio::test]
async fn a_name_with_control_characters_and_line_ends_is_read_and_escaped() {
    let world = World::start().await;
    let name = "小\u{14}明\n行\u{2028}分\u{2029}隔";
    let (openid, login) = named(&world, name).await;
    let mut phone = world.phone(&openid);
    phone.token = login.text("/token");
    for only_signed in [true, false] {
        world.wechat().set_fault(local_wechat::Fault::LooseOpenData { times: 1 });
        let mut body = body(&info(&phone).await);
        assert!(body["rawData"].as_str().expect("a text").contains("小\u{14}明"), "as the phone gets it");
        if only_signed {
            body = json!({ "rawData": body["rawData"], "signature": body["signature"] });
        }
        let answer = phone.post("/api/user/profile", &body).await.ok();
        assert_eq!(answer.text("/userInfo/nickName"), name);
        assert!(!answer.body.contains(['\u{2028}', '\u{2029}']), "{}", answer.body);
        // The signature is over the text as it came.
        body["rawData"] = body["rawData"].as_str().map(|raw| raw.replace('\u{14}', "\\u0014")).into();
        assert_eq!(phone.post("/api/user/profile", &body).await.outcome(), "401 SESSION_EXPIRED");
    }
    assert_eq!(phone.get("/api/user").await.text("/user/nickName"), name);
}

#[tokio::test]
async fn open_data_name_their_cloud_id_as_the_typings_have_it() {
    let world = World::start().await;
    let phone = world.user().await;
    for api in ["getUserInfo", "getUserProfile", "getWeRunData", "getPhoneNumber"] {
        let answer = phone.wx(api, json!({})).await.json();
        assert!(answer["cloudID"].as_str().is_some_and(|id| !id.is_empty()), "{api} {answer}");
    }
    let without = phone.wx("getUserInfo", json!({ "withCredentials": false })).await.json();
    assert_eq!(without.get("cloudID"), None);
}

#[tokio::test]
async fn a_signature_without_encrypted_data_is_enough_for_a_name() {
    let world = World::start().await;
    let phone = world.user().await;
    let info = info(&phone).await;
    let answer = phone
        .post("/api/user/profile", &json!({ "rawData": info["rawData"], "signature": info["signature"] }))
        .await;
    assert_eq!(answer.ok().text("/userInfo/nickName"), "微信用户");
}

#[tokio::test]
async fn data_fetched_before_another_login_still_decrypt() {
    let world = World::start().await;
    let mut phone = world.user().await;
    let info = info(&phone).await;
    world.clock.advance(Duration::from_secs(1));
    phone.log_in().await;
    phone.post("/api/user/profile", &body(&info)).await.ok();
    world.clock.advance(Duration::from_secs(1));
    phone.log_in().await;
    assert_snapshot!(phone.post("/api/user/profile", &body(&info)).await.snapshot(), @r#"401 {"success":false,"code":"SESSION_EXPIRED","message":"登录状态已过期，请重新登录","requestId":"…"}"#);
}

#[tokio::test]
async fn a_profile_of_another_user_or_five_minutes_old_is_refused() {
    let world = World::start().await;
    let phone = world.user().await;
    let other = world.user().await;
    let theirs = info(&other).await;
    assert_eq!(phone.post("/api/user/profile", &body(&theirs)).await.outcome(), "401 SESSION_EXPIRED");
    // A right signature does not make the encrypted part right.
    let mine = info(&phone).await;
    let mixed = json!({ "rawData": mine["rawData"], "signature": mine["signature"],
                        "encryptedData": theirs["encryptedData"], "iv": theirs["iv"] });
    assert_eq!(phone.post("/api/user/profile", &mixed).await.outcome(), "401 SESSION_EXPIRED");
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(phone.post("/api/user/profile", &body(&mine)).await.outcome(), "400 WATERMARK_MISMATCH");
}

#[tokio::test]
async fn a_malformed_profile_is_refused_with_the_field_s_name() {
    let world = World::start().await;
    let phone = world.user().await;
    let info = info(&phone).await;
    let whole = body(&info);
    for (field, value) in [
        ("rawData", Value::Null),
        ("rawData", json!("not json")),
        ("signature", Value::Null),
        ("signature", json!("short")),
        ("encryptedData", Value::Null),
        ("encryptedData", json!("AAAA")),
        ("iv", Value::Null),
        ("iv", json!("AAAA")),
        ("other", json!(1)),
    ] {
        let mut body = whole.clone();
        body[field] = value;
        let answer = phone.post("/api/user/profile", &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{field}");
        assert!(answer.text("/message").contains(field), "{field} {}", answer.body);
    }
}

#[tokio::test]
async fn a_unionid_in_the_profile_is_learned() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().create_user(local_wechat::NewUser {
        openid: Some(phone.openid.clone()),
        unionid: Some("union-in-profile".to_owned()),
        ..Default::default()
    });
    phone.post("/api/user/profile", &body(&info(&phone).await)).await.ok();
    assert_eq!(world.items("SessionsTable").await[0]["unionid"]["S"], "union-in-profile");
}

#[tokio::test]
async fn a_user_whose_tokens_were_made_void_must_log_in_again() {
    let world = World::start().await;
    let mut phone = world.user().await;
    world.clock.advance(Duration::from_secs(5));
    let update = json!({ "TableName": world.table("SessionsTable"), "Key": { "openid": { "S": phone.openid } },
        "UpdateExpression": "SET tokens_valid_from = :now",
        "ExpressionAttributeValues": { ":now": { "N": world.now().to_string() } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
    let profile = body(&info(&phone).await);
    assert_eq!(phone.post("/api/user/profile", &profile).await.outcome(), "401 UNAUTHORIZED");
    phone.log_in().await;
    let profile = body(&info(&phone).await);
    phone.post("/api/user/profile", &profile).await.ok();
}

#[tokio::test]
async fn an_operator_makes_a_user_staff() {
    let world = World::start().await;
    let phone = world.user().await;
    let user_id = phone.get("/api/user").await.text("/user/userId");
    let path = format!("/api/admin/users/{user_id}/role");
    let answer = world.operator("PUT", &path, &json!({ "role": "staff" })).await;
    assert_eq!(answer.text("/user/role"), "staff");
    let operator = "arn:aws:iam::000000000000:user/local";
    assert_eq!(answer.text("/user/roleSetBy"), operator);
    assert!(answer.text("/user/roleSetAt").ends_with('Z'));
    let line = world
        .log()
        .lines()
        .rfind(|line| line.contains("PUT /api/admin/users/{userId}/role"))
        .map(str::to_owned);
    let line: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
    assert_eq!(line["operator"], operator);
    let own = phone.get("/api/user").await;
    assert_snapshot!(own.snapshot(), @r#"200 {"success":true,"user":{"userId":"…","role":"staff"}}"#);
    let line = world.log().lines().last().map(str::to_owned).expect("a line");
    assert!(!line.contains("\"operator\""), "a user is none: {line}");
    let answer = world.operator("PUT", &path, &json!({ "role": "owner" })).await;
    assert_eq!(answer.outcome(), "400 INVALID_INPUT");
    for user_id in ["nobody", "unionid%23x", "%E5%BC%A0"] {
        let path = format!("/api/admin/users/{user_id}/role");
        assert_eq!(
            world.operator("PUT", &path, &json!({ "role": "staff" })).await.outcome(),
            "404 NOT_FOUND"
        );
    }
}

#[tokio::test]
async fn an_operator_who_sets_a_role_sees_the_user_as_others_do() {
    let world = World::start().await;
    let phone = world.user().await;
    let tapped = phone.wx("getPhoneNumber", json!({})).await.json();
    phone.post("/api/decrypt-phone", &json!({ "code": tapped["code"] })).await.ok();
    let profile = body(&info(&phone).await);
    phone.post("/api/user/profile", &profile).await.ok();
    let user_id = phone.get("/api/user").await.text("/user/userId");
    let path = format!("/api/admin/users/{user_id}/role");
    let shown = world.operator("PUT", &path, &json!({ "role": "staff" })).await.ok();
    assert_eq!(shown.text("/user/nickName"), "微信用户");
    assert!(shown.text("/user/avatarUrl").starts_with("https://"), "{}", shown.body);
    assert!(shown.text("/user/phoneNumber").contains("****"), "{}", shown.body);
}

#[tokio::test]
async fn operators_routes_are_closed_to_users_with_a_token() {
    let world = World::start().await;
    let phone = world.user().await;
    let user_id = phone.get("/api/user").await.text("/user/userId");
    let path = format!("/api/admin/users/{user_id}/role");
    let request = world.request("PUT", &path).bearer_auth(&phone.token).json(&json!({ "role": "staff" }));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 403);
    assert_eq!(phone.get("/api/user").await.text("/user/role"), "user");
}

#[tokio::test]
async fn altered_raw_data_are_refused_and_not_stored() {
    let world = World::start().await;
    let phone = world.user().await;
    let info = info(&phone).await;
    let raw = info["rawData"].as_str().expect("a text").replace("微信用户", "系统管理员");
    let body = json!({ "rawData": raw, "signature": info["signature"] });
    assert_eq!(phone.post("/api/user/profile", &body).await.outcome(), "401 SESSION_EXPIRED");
    assert!(!world.dynamo().dump_tables().expect("the tables").contains("系统管理员"));
}

#[tokio::test]
async fn a_token_of_another_user_than_the_session_s_does_not_count() {
    let world = World::start().await;
    let phone = world.user().await;
    let update = json!({ "TableName": world.table("SessionsTable"), "Key": { "openid": { "S": phone.openid } },
        "UpdateExpression": "SET user_id = :other", "ExpressionAttributeValues": { ":other": { "S": "u-other" } } });
    world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
    let profile = body(&info(&phone).await);
    assert_eq!(phone.post("/api/user/profile", &profile).await.outcome(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn a_cached_key_ring_serves_while_secrets_manager_is_unreachable() {
    use local_dynamo::{DynamoFault, FaultKind};
    let world = World::start().await;
    let phone = world.user().await;
    phone.get("/api/user").await.ok();
    world.clock.advance(Duration::from_secs(301));
    let (caller, operation) = (Some("UserFunction".to_owned()), Some("GetSecretValue".to_owned()));
    world.dynamo().inject_fault(DynamoFault { caller, operation, kind: FaultKind::InternalError, times: 10 });
    phone.get("/api/user").await.ok();
    assert!(world.log().contains("step failed, error handled"));
}
