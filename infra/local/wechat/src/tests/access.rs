//! Tests of the checks that all APIs with an `access_token` share, for each of these APIs.

use serde_json::{Value, json};

use super::fixture::{Fixture, read_json};
use crate::base::tokens::access_tokens::TokenOwner::{MiniProgram, OfficialAccount};
use crate::core::family::Family;

/// Every path that is called with an `access_token`.
fn paths(fixture: &Fixture) -> Vec<&'static str> {
    let routes = fixture.wechat.routes();
    let mut paths = routes.paths();
    paths.retain(|path| matches!(routes.family_of(path), Some(Family::Token | Family::Picture)));
    paths
}

/// Whether the errcode of a GET says that the API requires POST.
fn is_post(errcode_of_get: &Value) -> bool {
    [43002, 43302].iter().any(|errcode| errcode_of_get == errcode)
}

/// The owner whose tokens the API accepts.
async fn right_token(fixture: &Fixture, path: &str) -> String {
    let mut right = Vec::new();
    for owner in [MiniProgram, OfficialAccount] {
        let token = fixture.token_of(owner).await;
        if fixture.get_json(&format!("{path}?access_token={token}")).await["errcode"] != 48001 {
            right.push(token);
        }
    }
    assert_eq!(right.len(), 1, "{path} belongs to one account");
    right.remove(0)
}

#[tokio::test]
async fn every_api_checks_token_owner_method_and_body() {
    let fixture = Fixture::new().await;
    assert!(paths(&fixture).len() >= 27);
    for path in paths(&fixture) {
        assert_eq!(fixture.get_json(path).await["errcode"], 41001, "{path}");
        assert_eq!(fixture.get_json(&format!("{path}?access_token=x")).await["errcode"], 40014, "{path}");
        let with_token = format!("{path}?access_token={}", right_token(&fixture, path).await);
        let by_get = fixture.get_json(&with_token).await["errcode"].clone();
        let post = async |body: &str| -> Value {
            read_json(fixture.post(&with_token, body).await.unwrap()).await["errcode"].clone()
        };
        if path == UPLOAD {
            assert_eq!((by_get, post("").await), (json!(43002), json!(40004)), "{path} has no JSON");
        } else if is_post(&by_get) {
            assert_eq!(post("").await, 44002, "{path}");
            assert_eq!(post("a=1").await, 47001, "{path}");
            assert_eq!(post("[]").await, 47001, "{path}");
        } else {
            assert_eq!(post("{}").await, 43001, "{path}");
        }
    }
}

#[tokio::test]
async fn every_fault_of_a_path_hits_every_api() {
    let fixture = Fixture::new().await;
    for path in paths(&fixture) {
        let with_token = format!("{path}?access_token={}", right_token(&fixture, path).await);
        let is_get = !is_post(&fixture.get_json(&with_token).await["errcode"]);
        let call = async || {
            if is_get { fixture.get(&with_token).await } else { fixture.post(&with_token, "{}").await }
        };
        for (name, errcode) in [("busy", -1), ("quota", 45009), ("ip_refused", 40164)] {
            fixture.add_faults(json!({"fault": name, "path": path})).await;
            assert_eq!(read_json(call().await.unwrap()).await["errcode"], errcode, "{path} {name}");
        }
        fixture.add_faults(json!({"fault": "errcode", "path": path, "errcode": 50002})).await;
        assert_eq!(read_json(call().await.unwrap()).await["errcode"], 50002, "{path}");
        fixture.add_faults(json!({"fault": "http_status", "path": path, "status": 502})).await;
        assert_eq!(call().await.unwrap().status(), 502, "{path}");
        fixture.add_faults(json!({"fault": "garbage", "path": path})).await;
        assert!(call().await.unwrap().text().await.unwrap().starts_with("<html>"), "{path}");
        for name in ["timeout_before", "timeout_after"] {
            fixture.add_faults(json!({"fault": name, "path": path})).await;
            assert!(call().await.is_err(), "{path} {name}");
        }
        fixture.add_faults(json!({"fault": "token_revoked", "path": path})).await;
        assert_eq!(read_json(call().await.unwrap()).await["errcode"], 40001, "{path}");
    }
}

/// The API whose body is a form with a file.
const UPLOAD: &str = "/cgi-bin/media/upload";
