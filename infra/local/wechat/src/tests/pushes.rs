//! Tests of the message push: form, signatures, redelivery, faults and the check of the address.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::{CallKind, PushFormat, PushMode, PushSettings, SimulatorOptions};

async fn fixture(mode: PushMode, format: PushFormat) -> Fixture {
    let fixture = Fixture::with(SimulatorOptions::default()).await;
    let url = Some(fixture.receiver.push_url());
    fixture.wechat.set_push_settings(PushSettings { url, mode, format, subscribe_events: true });
    fixture.receiver.answer_pushes_with_success();
    fixture
}

/// Pushes an event and waits until it was delivered.
async fn push(fixture: &Fixture, message: Value) {
    fixture.wechat.push(&fixture.openid, message);
    fixture.wechat.wait_for_notices().await;
}

fn event() -> Value {
    json!({"Event": "debug_demo", "debug_str": "hello world"})
}

/// The messages that were delivered, as the simulator's log has them, each with its fault and outcome.
fn log(fixture: &Fixture) -> Vec<(Option<String>, String)> {
    fixture.wechat.deliveries().into_iter().map(|call| (call.fault, call.outcome)).collect()
}

fn queries(fixture: &Fixture) -> Vec<BTreeMap<String, String>> {
    let queries = fixture.receiver.queries().into_iter();
    queries
        .map(|query| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        })
        .collect()
}

#[tokio::test]
async fn a_plain_push_is_the_message_and_signs_the_query_alone() {
    let fixture = fixture(PushMode::Plain, PushFormat::Json).await;
    push(&fixture, event()).await;
    let body: Value = serde_json::from_str(&fixture.receiver.bodies()[0]).unwrap();
    let expected = json!({
        "ToUserName": fixture.wechat.account().original_id,
        "FromUserName": fixture.openid,
        "CreateTime": fixture.now() / 1000,
        "MsgType": "event",
        "Event": "debug_demo",
        "debug_str": "hello world",
    });
    assert_eq!(body, expected);
    let query = &queries(&fixture)[0];
    assert_eq!(query.keys().collect::<Vec<_>>(), ["nonce", "openid", "signature", "timestamp"]);
    assert_eq!((query["openid"].as_str(), query["timestamp"].as_str()), (&*fixture.openid, "1700000042"));
    let call = &fixture.wechat.deliveries()[0];
    assert_eq!(
        (call.kind, &call.request, call.outcome.as_str()),
        (CallKind::Delivery, &expected, "acknowledged")
    );
    assert!(!call.path.contains('?'));
}

#[tokio::test]
async fn a_secure_push_has_only_the_envelope_in_both_formats() {
    for format in [PushFormat::Json, PushFormat::Xml] {
        let fixture = fixture(PushMode::Secure, format).await;
        push(&fixture, event()).await;
        let body = &fixture.receiver.bodies()[0];
        assert!(body.contains("Encrypt") && body.contains("ToUserName"), "{body}");
        assert!(!body.contains("hello world") && !body.contains(&fixture.openid), "{body}");
        assert_eq!(body.starts_with("<xml>"), format == PushFormat::Xml);
        let query = &queries(&fixture)[0];
        assert_eq!((query["encrypt_type"].as_str(), query["msg_signature"].len()), ("aes", 40));
        assert_eq!(log(&fixture), [(None, "acknowledged".to_owned())]);
    }
}

#[tokio::test]
async fn a_push_is_sent_three_times_and_each_time_signed_anew() {
    let fixture = fixture(PushMode::Secure, PushFormat::Json).await;
    fixture.receiver.will_answer(&[(500, "success"), (200, "later"), (403, ""), (200, "success")]);
    push(&fixture, event()).await;
    let signatures: Vec<_> = queries(&fixture).iter().map(|query| query["msg_signature"].clone()).collect();
    assert_eq!(signatures.len(), 3);
    assert!(signatures[0] != signatures[1] && signatures[1] != signatures[2]);
    assert!(log(&fixture).iter().all(|(_, outcome)| outcome.starts_with("not acknowledged")));
}

#[tokio::test]
async fn a_hand_over_must_be_encrypted_in_secure_mode() {
    let hand_over =
        r#"{"ToUserName":"o1","FromUserName":"gh_1","CreateTime":1,"MsgType":"transfer_customer_service"}"#;
    for (mode, deliveries) in [(PushMode::Plain, 1), (PushMode::Secure, 2)] {
        let fixture = fixture(mode, PushFormat::Json).await;
        fixture.receiver.will_answer(&[(200, hand_over)]);
        push(&fixture, event()).await;
        let log = log(&fixture);
        assert_eq!(log.len(), deliveries);
        assert_eq!(log[0].1 == "handed over to customer service", mode == PushMode::Plain, "{log:?}");
    }
}

