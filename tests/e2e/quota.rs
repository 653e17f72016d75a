//! `GET /api/admin/quota`, `POST /api/admin/quota/clear`, `GET /api/admin/rid/{rid}`

use std::time::Duration;

use e2e::{Requests, Response, World};
use insta::assert_snapshot;
use local_wechat::Fault;
use serde_json::{Value, json};

const CLEAR: &str = "/api/admin/quota/clear";
const LOGIN: &str = "/sns/jscode2session";

async fn quota(world: &World, path: &str) -> Response {
    world.operator("GET", &format!("/api/admin/quota?cgiPath={path}"), &Value::Null).await
}

async fn past_request(world: &World, rid: &str) -> Response {
    world.operator("GET", &format!("/api/admin/rid/{rid}"), &Value::Null).await
}

/// WeChat's id (rid) of the last refused request in the log.
fn last_rid(world: &World) -> String {
    let log = world.log();
    let (_, rid) = log.rsplit_once("(rid ").expect("a refusal");
    rid.split(')').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_operator_reads_how_often_an_api_may_still_be_called() {
    let world = World::start().await;
    world.user().await;
    assert_snapshot!(quota(&world, LOGIN).await.snapshot(), @r#"200 {"success":true,"quota":{"dailyLimit":1000000,"used":1,"remain":999999}}"#);
    let (_, cost) = world.count_requests(quota(&world, LOGIN)).await;
    assert_eq!(cost, Requests { dynamodb: 0, wechat: 1 });
    for path in ["", "wxa", "/a%20b", "/a%3Fb", &format!("/{}", "a".repeat(128)), "/no/such/api"] {
        let answer = quota(&world, path).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{path}");
        assert!(answer.text("/message").contains("cgiPath"), "{}", answer.body);
    }
    assert_eq!(world.operator("GET", "/api/admin/quota", &Value::Null).await.outcome(), "400 INVALID_INPUT");
}

#[tokio::test]
async fn an_operator_clears_the_counts_ten_times_a_month() {
    let world = World::start().await;
    world.user().await;
    assert_eq!(world.operator("POST", CLEAR, &json!({ "appid": "x" })).await.outcome(), "400 INVALID_INPUT");
    let path = "/cgi-bin/clear_quota";
    world.wechat().set_fault(Fault::TimeoutBefore { path: path.into(), times: 1, millis: 0 });
    assert_eq!(world.operator("POST", CLEAR, &json!({})).await.outcome(), "503 UPSTREAM_BUSY");
    for _ in 0..10 {
        world.clock.advance(Duration::from_millis(1));
        world.operator("POST", CLEAR, &json!({})).await.ok();
    }
    assert_eq!(quota(&world, LOGIN).await.json()["quota"]["used"], 0);
    let answer = world.operator("POST", CLEAR, &json!({})).await;
    assert_eq!(answer.outcome(), "409 CONFLICT");
    assert!(answer.text("/message").contains("48006"), "{}", answer.body);
    let calls = world.wechat().upstream_calls();
    assert_eq!(
        calls.iter().filter(|call| call.path == path).count(),
        12,
        "each call counts, so none is repeated"
    );
}

#[tokio::test]
async fn an_operator_looks_a_request_up_and_sees_no_secret() {
    let world = World::start().await;
    let phone = world.user().await;
    for (path, errcode) in [(LOGIN, 40029), ("/cgi-bin/message/subscribe/send", 43107)] {
        world.wechat().set_fault(Fault::Errcode { path: path.into(), errcode, times: 1 });
    }
    let code = phone.code().await;
    assert_eq!(world.post("/api/login", &json!({ "code": code })).await.status, 400);
    let found = past_request(&world, &last_rid(&world)).await.ok();
    let request = found.json()["request"].clone();
    assert_eq!(request["responseBody"]["errcode"], 40029);
    let url = request["requestUrl"].as_str().expect("a text");
    assert!(url.contains("secret=***") && url.contains("js_code=***") && url.contains("appid=wx"), "{url}");
    assert!(!found.body.contains(&code));

    let body =
        json!({ "openid": phone.openid, "templateId": "tmpl-1", "data": { "thing1": { "value": "水" } } });
    phone.post("/api/subscribe", &json!({ "tmplIds": ["tmpl-1"] })).await.ok();
    assert_eq!(world.operator("POST", "/api/admin/subscribe/send", &body).await.outcome(), "409 CONFLICT");
    let found = past_request(&world, &last_rid(&world)).await.ok();
    let request = found.json()["request"].clone();
    assert_eq!(request["requestUrl"], "access_token=***");
    assert_eq!(request["requestBody"]["template_id"], "tmpl-1");
    for canary in world.wechat().secrets().iter().chain([&phone.openid]) {
        assert!(!found.body.contains(canary.as_str()), "{}", found.body);
    }

    let rid = last_rid(&world);
    for unknown in ["61725984-6126f6f9-040f19c4", "nonsense!", &"a".repeat(65)] {
        assert_eq!(past_request(&world, unknown).await.outcome(), "404 NOT_FOUND", "{unknown}");
    }
    world.clock.advance(Duration::from_secs(8 * 24 * 60 * 60));
    assert_eq!(past_request(&world, &rid).await.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn wechat_s_refusals_reach_the_operator_and_users_are_kept_out() {
    let world = World::start().await;
    let path = "/cgi-bin/openapi/quota/get";
    for (errcode, outcome) in [
        (76022, "400 INVALID_INPUT"),
        (45009, "429 RATE_LIMITED"),
        (48001, "500 INTERNAL_ERROR"),
        (99999, "409 CONFLICT"),
    ] {
        world.wechat().set_fault(Fault::Errcode { path: path.into(), errcode, times: 1 });
        assert_eq!(quota(&world, LOGIN).await.outcome(), outcome, "{errcode}");
    }
    let phone = world.user().await;
    assert_eq!(phone.get("/api/admin/quota?cgiPath=/x").await.status, 403);
    assert_eq!(phone.get("/api/admin/rid/1").await.status, 403);
    assert_eq!(phone.post(CLEAR, &json!({})).await.status, 403);
}
