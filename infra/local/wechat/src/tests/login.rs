//! Tests of the login: the phone's code, its exchange by the server, and data encrypted with the session key.

use aes::Aes128;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use serde_json::{Value, json};

use super::fixture::{Fixture, read_json};
use crate::NewUser;
use crate::base::open_data;
use crate::core::clock::MINUTE;
use crate::core::user as users;

pub(super) fn decrypt(data: &Value, session_key: &str) -> Option<Value> {
    let decode = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
    let key: [u8; 16] = STANDARD.decode(session_key).unwrap().try_into().unwrap();
    let iv: [u8; 16] = decode(&data["iv"]).try_into().unwrap();
    let cipher = Decryptor::<Aes128>::new(&key.into(), &iv.into());
    let plain = cipher.decrypt_padded_vec::<Pkcs7>(&decode(&data["encryptedData"])).ok()?;
    serde_json::from_slice(&plain).ok()
}

pub(super) fn session_key(session: &Value) -> &str {
    session["session_key"].as_str().unwrap()
}

#[tokio::test]
async fn a_login_returns_the_openid_and_the_key_of_the_phones_data() {
    let fixture = Fixture::new().await;
    let (_, answer) = fixture.call_wx("login", json!({})).await;
    assert_eq!(answer["errMsg"], "login:ok");
    let session = fixture.code_to_session(answer["code"].as_str().unwrap()).await;
    assert_eq!(session["openid"], fixture.openid.as_str());
    assert_eq!(session.get("unionid"), None);

    let (status, data) = fixture.call_wx("getUserInfo", json!({})).await;
    assert_eq!((status, &data["errMsg"]), (200, &json!("getUserInfo:ok")));
    let raw_data = data["rawData"].as_str().unwrap();
    assert_eq!(data["signature"], open_data::signature(raw_data, session_key(&session)));
    assert_eq!(serde_json::from_str::<Value>(raw_data).unwrap(), data["userInfo"]);
    assert_eq!(data["userInfo"]["nickName"], users::ANONYMOUS);
    let plain = decrypt(&data, session_key(&session)).unwrap();
    assert_eq!(plain["openId"], fixture.openid.as_str());
    let watermark = json!({"timestamp": fixture.now() / 1000, "appid": fixture.wechat.account().app_id});
    assert_eq!(plain["watermark"], watermark);
}

#[tokio::test]
async fn data_is_encrypted_under_the_key_of_the_last_exchange() {
    let fixture = Fixture::new().await;
    let first = fixture.code_to_session(&fixture.login_code().await).await;
    let code = fixture.login_code().await;
    let (_, early) = fixture.call_wx("getUserInfo", json!({})).await;
    let second = fixture.code_to_session(&code).await;
    let (_, late) = fixture.call_wx("getUserProfile", json!({})).await;
    assert!(decrypt(&early, session_key(&first)).is_some());
    assert!(decrypt(&early, session_key(&second)).is_none());
    assert!(decrypt(&late, session_key(&second)).is_some());
    assert!(decrypt(&late, session_key(&first)).is_none());
}

#[tokio::test]
async fn the_language_of_a_user_is_always_simplified_chinese() {
    let fixture = Fixture::new().await;
    let (_, data) = fixture.call_wx("getUserInfo", json!({})).await;
    assert_eq!((&data["userInfo"]["language"], &data["userInfo"]["country"]), (&json!("zh_CN"), &json!("")));
}

#[tokio::test]
async fn without_credentials_nothing_is_signed_or_encrypted() {
    let fixture = Fixture::new().await;
    let (_, data) = fixture.call_wx("getUserInfo", json!({"withCredentials": false})).await;
    assert!(data["userInfo"].is_object());
    assert!(["signature", "encryptedData", "iv"].iter().all(|name| data.get(name).is_none()), "{data}");
}

#[tokio::test]
async fn check_session_succeeds_after_an_exchange_only() {
    let fixture = Fixture::new().await;
    let code = fixture.login_code().await;
    let (status, answer) = fixture.call_wx("checkSession", json!({})).await;
    assert_eq!(status, 400);
    assert_eq!(answer["errMsg"], "checkSession:fail session time out");
    fixture.code_to_session(&code).await;
    assert_eq!(fixture.call_wx("checkSession", json!({})).await, (200, json!({"errMsg": "checkSession:ok"})));
}

#[tokio::test]
async fn a_late_or_foreign_code_is_refused() {
    let fixture = Fixture::new().await;
    let used = fixture.login_code().await;
    fixture.code_to_session(&used).await;
    assert_eq!(fixture.code_to_session(&used).await["errcode"], 40163);
    let late = fixture.login_code().await;
    fixture.advance(5 * MINUTE);
    assert_eq!(fixture.code_to_session(&late).await["errcode"], 40029);
    let (_, foreign) = fixture.call_wx("login", json!({"appId": "wx0000000000000000"})).await;
    assert_eq!(fixture.code_to_session(foreign["code"].as_str().unwrap()).await["errcode"], 40029);
}

