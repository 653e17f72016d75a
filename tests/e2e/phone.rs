//! `POST /api/decrypt-phone`

use std::time::Duration;

use e2e::{Phone, Requests, Response, World};
use futures_util::future::join_all;
use insta::assert_snapshot;
use local_wechat::{Fault, NewUser};
use serde_json::{Value, json};

const EXCHANGE: &str = "/wxa/business/getuserphonenumber";

async fn tap(phone: &Phone<'_>) -> Value {
    phone.wx("getPhoneNumber", json!({})).await.json()
}

/// Taps the button and sends its code.
pub(crate) async fn by_code(phone: &Phone<'_>) -> Response {
    let code = tap(phone).await["code"].clone();
    phone.post("/api/decrypt-phone", &json!({ "code": code })).await
}

fn encrypted(tapped: &Value) -> Value {
    json!({ "encryptedData": tapped["encryptedData"], "iv": tapped["iv"] })
}

#[tokio::test]
async fn a_code_gives_the_number_which_is_kept_and_shown_masked() {
    let world = World::start().await;
    let phone = world.user().await;
    let answer = by_code(&phone).await.ok();
    let number = answer.text("/purePhoneNumber");
    assert_eq!(answer.text("/countryCode"), "86");
    assert_eq!(answer.text("/phoneNumber"), number);
    let shown = phone.get("/api/user").await.text("/user/phoneNumber");
    assert_eq!(shown, format!("{}****{}", &number[..3], &number[7..]));
}

#[tokio::test]
async fn the_same_tap_sent_again_or_twenty_times_at_once_is_paid_for_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = json!({ "code": tap(&phone).await["code"] });
    let answers = join_all((0..20).map(|_| phone.post("/api/decrypt-phone", &body))).await;
    let first = answers[0].clone().ok().body;
    assert!(answers.iter().all(|answer| answer.body == first));
    assert_eq!(phone.post("/api/decrypt-phone", &body).await.body, first);
    assert_eq!(world.wechat().charged_phone_calls(), 1);
    assert_eq!(world.calls_to(EXCHANGE), 1);
}

#[tokio::test]
async fn an_exchange_and_its_repetition_keep_to_their_request_budget() {
    let world = World::start().await;
    let phone = world.user().await;
    by_code(&phone).await.ok();
    let body = json!({ "code": tap(&phone).await["code"] });
    let (_, cost) = world.count_requests(phone.post("/api/decrypt-phone", &body)).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 1 });
    let (_, cost) = world.count_requests(phone.post("/api/decrypt-phone", &body)).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 0 });
}

#[tokio::test]
async fn codes_of_another_kind_or_another_user_ask_for_another_tap() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let login_code = json!({ "code": one.code().await });
    assert_snapshot!(one.post("/api/decrypt-phone", &login_code).await.snapshot(), @r#"400 {"success":false,"code":"CODE_INVALID","message":"手机号凭证已失效，请重新获取","requestId":"…"}"#);
    let body = json!({ "code": tap(&one).await["code"] });
    one.post("/api/decrypt-phone", &body).await.ok();
    assert_eq!(two.post("/api/decrypt-phone", &body).await.outcome(), "400 CODE_INVALID");
    let expired = json!({ "code": tap(&one).await["code"] });
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(one.post("/api/decrypt-phone", &expired).await.outcome(), "400 CODE_INVALID");
    assert_eq!(world.wechat().charged_phone_calls(), 1);
}

#[tokio::test]
async fn encrypted_data_give_the_number_under_the_current_and_the_previous_key() {
    let world = World::start().await;
    let mut phone = world.user().await;
    let tapped = tap(&phone).await;
    let now = phone.post("/api/decrypt-phone", &encrypted(&tapped)).await.ok();
    phone.log_in().await;
    assert_eq!(phone.post("/api/decrypt-phone", &encrypted(&tapped)).await.ok().body, now.body);
    phone.log_in().await;
    assert_eq!(phone.post("/api/decrypt-phone", &encrypted(&tapped)).await.outcome(), "401 SESSION_EXPIRED");
    assert_eq!(world.wechat().charged_phone_calls(), 0);
}

#[tokio::test]
async fn encrypted_data_of_another_user_or_five_minutes_old_are_refused() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    let theirs = tap(&two).await;
    assert_eq!(one.post("/api/decrypt-phone", &encrypted(&theirs)).await.outcome(), "401 SESSION_EXPIRED");
    let mine = tap(&one).await;
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(one.post("/api/decrypt-phone", &encrypted(&mine)).await.outcome(), "400 WATERMARK_MISMATCH");
}

