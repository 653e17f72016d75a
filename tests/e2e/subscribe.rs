//! `/api/subscribe`, `/api/admin/subscribe/…`

use std::time::Duration;

use e2e::{Effects, Phone, Requests, Response, World};
use futures_util::future::join_all;
use insta::assert_snapshot;
use local_wechat::Fault;
use serde_json::{Value, json};

const SEND: &str = "/cgi-bin/message/subscribe/send";
const ADMIN_SEND: &str = "/api/admin/subscribe/send";
const TEMPLATES: &str = "/api/admin/subscribe/templates";
const PAID: &str = "tmpl-paid";

/// The user accepts one message of the template, and the phone reports it.
async fn accept(phone: &Phone<'_>, template: &str) {
    let asked = phone.wx("requestSubscribeMessage", json!({ "tmplIds": [template] })).await;
    assert_eq!(asked.json()[template], "accept", "{}", asked.body);
    report(phone, &[template]).await.ok();
}

/// The phone says that the user accepted, whether or not they did.
async fn report(phone: &Phone<'_>, templates: &[&str]) -> Response {
    phone.post("/api/subscribe", &json!({ "tmplIds": templates })).await
}

/// What the phone is shown.
async fn remaining(phone: &Phone<'_>) -> Value {
    phone.get("/api/subscribe").await.ok().json()["subscriptions"].clone()
}

fn left(count: u32) -> Value {
    json!([{ "templateId": PAID, "remaining": count }])
}

fn message(phone: &Phone<'_>) -> Value {
    json!({ "openid": phone.openid, "templateId": PAID,
            "data": { "thing1": { "value": "矿泉水" }, "amount2": { "value": "¥2.00" } } })
}

async fn send(world: &World, body: &Value) -> Response {
    world.operator("POST", ADMIN_SEND, body).await
}

fn fault(errcode: i64) -> Fault {
    Fault::Errcode { path: SEND.into(), errcode, times: 1 }
}

