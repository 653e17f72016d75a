//! `/api/admin/subscribe/templates`, `…/categories`, `…/library`

use e2e::World;
use insta::assert_snapshot;
use local_wechat::Fault;
use serde_json::{Value, json};

const TEMPLATES: &str = "/api/admin/subscribe/templates";

#[tokio::test]
async fn an_operator_chooses_lists_and_deletes_templates() {
    let world = World::start().await;
    let get = async |path: &str| world.operator("GET", path, &Value::Null).await;
    assert_snapshot!(get("/api/admin/subscribe/categories").await.snapshot(), @r#"200 {"success":true,"data":[{"id":307,"name":"服装/鞋/箱包"},{"id":616,"name":"线下超市/便利店"}]}"#);
    assert_snapshot!(get("/api/admin/subscribe/library?ids=307,616&start=1&limit=1").await.snapshot(), @r#"200 {"success":true,"count":3,"data":[{"categoryId":"616","tid":1476,"title":"取货提醒","type":2}]}"#);
    assert_eq!(get("/api/admin/subscribe/library?ids=307").await.ok().json()["count"], 2);
    assert_snapshot!(get("/api/admin/subscribe/library/1451").await.snapshot(), @r#"200 {"success":true,"count":3,"data":[{"example":"退款成功","kid":1,"name":"退款状态","rule":"phrase"},{"example":"￥1.01","kid":2,"name":"退款金额","rule":"amount"},{"example":"张三","kid":3,"name":"收款人","rule":"name"}]}"#);
    assert_eq!(get(TEMPLATES).await.ok().json()["data"], json!([]));
    let body = json!({ "tid": "1451", "kidList": [1, 2], "sceneDesc": "退款结果" });
    let added = world.operator("POST", TEMPLATES, &body).await.ok().text("/templateId");
    let listed = get(TEMPLATES).await.ok().json();
    assert_eq!(listed["data"][0]["priTmplId"], added);
    assert_eq!(listed["data"][0]["content"], "退款状态:{{phrase1.DATA}}\n退款金额:{{amount2.DATA}}\n");
    let path = format!("{TEMPLATES}/{added}");
    assert_snapshot!(world.operator("DELETE", &path, &Value::Null).await.snapshot(), @r#"200 {"success":true}"#);
    assert_eq!(world.operator("DELETE", &path, &Value::Null).await.outcome(), "404 NOT_FOUND");
    assert_eq!(get(TEMPLATES).await.ok().json()["data"], json!([]));
}

#[tokio::test]
async fn a_malformed_request_for_templates_names_the_field() {
    let world = World::start().await;
    let whole = json!({ "tid": "1451", "kidList": [1, 2], "sceneDesc": "退款结果" });
    world.operator("GET", TEMPLATES, &Value::Null).await.ok();
    let before = world.wechat().upstream_calls().len();
    for (field, wrong) in [
        ("tid", Value::Null),
        ("tid", json!("")),
        ("tid", json!("x")),
        ("tid", json!(-1)),
        ("kidList", Value::Null),
        ("kidList", json!([1])),
        ("kidList", json!([1, 2, 3, 4, 5, 6])),
        ("kidList", json!([1, 1])),
        ("kidList", json!(["1", "2"])),
        ("sceneDesc", Value::Null),
        ("sceneDesc", json!("")),
        ("sceneDesc", json!("退".repeat(16))),
        ("title", json!("退款")),
    ] {
        let mut body = whole.clone();
        body[field] = wrong;
        let answer = world.operator("POST", TEMPLATES, &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{body}");
        assert!(answer.text("/message").contains(field), "{body} {}", answer.body);
    }
    for (query, field) in [
        ("", "ids"),
        ("?ids=", "ids"),
        ("?ids=1,,2", "ids"),
        ("?ids=a", "ids"),
        ("?ids=1&start=-1", "start"),
        ("?ids=1&limit=0", "limit"),
        ("?ids=1&limit=31", "limit"),
        ("?ids=1&limit=ten", "limit"),
    ] {
        let answer =
            world.operator("GET", &format!("/api/admin/subscribe/library{query}"), &Value::Null).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{query}");
        assert!(answer.text("/message").contains(field), "{query} {}", answer.body);
    }
    let keywords = world.operator("GET", "/api/admin/subscribe/library/x", &Value::Null).await;
    assert_eq!(keywords.outcome(), "404 NOT_FOUND");
    assert_eq!(world.wechat().upstream_calls().len(), before, "WeChat is not asked for nonsense");
}

#[tokio::test]
async fn refusals_of_wechat_about_templates_reach_the_operator() {
    let world = World::start().await;
    let add = "/wxaapi/newtmpl/addtemplate";
    let body = json!({ "tid": "1451", "kidList": [1, 2], "sceneDesc": "退款结果" });
    for (errcode, outcome, says) in [
        (200_012, "409 CONFLICT", "上限"),
        (200_013, "409 CONFLICT", "封禁"),
        (200_014, "400 INVALID_INPUT", "tid"),
        (200_020, "400 INVALID_INPUT", "kidList"),
        (200_021, "400 INVALID_INPUT", "sceneDesc"),
        (45009, "429 RATE_LIMITED", ""),
        (200_011, "409 CONFLICT", "封禁"),
        (99999, "409 CONFLICT", "99999"),
        (48001, "500 INTERNAL_ERROR", ""),
    ] {
        world.wechat().set_fault(Fault::Errcode { path: add.into(), errcode, times: 1 });
        let answer = world.operator("POST", TEMPLATES, &body).await;
        assert_eq!(answer.outcome(), outcome, "{errcode}");
        assert!(answer.text("/message").contains(says), "{}", answer.body);
    }
    let raw =
        "{\"errcode\":0,\"data\":[{\"priTmplId\":\"a\",\"content\":\"金额:{{amount1.DATA}}\n\"}]}".to_owned();
    world.wechat().set_fault(Fault::Body { path: "/wxaapi/newtmpl/gettemplate".into(), body: raw, times: 1 });
    let listed = world.operator("GET", TEMPLATES, &Value::Null).await.ok().json();
    assert_eq!(listed["data"][0]["content"], "金额:{{amount1.DATA}}\n");
    let unknown = world.operator("GET", "/api/admin/subscribe/library/999", &Value::Null).await;
    assert_eq!(unknown.outcome(), "404 NOT_FOUND");
    // Adding is not repeated after a lost answer, because it could add the template twice.
    world.wechat().set_fault(Fault::TimeoutAfter { path: add.into(), times: 1, millis: 0 });
    assert_eq!(world.operator("POST", TEMPLATES, &body).await.outcome(), "503 UPSTREAM_BUSY");
    let listed = world.operator("GET", TEMPLATES, &Value::Null).await.ok().json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    // A read may be repeated.
    world.wechat().set_fault(Fault::Busy { path: "/wxaapi/newtmpl/gettemplate".into(), times: 2 });
    world.operator("GET", TEMPLATES, &Value::Null).await.ok();
}
