//! Tests of the phone-number button: its code at the server, and the number in the encrypted data.

use serde_json::{Value, json};

use super::fixture::Fixture;
use super::login::{decrypt, session_key};
use crate::NewUser;
use crate::core::clock::MINUTE;

const PATH: &str = "/wxa/business/getuserphonenumber";

async fn tap(fixture: &Fixture) -> String {
    let (status, answer) = fixture.call_wx("getPhoneNumber", json!({})).await;
    assert_eq!((status, &answer["errMsg"]), (200, &json!("getPhoneNumber:ok")));
    answer["code"].as_str().unwrap().to_owned()
}

fn set_number(fixture: &Fixture, number: &str) {
    let openid = Some(fixture.openid.clone());
    let phone_number = Some(number.to_owned());
    fixture.wechat.create_user(NewUser { openid, phone_number, ..NewUser::default() });
}

#[tokio::test]
async fn a_code_gives_the_number_once_and_is_charged_once() {
    let fixture = Fixture::new().await;
    set_number(&fixture, "+85251234567");
    let code = tap(&fixture).await;
    let answer = fixture.api(PATH, json!({"code": code, "openid": fixture.openid})).await;
    let phone_info = json!({
        "phoneNumber": "+85251234567",
        "purePhoneNumber": "51234567",
        "countryCode": "852",
        "watermark": {"timestamp": 1_700_000_042, "appid": fixture.wechat.account().app_id},
    });
    assert_eq!(answer, json!({"errcode": 0, "errmsg": "ok", "phone_info": phone_info}));
    assert_eq!(fixture.api(PATH, json!({"code": code})).await["errcode"], 40029);
    assert_eq!(fixture.wechat.charged_phone_calls(), 1);
    assert!(fixture.wechat.identities().contains(&"51234567".to_owned()));
}

#[tokio::test]
async fn other_codes_are_invalid_and_not_charged() {
    let fixture = Fixture::new().await;
    let late = tap(&fixture).await;
    fixture.advance(5 * MINUTE);
    let (_, foreign) = fixture.call_wx("getPhoneNumber", json!({"appId": "wx0000000000000000"})).await;
    for (body, errcode) in [
        (json!({"code": late}), 40029),
        (json!({"code": foreign["code"]}), 40029),
        (json!({"code": fixture.login_code().await}), 40029),
        (json!({"code": ""}), 41008),
        (json!({}), 41008),
        (json!({"code": 1}), 47001),
        (json!({"code": tap(&fixture).await, "openid": "oSomebodyElse"}), 40003),
    ] {
        assert_eq!(fixture.api(PATH, body.clone()).await["errcode"], errcode, "{body}");
    }
    assert_eq!(fixture.wechat.charged_phone_calls(), 0);
}

#[tokio::test]
async fn a_refused_token_or_a_busy_answer_keeps_the_code() {
    let fixture = Fixture::new().await;
    let code = tap(&fixture).await;
    let faults = json!([{"fault": "token_revoked", "path": PATH}, {"fault": "busy", "path": PATH}]);
    fixture.add_faults(faults).await;
    for errcode in [40001, -1, 0] {
        assert_eq!(fixture.api(PATH, json!({"code": code})).await["errcode"], errcode);
    }
}

#[tokio::test]
async fn the_encrypted_data_holds_the_same_number() {
    let fixture = Fixture::new().await;
    let session = fixture.code_to_session(&fixture.login_code().await).await;
    set_number(&fixture, "13800138000");
    let (_, data) = fixture.call_wx("getPhoneNumber", json!({})).await;
    let plain = decrypt(&data, session_key(&session)).unwrap();
    assert_eq!(plain["phoneNumber"], "13800138000");
    assert_eq!(plain["watermark"]["appid"], fixture.wechat.account().app_id.as_str());
}

#[tokio::test]
async fn every_user_has_a_phone_number_of_their_own() {
    let fixture = Fixture::new().await;
    let [first, second] = [(); 2].map(|()| fixture.wechat.create_user(NewUser::default()));
    assert_ne!(first.phone_number, second.phone_number);
    let again = NewUser { openid: Some(first.openid.clone()), ..NewUser::default() };
    assert_eq!(fixture.wechat.create_user(again), first);
    let made = fixture.post_json("/_wechat/users", json!({"phoneNumber": "13900139000"})).await;
    assert_eq!(made["phoneNumber"], "13900139000");
    let refused = fixture.post("/_wechat/users", json!({"phoneNumber": "139"})).await.unwrap();
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn a_user_can_refuse_and_the_quota_can_be_used_up() {
    let fixture = Fixture::new().await;
    let (status, answer) = fixture.call_wx("getPhoneNumber", json!({"userChoice": "reject"})).await;
    assert_eq!((status, &answer["errMsg"]), (400, &json!("getPhoneNumber:fail user deny")));
    fixture.add_faults(json!({"fault": "phone_quota"})).await;
    let (status, answer) = fixture.call_wx("getPhoneNumber", json!({})).await;
    assert_eq!((status, &answer["errCode"]), (400, &json!(1_400_001)));
    let answer: Value = fixture.call_wx("getPhoneNumber", json!({"userChoice": "maybe"})).await.1;
    assert_eq!(answer["errCode"], 1001);
}