#[tokio::test]
async fn a_malformed_request_is_refused_with_the_field_s_name() {
    let world = World::start().await;
    let phone = world.user().await;
    for (body, field) in [
        (json!({}), "code"),
        (json!({ "code": "" }), "code"),
        (json!({ "code": 1 }), "code"),
        (json!({ "code": "x".repeat(257) }), "code"),
        (json!({ "code": "x", "iv": "y" }), "code"),
        (json!({ "encryptedData": "x" }), "iv"),
        (json!({ "iv": "x" }), "encryptedData"),
        (json!({ "encryptedData": "x", "iv": "AAAAAAAAAAAAAAAAAAAAAA==" }), "encryptedData"),
        (json!({ "code": "x", "openid": "o1" }), "openid"),
    ] {
        let answer = phone.post("/api/decrypt-phone", &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{body}");
        assert!(answer.text("/message").contains(field), "{body} {}", answer.body);
    }
    assert_eq!(world.post("/api/decrypt-phone", &json!({ "code": "x" })).await.outcome(), "401 UNAUTHORIZED");
    assert_eq!(world.calls_to(EXCHANGE), 0);
}

#[tokio::test]
async fn a_failure_of_wechat_leaves_the_code_usable() {
    let world = World::start().await;
    let phone = world.user().await;
    let gateway = |status, times| Fault::HttpStatus { path: EXCHANGE.into(), times, status };
    for (fault, outcome, calls) in [
        (Fault::Busy { path: EXCHANGE.into(), times: 3 }, "503 UPSTREAM_BUSY", 2),
        (Fault::Errcode { path: EXCHANGE.into(), errcode: 45011, times: 1 }, "429 RATE_LIMITED", 1),
        (Fault::Errcode { path: EXCHANGE.into(), errcode: 40013, times: 1 }, "500 INTERNAL_ERROR", 1),
        (gateway(502, 3), "503 UPSTREAM_BUSY", 2),
        (gateway(500, 1), "503 UPSTREAM_BUSY", 1),
        (Fault::Garbage { path: EXCHANGE.into(), times: 1 }, "503 UPSTREAM_BUSY", 1),
        (Fault::TimeoutBefore { path: EXCHANGE.into(), times: 1, millis: 0 }, "503 UPSTREAM_BUSY", 1),
    ] {
        let before = world.calls_to(EXCHANGE);
        let body = json!({ "code": tap(&phone).await["code"] });
        world.wechat().set_fault(fault);
        assert_eq!(phone.post("/api/decrypt-phone", &body).await.outcome(), outcome);
        assert_eq!(world.calls_to(EXCHANGE) - before, calls, "{outcome}");
        world.wechat().clear_faults();
        phone.post("/api/decrypt-phone", &body).await.ok();
    }
    world.wechat().set_fault(gateway(504, 1));
    by_code(&phone).await.ok();
}

#[tokio::test]
async fn a_code_that_a_lost_answer_spent_is_paid_for_once_and_asks_for_a_tap() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = json!({ "code": tap(&phone).await["code"] });
    world.wechat().set_fault(Fault::TimeoutAfter { path: EXCHANGE.into(), times: 1, millis: 0 });
    assert_eq!(phone.post("/api/decrypt-phone", &body).await.outcome(), "503 UPSTREAM_BUSY");
    assert_eq!(world.calls_to(EXCHANGE), 1, "a lost answer is not asked for again by itself");
    assert_eq!(phone.post("/api/decrypt-phone", &body).await.outcome(), "400 CODE_INVALID");
    assert_eq!(world.wechat().charged_phone_calls(), 1);
}

#[tokio::test]
async fn a_number_in_an_unusual_form_is_normalised_and_answered() {
    let world = World::start().await;
    let phone = world.user().await;
    let watermark = json!({ "timestamp": 1, "appid": world.wechat().account().app_id });
    for (info, expected) in [
        (
            json!({ "phoneNumber": "+1 4155551234", "purePhoneNumber": "4155551234", "countryCode": "1" }),
            ["+14155551234", "4155551234", "1"],
        ),
        (
            json!({ "phoneNumber": "+1 (415) 555-1234", "purePhoneNumber": null, "countryCode": 1,
                    "watermark": watermark }),
            ["+14155551234", "4155551234", "1"],
        ),
        (json!({ "phoneNumber": "13800138000", "countryCode": "" }), ["13800138000", "13800138000", ""]),
        (
            json!({ "purePhoneNumber": 13_800_138_000_u64, "countryCode": "86" }),
            ["13800138000", "13800138000", "86"],
        ),
    ] {
        let answer = json!({ "errcode": 0, "errmsg": "ok", "phone_info": info });
        let body = json!({ "code": tap(&phone).await["code"] });
        let path = EXCHANGE.into();
        world.wechat().set_fault(Fault::Body { path, body: answer.to_string(), times: 1 });
        for _ in 0..2 {
            let answer = phone.post("/api/decrypt-phone", &body).await.ok();
            let parts = ["/phoneNumber", "/purePhoneNumber", "/countryCode"].map(|part| answer.text(part));
            assert_eq!(parts, expected, "{info}");
        }
    }
    let foreign = json!({ "phoneNumber": "13800138000", "purePhoneNumber": "13800138000", "countryCode": "86",
                          "watermark": { "timestamp": world.now(), "appid": "wx00000000000000ff" } });
    let body = json!({ "phone_info": foreign }).to_string();
    world.wechat().set_fault(Fault::Body { path: EXCHANGE.into(), body, times: 1 });
    assert_eq!(by_code(&phone).await.outcome(), "400 WATERMARK_MISMATCH");
}

#[tokio::test]
async fn a_paid_number_is_answered_although_it_can_t_be_stored() {
    let world = World::start().await;
    let phone = world.user().await;
    // The user's row is lost, and the session is there.
    let key = json!({ "id": { "S": phone.get("/api/user").await.ok().text("/user/userId") } });
    let delete = json!({ "TableName": world.table("UsersTable"), "Key": key });
    world.dynamo().call_as_operator("DeleteItem", delete).await.expect("a deletion");
    let answer = by_code(&phone).await.ok();
    assert_eq!(answer.text("/purePhoneNumber").len(), 11);
    assert!(world.log().contains("phone-number-not-stored"));
}

#[tokio::test]
async fn a_foreign_number_keeps_its_country() {
    let world = World::start().await;
    let number = Some("+85251234567".to_owned());
    let user = world.wechat().create_user(NewUser { phone_number: number, ..Default::default() });
    let mut phone = world.phone(&user.openid);
    phone.log_in().await;
    let answer = by_code(&phone).await.ok();
    assert_eq!(answer.text("/phoneNumber"), "+85251234567");
    assert_eq!(answer.text("/purePhoneNumber"), "51234567");
    assert_eq!(answer.text("/countryCode"), "852");
    assert_eq!(phone.get("/api/user").await.text("/user/phoneNumber"), "****67");
}