#[tokio::test]
async fn two_exchanges_of_one_code_at_once_give_one_session() {
    let fixture = Fixture::new().await;
    let code = fixture.login_code().await;
    let answers = tokio::join!(fixture.code_to_session(&code), fixture.code_to_session(&code));
    let codes = [answers.0.get("errcode").cloned(), answers.1.get("errcode").cloned()];
    assert!(codes.contains(&None) && codes.contains(&Some(json!(40163))), "{codes:?}");
}

#[tokio::test]
async fn a_post_and_an_unknown_path_are_refused_in_json() {
    let fixture = Fixture::new().await;
    let path = fixture.code_to_session_path("x");
    assert_eq!(read_json(fixture.post(&path, "").await.unwrap()).await["errcode"], 43001);
    let unknown = fixture.get("/sns/nothing").await.unwrap();
    assert_eq!(unknown.status(), 404);
    assert!(read_json(unknown).await["errcode"].is_i64());
}

#[tokio::test]
async fn an_unknown_user_or_api_says_what_to_do() {
    let fixture = Fixture::new().await;
    let (status, answer) = fixture.call_wx("login", json!({"openid": "onobody"})).await;
    assert_eq!(status, 404);
    let err_msg = answer["errMsg"].as_str().unwrap();
    assert!(err_msg.starts_with("login:fail ") && err_msg.contains("POST /_wechat/users"), "{err_msg}");
    let (status, answer) = fixture.call_wx("logout", json!({})).await;
    assert_eq!(status, 404);
    assert!(answer["errMsg"].as_str().unwrap().contains("checkSession"), "{answer}");
    let (status, answer) = fixture.call_wx("login", json!({"openid": 1})).await;
    assert_eq!((status, &answer["errCode"]), (400, &json!(1001)));
}

#[tokio::test]
async fn users_are_made_over_http_and_keep_what_they_are_given() {
    let fixture = Fixture::new().await;
    let made = fixture.post("/_wechat/users", json!({"nickName": "小明", "unionid": "u1"})).await.unwrap();
    let made = read_json(made).await;
    assert_eq!((&made["nickName"], &made["unionid"]), (&json!("小明"), &json!("u1")));
    let openid = made["openid"].clone();
    let (_, answer) = fixture.call_wx("login", json!({"openid": openid})).await;
    let session = fixture.code_to_session(answer["code"].as_str().unwrap()).await;
    assert_eq!((&session["openid"], &session["unionid"]), (&openid, &json!("u1")));
    let (_, data) = fixture.call_wx("getUserInfo", json!({"openid": openid})).await;
    let plain = decrypt(&data, session_key(&session)).unwrap();
    assert_eq!((&plain["nickName"], &plain["unionId"]), (&json!("小明"), &json!("u1")));

    assert_eq!(fixture.post("/_wechat/users", "").await.unwrap().status(), 200);
    for bad in ["{\"openid\":\"x\"}", "{\"nickname\":\"x\"}", "[]", "{"] {
        assert_eq!(fixture.post("/_wechat/users", bad).await.unwrap().status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn the_log_shows_every_call_and_no_secret() {
    let fixture = Fixture::new().await;
    let code = fixture.login_code().await;
    let session = fixture.code_to_session(&code).await;
    // A back end may send secrets in wrong places.
    fixture.get(&format!("/sns/nothing?x={}", fixture.wechat.account().api_v2_key)).await.unwrap();
    let key = session_key(&session).replace('+', "%2B").replace('=', "%3D");
    fixture.get(&format!("/sns/nothing?x={key}")).await.unwrap();

    let calls = fixture.wechat.upstream_calls();
    assert_eq!(calls.len(), 3);
    assert_eq!((calls[0].path.as_str(), calls[0].outcome.as_str()), ("/sns/jscode2session", "ok"));
    assert_eq!(calls[0].request["js_code"], code.as_str());
    let shown = fixture.get_json("/_wechat/log").await.to_string();
    let secrets = fixture.wechat.secrets();
    let held = fixture.wechat.account().secrets().count();
    assert_eq!(secrets.len(), held + 1, "the account's secrets and one session key");
    assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
}

#[tokio::test]
async fn a_user_may_become_bound_later() {
    let fixture = Fixture::new().await;
    let bound = NewUser {
        openid: Some(fixture.openid.clone()),
        unionid: Some("u2".to_owned()),
        ..NewUser::default()
    };
    fixture.wechat.create_user(bound);
    assert_eq!(fixture.code_to_session(&fixture.login_code().await).await["unionid"], "u2");
}
