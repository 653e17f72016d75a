//! Tests of `/wxa/checksession` and `/wxa/resetusersessionkey`.

use serde_json::Value;

use super::fixture::Fixture;
use crate::base::open_data;
use crate::base::tokens::access_tokens::TokenOwner;

async fn ask(fixture: &Fixture, api: &str, session_key: &str, changes: &[(&str, &str)]) -> Value {
    let signature = open_data::session_signature("", session_key);
    let token = fixture.token_of(TokenOwner::MiniProgram).await;
    let mut path = format!("/wxa/{api}?access_token={token}");
    for (name, value) in
        [("openid", fixture.openid.as_str()), ("signature", &signature), ("sig_method", "hmac_sha256")]
    {
        let value = changes.iter().find(|(given, _)| *given == name).map_or(value, |(_, value)| value);
        path.push_str(&format!("&{name}={value}"));
    }
    fixture.get_json(&path).await
}

async fn log_in(fixture: &Fixture) -> String {
    fixture.code_to_session(&fixture.login_code().await).await["session_key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn only_the_live_key_is_confirmed() {
    let fixture = Fixture::new().await;
    let old = log_in(&fixture).await;
    assert_eq!(ask(&fixture, "checksession", &old, &[]).await["errcode"], 0);
    let new = log_in(&fixture).await;
    assert_eq!(ask(&fixture, "checksession", &old, &[]).await["errcode"], 87009);
    assert_eq!(ask(&fixture, "checksession", &new, &[]).await["errcode"], 0);
    for (name, value, errcode) in [
        ("openid", "onobody", 40003),
        ("openid", "", 40003),
        ("sig_method", "md5", 87008),
        ("signature", "", 87009),
    ] {
        assert_eq!(ask(&fixture, "checksession", &new, &[(name, value)]).await["errcode"], errcode, "{name}");
    }
}

#[tokio::test]
async fn a_reset_ends_the_old_key_at_once() {
    let fixture = Fixture::new().await;
    let old = log_in(&fixture).await;
    let answer = ask(&fixture, "resetusersessionkey", &old, &[]).await;
    assert_eq!((&answer["errcode"], &answer["openid"]), (&0.into(), &fixture.openid.as_str().into()));
    let new = answer["session_key"].as_str().unwrap();
    assert_eq!(ask(&fixture, "checksession", &old, &[]).await["errcode"], 87009);
    assert_eq!(ask(&fixture, "checksession", new, &[]).await["errcode"], 0);
    assert_eq!(ask(&fixture, "resetusersessionkey", &old, &[]).await["errcode"], 87009);
    assert!(fixture.wechat.secrets().contains(&new.to_owned()));
    let shown = fixture.get_json("/_wechat/log").await.to_string();
    assert!(!shown.contains(new));
}
