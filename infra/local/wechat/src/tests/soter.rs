//! Tests of SOTER: signatures by the phone and their verification by the platform.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::NewUser;

const VERIFY: &str = "/cgi-bin/soter/verify_signature";

async fn authenticate(fixture: &Fixture, more: Value) -> (u16, Value) {
    let mut arguments =
        json!({"requestAuthModes": ["fingerPrint"], "challenge": "c\"1\"", "authContent": "付款"});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fixture.call_wx("startSoterAuthentication", arguments).await
}

fn body(openid: &str, result: &Value) -> Value {
    json!({"openid": openid, "json_string": result["resultJSON"], "json_signature": result["resultJSONSignature"]})
}

#[tokio::test]
async fn a_fingerprint_is_verified_for_its_own_phone_and_text_only() {
    let fixture = Fixture::new().await;
    let (status, result) = authenticate(&fixture, json!({})).await;
    assert_eq!((status, &result["authMode"], &result["errCode"]), (200, &json!("fingerPrint"), &json!(0)));
    let text = result["resultJSON"].as_str().unwrap();
    assert!(text.starts_with("{\"raw\":\"c\\\"1\\\"\",\"fid\":\"2\",\"counter\":1,\"tee_n\":"), "{text}");
    let good = body(&fixture.openid, &result);
    assert_eq!(fixture.api(VERIFY, good.clone()).await, json!({"errcode": 0, "errmsg": "ok", "is_ok": true}));

    let other = fixture.wechat.create_user(NewUser::default()).openid;
    assert_eq!(fixture.api(VERIFY, body(&other, &result)).await["is_ok"], false);
    for (name, value) in [
        ("json_string", json!(text.replace("\"counter\":1", "\"counter\":2"))),
        ("json_string", json!(format!("{text} "))),
        ("json_string", json!("no JSON")),
        ("json_signature", json!("AAAA")),
        ("json_signature", json!("no base64!")),
    ] {
        let mut wrong = good.clone();
        wrong[name] = value;
        assert_eq!(fixture.api(VERIFY, wrong).await["is_ok"], false, "{name}");
    }
}

#[tokio::test]
async fn the_counter_grows_and_a_longer_salt_is_named() {
    let fixture = Fixture::new().await;
    authenticate(&fixture, json!({})).await;
    let (_, result) =
        authenticate(&fixture, json!({"saltLength": 32, "requestAuthModes": ["speech", "facial"]})).await;
    assert_eq!(result["authMode"], "facial");
    let read: Value = serde_json::from_str(result["resultJSON"].as_str().unwrap()).unwrap();
    assert_eq!((&read["counter"], &read["rsa_pss_saltlen"]), (&json!(2), &json!(32)));
    assert_eq!(fixture.api(VERIFY, body(&fixture.openid, &result)).await["is_ok"], true);
}

#[tokio::test]
async fn wrong_arguments_and_unknown_users_are_refused() {
    let fixture = Fixture::new().await;
    for (more, err_code) in [
        (json!({"challenge": ""}), 90_004),
        (json!({"challenge": "c".repeat(513)}), 90_004),
        (json!({"authContent": "付".repeat(43)}), 90_005),
        (json!({"requestAuthModes": ["speech"]}), 90_003),
        (json!({"requestAuthModes": "facial"}), 1001),
        (json!({"userChoice": "cancel"}), 90_008),
        (json!({"userChoice": "fail"}), 90_009),
    ] {
        let (status, answer) = authenticate(&fixture, more.clone()).await;
        assert_eq!((status, &answer["errCode"]), (400, &json!(err_code)), "{more}");
    }
    let (_, result) = authenticate(&fixture, json!({})).await;
    assert_eq!(fixture.api(VERIFY, body("onobody", &result)).await["errcode"], 40003);
    assert_eq!(fixture.api(VERIFY, json!({"openid": fixture.openid})).await["errcode"], 47001);
}

#[tokio::test]
async fn a_mini_program_may_ask_what_the_phone_can_do() {
    let fixture = Fixture::new().await;
    let (_, answer) = fixture.call_wx("checkIsSupportSoterAuthentication", json!({})).await;
    assert_eq!(answer["supportMode"], json!(["fingerPrint", "facial"]));
    let (_, answer) =
        fixture.call_wx("checkIsSoterEnrolledInDevice", json!({"checkAuthMode": "facial"})).await;
    assert_eq!(answer["isEnrolled"], true);
    let (status, answer) =
        fixture.call_wx("checkIsSoterEnrolledInDevice", json!({"checkAuthMode": "speech"})).await;
    assert_eq!((status, &answer["errCode"]), (400, &json!(90_003)));
}