#[tokio::test]
async fn forged_replayed_and_other_forms_come_beside_the_genuine_push() {
    for mode in [PushMode::Plain, PushMode::Secure] {
        let fixture = fixture(mode, PushFormat::Json).await;
        fixture
            .add_faults(json!([
                {"fault": "notice_forged"},
                {"fault": "push_other_form"},
                {"fault": "push_replayed", "fields": {"debug_str": "bye"}},
            ]))
            .await;
        push(&fixture, event()).await;
        let faults: Vec<_> = log(&fixture).into_iter().map(|(fault, _)| fault.unwrap_or_default()).collect();
        assert_eq!(faults, ["notice_forged", "push_other_form", "", "push_replayed"]);
        let (bodies, queries) = (fixture.receiver.bodies(), queries(&fixture));
        assert_eq!(queries[1].contains_key("msg_signature"), mode == PushMode::Plain);
        assert_eq!(bodies[1].contains("hello world"), mode == PushMode::Secure);
        assert_eq!(queries[3], queries[2]);
        assert_ne!(bodies[3], bodies[2]);
        assert_eq!(bodies[3].contains("bye"), mode == PushMode::Plain);
        let logged: Vec<_> =
            fixture.wechat.deliveries().iter().map(|call| call.request["debug_str"].clone()).collect();
        assert_eq!(logged, ["hello world", "hello world", "hello world", "bye"]);
    }
}

#[tokio::test]
async fn lost_doubled_cut_and_late_pushes_are_those_of_notices() {
    let fixture = fixture(PushMode::Plain, PushFormat::Json).await;
    fixture.add_faults(json!({"fault": "notice_lost"})).await;
    push(&fixture, event()).await;
    assert!(fixture.receiver.bodies().is_empty());
    fixture
        .add_faults(json!([
            {"fault": "notice_duplicate", "copies": 2},
            {"fault": "clock_skew", "seconds": -600},
        ]))
        .await;
    push(&fixture, event()).await;
    assert_eq!(fixture.receiver.bodies().len(), 3);
    let stamps: Vec<_> = queries(&fixture).iter().map(|query| query["timestamp"].clone()).collect();
    assert_eq!(stamps.iter().filter(|stamp| *stamp == "1699999442").count(), 1, "{stamps:?}");
    fixture.add_faults(json!({"fault": "notice_cut"})).await;
    push(&fixture, event()).await;
    assert!(serde_json::from_str::<Value>(&fixture.receiver.bodies()[3]).is_err());
    fixture.add_faults(json!({"fault": "notice_reordered"})).await;
    push(&fixture, json!({"Event": "first"})).await;
    push(&fixture, json!({"Event": "second"})).await;
    let bodies = fixture.receiver.bodies();
    assert!(bodies[4].contains("second") && bodies[5].contains("first"), "{bodies:?}");
}

#[tokio::test]
async fn the_console_checks_the_address_by_its_echo() {
    let fixture = fixture(PushMode::Secure, PushFormat::Json).await;
    assert_eq!(fixture.post("/_wechat/push/check", "").await.unwrap().status(), 200);
    let call = &fixture.wechat.deliveries()[0];
    assert_eq!((call.method.as_str(), call.outcome.as_str()), ("GET", "acknowledged"));
    let no_echo = fixture.receiver.url.replace("/notify", "/health");
    let settings = PushSettings { url: Some(no_echo), ..PushSettings::default() };
    fixture.wechat.set_push_settings(settings);
    assert_eq!(fixture.post("/_wechat/push/check", "").await.unwrap().status(), 400);
    assert!(fixture.wechat.check_push_url().await.unwrap_err().contains("echostr"));
}