#[tokio::test]
async fn accepted_templates_are_counted_and_listed() {
    let world = World::start().await;
    let phone = world.user().await;
    assert_eq!(remaining(&phone).await, json!([]));
    let answer = report(&phone, &["tmpl-b", "tmpl-a"]).await;
    assert_snapshot!(answer.snapshot(), @r#"200 {"success":true,"subscriptions":[{"templateId":"tmpl-b","remaining":1},{"templateId":"tmpl-a","remaining":1}]}"#);
    let answer = report(&phone, &["tmpl-a", "tmpl-c"]).await;
    assert_snapshot!(answer.snapshot(), @r#"200 {"success":true,"subscriptions":[{"templateId":"tmpl-a","remaining":2},{"templateId":"tmpl-c","remaining":1}]}"#);
    let answer = phone.get("/api/subscribe").await;
    assert_snapshot!(answer.snapshot(), @r#"200 {"success":true,"subscriptions":[{"templateId":"tmpl-a","remaining":2},{"templateId":"tmpl-b","remaining":1},{"templateId":"tmpl-c","remaining":1}]}"#);
}

#[tokio::test]
async fn five_templates_accepted_in_one_call_are_counted() {
    let world = World::start().await;
    let phone = world.user().await;
    let five = ["tmpl-a", "tmpl-b", "tmpl-c", "tmpl-d", "tmpl-e"];
    let asked = phone.wx("requestSubscribeMessage", json!({ "tmplIds": five })).await;
    assert_eq!(asked.json()["tmpl-e"], "accept", "{}", asked.body);
    let answer = report(&phone, &five).await.ok();
    assert_eq!(answer.json()["subscriptions"].as_array().map(Vec::len), Some(five.len()));
}

#[tokio::test]
async fn a_user_neither_reads_nor_changes_the_ledger_of_another() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    accept(&one, PAID).await;
    assert_eq!(remaining(&two).await, json!([]));
    let body = json!({ "tmplIds": [PAID], "openid": one.openid });
    let answer = two.post("/api/subscribe", &body).await;
    assert_eq!(answer.outcome(), "400 INVALID_INPUT");
    assert!(answer.text("/message").contains("openid"));
    // A parameter that the route does not have is not read.
    let other = world.request("GET", &format!("/api/subscribe?openid={}", one.openid));
    let answer = other.bearer_auth(&two.token).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer["subscriptions"], json!([]));
    assert_eq!(remaining(&one).await, left(1));
    for request in
        [world.request("GET", "/api/subscribe"), world.request("POST", "/api/subscribe").body("{}")]
    {
        assert_eq!(world.send(request).await.outcome(), "401 UNAUTHORIZED");
    }
}

#[tokio::test]
async fn a_hundred_reports_at_once_count_ten_and_a_hundred_minutes_count_twenty() {
    let world = World::start().await;
    let phone = world.user().await;
    let answers = join_all((0..100).map(|_| report(&phone, &[PAID]))).await;
    let counted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(counted, 10);
    let refused = answers.iter().find(|answer| answer.status != 200).expect("a refusal");
    assert_eq!(refused.outcome(), "429 RATE_LIMITED");
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(remaining(&phone).await, left(10));
    for _ in 0..10 {
        world.clock.advance(Duration::from_secs(60));
        for _ in 0..9 {
            report(&phone, &[PAID]).await.ok();
        }
    }
    assert_eq!(remaining(&phone).await, left(20));
}

#[tokio::test]
async fn invented_templates_are_refused_after_ninety_nine() {
    let world = World::start().await;
    let phone = world.user().await;
    let mut refused = None;
    for number in 0..40 {
        world.clock.advance(Duration::from_secs(60));
        let ids = [0, 1, 2].map(|index| format!("made-up-{number}-{index}"));
        let answer = report(&phone, &ids.each_ref().map(String::as_str)).await;
        refused = (answer.status != 200).then_some(answer);
    }
    let refused = refused.expect("a refusal");
    assert_eq!(refused.outcome(), "400 INVALID_INPUT");
    assert!(refused.text("/message").contains("tmplIds"));
    assert_eq!(remaining(&phone).await.as_array().map(Vec::len), Some(99));
    // Those that are known still count.
    let answer = report(&phone, &["made-up-0-0"]).await.ok();
    assert_eq!(answer.json()["subscriptions"][0]["remaining"], 2);
    assert_eq!(report(&phone, &["made-up-x", "made-up-y"]).await.outcome(), "400 INVALID_INPUT");
}

#[tokio::test]
async fn a_malformed_report_is_refused_with_the_field_s_name() {
    let world = World::start().await;
    let phone = world.user().await;
    for (body, field) in [
        (json!({}), "tmplIds"),
        (json!({ "tmplIds": null }), "tmplIds"),
        (json!({ "tmplIds": [] }), "tmplIds"),
        (json!({ "tmplIds": PAID }), "tmplIds"),
        (json!({ "tmplIds": ["a", 1] }), "tmplIds[1]"),
        (json!({ "tmplIds": ["a", "b", "c", "d", "e", "f"] }), "tmplIds"),
        (json!({ "tmplIds": ["a", "a"] }), "tmplIds"),
        (json!({ "tmplIds": ["a", ""] }), "tmplIds[1]"),
        (json!({ "tmplIds": ["#reports"] }), "tmplIds[0]"),
        (json!({ "tmplIds": ["模板"] }), "tmplIds[0]"),
        (json!({ "tmplIds": ["x".repeat(65)] }), "tmplIds[0]"),
        (json!({ "tmplIds": ["a"], "remaining": 1000 }), "remaining"),
        (json!([["a"]]), "body"),
    ] {
        let answer = phone.post("/api/subscribe", &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{body}");
        assert!(answer.text("/message").contains(field), "{body} {}", answer.body);
    }
    assert_eq!(remaining(&phone).await, json!([]));
}

#[tokio::test]
async fn a_message_is_sent_unchanged_and_taken_from_what_remains() {
    let world = World::start().await;
    let phone = world.user().await;
    accept(&phone, PAID).await;
    accept(&phone, PAID).await;
    assert_snapshot!(send(&world, &message(&phone)).await.snapshot(), @r#"200 {"success":true,"message":"订阅消息已发送"}"#);
    let mut whole = message(&phone);
    whole["page"] = json!("pages/order?id=1");
    whole["miniprogramState"] = json!("trial");
    whole["lang"] = json!("en_US");
    send(&world, &whole).await.ok();
    let got = world.wechat().messages();
    let got: Vec<_> = got
        .iter()
        .map(|got| {
            assert_eq!(got.openid, phone.openid);
            assert_eq!(got.template_id.as_str(), PAID);
            assert_eq!(got.data["thing1"].as_str(), "矿泉水");
            assert_eq!(got.data["amount2"].as_str(), "¥2.00");
            (got.page.as_deref(), got.miniprogram_state.as_str(), got.lang.as_str())
        })
        .collect();
    assert_eq!(got, [(None, "formal", "zh_CN"), (Some("pages/order?id=1"), "trial", "en_US")]);
    assert_eq!(remaining(&phone).await, left(0));
    assert_eq!(send(&world, &message(&phone)).await.outcome(), "409 NOT_SUBSCRIBED");
    assert_eq!(world.calls_to(SEND), 2, "nothing remains, so that WeChat is not called");
}

#[tokio::test]
async fn twenty_sends_at_once_with_one_remaining_send_one_message() {
    let world = World::start().await;
    let phone = world.user().await;
    // WeChat would take twenty.
    for _ in 0..20 {
        phone.wx("requestSubscribeMessage", json!({ "tmplIds": [PAID] })).await;
    }
    report(&phone, &[PAID]).await.ok();
    let body = message(&phone);
    let answers = join_all((0..20).map(|_| send(&world, &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.outcome() == "409 NOT_SUBSCRIBED").count(), 19);
    assert_eq!(world.effects().await, Effects { send_calls: 1, messages: 1, ..Effects::default() });
}

#[tokio::test]
async fn a_user_is_sent_no_message_that_they_did_not_accept() {
    let world = World::start().await;
    let phone = world.user().await;
    let answer = send(&world, &message(&phone)).await;
    assert_snapshot!(answer.snapshot(), @r#"409 {"success":false,"code":"NOT_SUBSCRIBED","message":"用户未订阅该消息","requestId":"…"}"#);
    let mut unknown = message(&phone);
    unknown["openid"] = json!("oNobodyAtAll");
    assert_eq!(send(&world, &unknown).await.outcome(), "409 NOT_SUBSCRIBED");
    accept(&phone, "tmpl-other").await;
    assert_eq!(send(&world, &message(&phone)).await.outcome(), "409 NOT_SUBSCRIBED");
    assert_eq!(world.calls_to(SEND), 0);
}

#[tokio::test]
async fn a_refusal_of_the_user_at_wechat_empties_the_ledger() {
    let world = World::start().await;
    let phone = world.user().await;
    // Reported three times and never accepted.
    for _ in 0..3 {
        report(&phone, &[PAID]).await.ok();
    }
    assert_eq!(send(&world, &message(&phone)).await.outcome(), "409 NOT_SUBSCRIBED");
    assert_eq!(remaining(&phone).await, left(0));
    assert_eq!(send(&world, &message(&phone)).await.outcome(), "409 NOT_SUBSCRIBED");
    assert_eq!(world.calls_to(SEND), 1, "it is asked once");
}

#[tokio::test]
async fn a_message_that_wechat_refuses_is_named_and_given_back() {
    let world = World::start().await;
    let phone = world.user().await;
    accept(&phone, PAID).await;
    let mut body = message(&phone);
    body["page"] = json!("pages/gone");
    for (fault, outcome, field) in [
        (fault(40003), "400 INVALID_INPUT", "openid"),
        (Fault::TemplateUnknown { template_id: PAID.to_owned() }, "400 INVALID_INPUT", "templateId"),
        (Fault::PageMissing { page: "pages/gone".to_owned() }, "400 INVALID_INPUT", "page"),
        (fault(45168), "400 INVALID_INPUT", "data"),
        (fault(47003), "400 INVALID_INPUT", "data"),
        (Fault::Quota { path: SEND.into(), times: 1 }, "429 RATE_LIMITED", ""),
        (fault(48001), "500 INTERNAL_ERROR", ""),
        (fault(43107), "409 CONFLICT", "订阅消息能力已被封禁（微信错误码 43107）"),
        (fault(40165), "409 CONFLICT", "页面路径无效（微信错误码 40165）"),
        (fault(99999), "409 CONFLICT", "99999"),
        (fault(43108), "503 UPSTREAM_BUSY", ""),
        (Fault::Busy { path: SEND.into(), times: 3 }, "503 UPSTREAM_BUSY", ""),
    ] {
        world.wechat().set_fault(fault);
        let answer = send(&world, &body).await;
        assert_eq!(answer.outcome(), outcome, "{field}");
        assert!(answer.text("/message").contains(field), "{field} {}", answer.body);
        assert_eq!(remaining(&phone).await, left(1), "{outcome} {field}");
        world.wechat().clear_faults();
    }
    send(&world, &body).await.ok();
    assert_eq!(remaining(&phone).await, left(0));
}

#[tokio::test]
async fn the_keyword_that_wechat_does_not_take_is_named() {
    let world = World::start().await;
    let phone = world.user().await;
    let added = json!({ "tid": 1221, "kidList": [4, 2], "sceneDesc": "支付成功" });
    let template = world.operator("POST", TEMPLATES, &added).await.ok().text("/templateId");
    accept(&phone, &template).await;
    let mut body = message(&phone);
    body["templateId"] = json!(template);
    for (data, key) in [
        // The template has no keyword 1, and its keyword 4 is missing.
        (json!({ "thing1": { "value": "水" }, "amount2": { "value": "¥2" } }), "data.thing4"),
        // Our check accepts this form of a date.
        (
            json!({ "thing4": { "value": "水" }, "amount2": { "value": "2" }, "date3": { "value": "2019年10月1日15:01" } }),
            "data.date3",
        ),
    ] {
        body["data"] = data;
        let answer = send(&world, &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{key}");
        assert!(answer.text("/message").contains(key), "{}", answer.body);
    }
    body["data"] = json!({ "thing4": { "value": "水" }, "amount2": { "value": "2" } });
    send(&world, &body).await.ok();
    assert_eq!(world.effects().await, Effects { send_calls: 3, messages: 1, ..Effects::default() });
}

#[tokio::test]
async fn keywords_and_dates_that_wechat_takes_are_sent() {
    let world = World::start().await;
    let phone = world.user().await;
    for data in [
        json!({ "short_thing1": { "value": "水" }, "number2": { "value": "1" },
                "time3": { "value": "2026-08-11 12:00:00" } }),
        json!({ "date1": { "value": "8月11日" } }),
        json!({ "date1": { "value": "2018年1月" } }),
        json!({ "date1": { "value": "2018.01.01 9:00~2018.01.02 18:00" }, "date2": { "value": "01-01" } }),
    ] {
        accept(&phone, PAID).await;
        let mut body = message(&phone);
        body["data"] = data;
        send(&world, &body).await.ok();
    }
    assert_eq!(world.wechat().messages().len(), 4);
}

#[tokio::test]
async fn after_a_lost_answer_nothing_is_sent_again_or_given_back() {
    let world = World::start().await;
    let phone = world.user().await;
    for (fault, sent) in [
        (Fault::TimeoutAfter { path: SEND.into(), times: 1, millis: 0 }, 1),
        (Fault::TimeoutBefore { path: SEND.into(), times: 1, millis: 0 }, 1),
        (Fault::HttpStatus { path: SEND.into(), times: 1, status: 502 }, 1),
        (Fault::Garbage { path: SEND.into(), times: 1 }, 1),
    ] {
        accept(&phone, PAID).await;
        let before = world.calls_to(SEND);
        world.wechat().set_fault(fault);
        assert_eq!(send(&world, &message(&phone)).await.outcome(), "503 UPSTREAM_BUSY");
        assert_eq!(world.calls_to(SEND) - before, 1);
        assert_eq!(world.wechat().messages().len(), sent);
        assert_eq!(remaining(&phone).await, left(0));
    }
}

#[tokio::test]
async fn a_lost_answer_of_the_ledger_takes_one_message_and_sends_it() {
    let world = World::start().await;
    let phone = world.user().await;
    for remains in [0, 1] {
        for _ in 0..=remains {
            accept(&phone, PAID).await;
        }
        let (caller, operation) = (Some("SubscribeFunction".to_owned()), Some("UpdateItem".to_owned()));
        let kind = local_dynamo::FaultKind::TimeoutAfter;
        world.dynamo().inject_fault(local_dynamo::DynamoFault { caller, operation, kind, times: 1 });
        send(&world, &message(&phone)).await.ok();
        assert_eq!(remaining(&phone).await, left(remains));
    }
    assert_eq!(world.effects().await, Effects { send_calls: 2, messages: 2, ..Effects::default() });
}

#[tokio::test]
async fn while_the_ledger_can_t_be_read_nothing_is_sent() {
    let world = World::start().await;
    let phone = world.user().await;
    accept(&phone, PAID).await;
    let (caller, kind) = (Some("SubscribeFunction".to_owned()), local_dynamo::FaultKind::InternalError);
    let fault = local_dynamo::DynamoFault { caller, operation: None, kind, times: 100 };
    world.dynamo().inject_fault(fault);
    assert_eq!(send(&world, &message(&phone)).await.outcome(), "503 UPSTREAM_BUSY");
    assert_eq!(report(&phone, &[PAID]).await.outcome(), "503 UPSTREAM_BUSY");
    assert_eq!(phone.get("/api/subscribe").await.outcome(), "503 UPSTREAM_BUSY");
    world.dynamo().clear_faults();
    assert_eq!(world.calls_to(SEND), 0);
    assert_eq!(remaining(&phone).await, left(1));
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_message_sent_once() {
    let world = World::start().await;
    let phone = world.user().await;
    accept(&phone, PAID).await;
    world.wechat().set_fault(Fault::TokenRevoked { path: Some(SEND.into()), stuck: false, times: 1 });
    send(&world, &message(&phone)).await.ok();
    assert_eq!(world.wechat().messages().len(), 1);
    assert_eq!(remaining(&phone).await, left(0));
}

#[tokio::test]
async fn a_malformed_message_names_the_field_and_makes_no_request() {
    let world = World::start().await;
    let phone = world.user().await;
    accept(&phone, PAID).await;
    let value = |value: Value| json!({ "thing1": { "value": value } });
    for (field, wrong, named) in [
        ("openid", Value::Null, "openid"),
        ("openid", json!(1), "openid"),
        ("openid", json!(""), "openid"),
        ("openid", json!("o 1"), "openid"),
        ("templateId", Value::Null, "templateId"),
        ("templateId", json!("#reports"), "templateId"),
        ("data", Value::Null, "data"),
        ("data", json!({}), "data"),
        ("data", json!("{}"), "data"),
        ("data", json!({ "thing1": "水" }), "data.thing1"),
        ("data", json!({ "thing1": {} }), "data.thing1"),
        ("data", json!({ "thing1": { "value": "水", "color": "#000" } }), "data.thing1.color"),
        ("data", value(json!(1)), "data.thing1"),
        ("data", value(json!("")), "data.thing1"),
        ("data", value(json!("水\n")), "data.thing1"),
        ("data", value(json!("水".repeat(21))), "data.thing1"),
        ("data", json!({ "colour1": { "value": "红".repeat(201) } }), "data.colour1"),
        ("data", json!({ "phrase2": { "value": "paid" } }), "data.phrase2"),
        ("page", json!("https://example.com"), "page"),
        ("page", json!(""), "page"),
        ("miniprogramState", json!("release"), "miniprogramState"),
        ("lang", json!("zh"), "lang"),
        ("touser", json!("o1"), "touser"),
    ] {
        let mut body = message(&phone);
        body[field] = wrong;
        let answer = send(&world, &body).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{body}");
        assert!(answer.text("/message").contains(named), "{body} {}", answer.body);
    }
    let huge = json!({ "openid": "x".repeat(70_000) });
    assert_eq!(send(&world, &huge).await.outcome(), "413 PAYLOAD_TOO_LARGE");
    assert_eq!(world.calls_to(SEND), 0);
    assert_eq!(remaining(&phone).await, left(1));
}

#[tokio::test]
async fn operators_routes_are_closed_to_users() {
    let world = World::start().await;
    let phone = world.user().await;
    accept(&phone, PAID).await;
    for (method, path) in [
        ("POST", ADMIN_SEND),
        ("GET", TEMPLATES),
        ("POST", TEMPLATES),
        ("DELETE", "/api/admin/subscribe/templates/x"),
        ("GET", "/api/admin/subscribe/categories"),
        ("GET", "/api/admin/subscribe/library?ids=307"),
        ("GET", "/api/admin/subscribe/library/1221"),
    ] {
        let request = world.request(method, path).bearer_auth(&phone.token).json(&message(&phone));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 403, "{method} {path}");
    }
    assert_eq!(world.calls_to(SEND), 0);
}

#[tokio::test]
async fn each_route_of_messages_keeps_to_its_request_budget() {
    let world = World::start().await;
    let phone = world.user().await;
    accept(&phone, PAID).await;
    accept(&phone, PAID).await;
    send(&world, &message(&phone)).await.ok();
    let (_, cost) = world.count_requests(phone.get("/api/subscribe")).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    let (_, cost) = world.count_requests(send(&world, &message(&phone))).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 1 });
    let (_, cost) = world.count_requests(send(&world, &message(&phone))).await;
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 }, "nothing remains");
    report(&phone, &[PAID]).await.ok();
    let (_, cost) = world.count_requests(send(&world, &message(&phone))).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 1 }, "refused");
    world.clock.advance(Duration::from_secs(60));
    let (_, cost) = world.count_requests(report(&phone, &[PAID])).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 0 }, "the first of a minute");
    let (_, cost) = world.count_requests(report(&phone, &[PAID, "b", "c"])).await;
    assert_eq!(cost, Requests { dynamodb: 5, wechat: 0 });
}