#[tokio::test]
async fn the_controls_change_settings_and_push_any_event() {
    let fixture = Fixture::new().await;
    let event = json!({"openid": fixture.openid, "Event": "user_authorization_revoke", "RevokeInfo": "201"});
    assert_eq!(fixture.post("/_wechat/push", &event).await.unwrap().status(), 400);
    let settings = json!({"url": fixture.receiver.push_url(), "mode": "plain", "format": "xml"});
    let put =
        fixture.client.put(format!("{}/_wechat/push/settings", fixture.base)).body(settings.to_string());
    assert_eq!(put.send().await.unwrap().status(), 200);
    let shown = fixture.get_json("/_wechat/push/settings").await;
    assert_eq!((&shown["format"], &shown["subscribeEvents"]), (&json!("xml"), &json!(false)));
    let wrong = fixture.client.put(format!("{}/_wechat/push/settings", fixture.base));
    assert_eq!(wrong.body("{\"mode\":\"compatible\"}").send().await.unwrap().status(), 400);

    fixture.receiver.answer_pushes_with_success();
    assert_eq!(fixture.post("/_wechat/push", &event).await.unwrap().status(), 200);
    fixture.wechat.wait_for_notices().await;
    let body = &fixture.receiver.bodies()[0];
    assert!(body.contains("<RevokeInfo><![CDATA[201]]></RevokeInfo>"), "{body}");
    assert!(!body.contains("<openid>"), "{body}");
    let unknown = json!({"openid": "onobody", "Event": "debug_demo"});
    assert_eq!(fixture.post("/_wechat/push", unknown).await.unwrap().status(), 400);
}

#[tokio::test]
async fn subscribe_messages_push_choice_withdrawal_and_delivery() {
    let fixture = fixture(PushMode::Plain, PushFormat::Json).await;
    let choice = json!({"tmplIds": ["t1", "t2", "t3"], "userChoice": {"t2": "reject", "t3": "ban"}});
    fixture.call_wx("requestSubscribeMessage", choice).await;
    fixture.wechat.wait_for_notices().await;
    let body =
        json!({"touser": fixture.openid, "template_id": "t1", "data": {"thing1": {"value": "矿泉水"}}});
    let sent = fixture.api("/cgi-bin/message/subscribe/send", body.clone()).await;
    fixture.wechat.wait_for_notices().await;
    let withdrawn = json!({"openid": fixture.openid, "templateId": "t1"});
    assert_eq!(fixture.post("/_wechat/subscriptions/withdraw", withdrawn).await.unwrap().status(), 200);
    fixture.wechat.wait_for_notices().await;

    let bodies = fixture.receiver.bodies();
    let events: Vec<Value> = bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    assert_eq!(
        events[0]["List"],
        json!([
            {"TemplateId": "t1", "SubscribeStatusString": "accept", "PopupScene": "0"},
            {"TemplateId": "t2", "SubscribeStatusString": "reject", "PopupScene": "0"},
        ])
    );
    assert_eq!(
        (&events[0]["Event"], &events[0]["CreateTime"]),
        (&json!("subscribe_msg_popup_event"), &json!("1700000042"))
    );
    let expected = json!({
        "TemplateId": "t1", "MsgID": sent["msgid"].to_string(), "ErrorCode": "0", "ErrorStatus": "success",
    });
    assert_eq!((&events[1]["Event"], &events[1]["List"]), (&json!("subscribe_msg_sent_event"), &expected));
    assert_eq!(events[2]["List"], json!({"TemplateId": "t1", "SubscribeStatusString": "reject"}));
    assert_eq!(fixture.api("/cgi-bin/message/subscribe/send", body).await["errcode"], 43101);
}

#[tokio::test]
async fn an_undelivered_message_is_accepted_and_only_its_event_says_so() {
    let fixture = fixture(PushMode::Plain, PushFormat::Json).await;
    fixture.call_wx("requestSubscribeMessage", json!({"tmplIds": ["t1"]})).await;
    fixture
        .add_faults(json!([
            {"fault": "message_undelivered"},
            {"fault": "answer_after_notices", "path": "/cgi-bin/message/subscribe/send"},
        ]))
        .await;
    let body = json!({"touser": fixture.openid, "template_id": "t1", "data": {"thing1": {"value": "水"}}});
    assert_eq!(fixture.api("/cgi-bin/message/subscribe/send", body).await["errcode"], 0);
    // The event arrived before the answer.
    let bodies = fixture.receiver.bodies();
    let event: Value = serde_json::from_str(bodies.last().unwrap()).unwrap();
    assert_eq!(event["List"]["ErrorCode"], "43101");
    assert!(fixture.wechat.messages().is_empty());
}

#[tokio::test]
async fn without_the_setting_subscribe_messages_push_nothing() {
    let fixture = Fixture::new().await;
    let url = Some(fixture.receiver.push_url());
    fixture.wechat.set_push_settings(PushSettings { url, ..PushSettings::default() });
    fixture.call_wx("requestSubscribeMessage", json!({"tmplIds": ["t1"]})).await;
    fixture.wechat.wait_for_notices().await;
    assert!(fixture.wechat.deliveries().is_empty());
}
