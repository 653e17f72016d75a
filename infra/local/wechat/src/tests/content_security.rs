//! Tests of content security: texts are judged at once, pictures and sounds by a push.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::{MediaCheckState, PushMode, PushSettings, Suggest, Verdict};

const TEXT: &str = "/wxa/msg_sec_check";
const MEDIA: &str = "/wxa/media_check_async";

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let url = Some(fixture.receiver.push_url());
    fixture.wechat.set_push_settings(PushSettings { url, mode: PushMode::Plain, ..PushSettings::default() });
    fixture.receiver.answer_pushes_with_success();
    fixture
}

fn text(fixture: &Fixture, changes: Value) -> Value {
    let mut body = json!({"content": "矿泉水", "version": 2, "scene": 1, "openid": fixture.openid});
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body
}

/// The body of a request to judge this file.
fn media(fixture: &Fixture, media_type: u8, bytes: &[u8]) -> Value {
    json!({
        "media_url": fixture.receiver.serve_file(bytes),
        "media_type": media_type,
        "version": 2,
        "scene": 1,
        "openid": fixture.openid,
    })
}

/// Asks for a verdict; the pushed event.
async fn judge(fixture: &Fixture, body: Value) -> Value {
    let answer = fixture.api(MEDIA, body).await;
    assert_eq!(answer["errcode"], 0, "{answer}");
    fixture.wechat.wait_for_notices().await;
    let event: Value = serde_json::from_str(fixture.receiver.bodies().last().unwrap()).unwrap();
    assert_eq!((&event["Event"], &event["trace_id"]), (&json!("wxa_media_check"), &answer["trace_id"]));
    assert_eq!(event["appid"], fixture.wechat.account().app_id.as_str());
    event
}

#[tokio::test]
async fn a_text_is_judged_by_its_markers_in_every_field() {
    let fixture = fixture().await;
    for (changes, suggest, label) in [
        (json!({}), "pass", json!(100)),
        (json!({"content": "risky:20002"}), "risky", json!("20002")),
        (json!({"title": "review:10001"}), "review", json!("10001")),
        (json!({"nickname": "违规昵称"}), "risky", json!("21000")),
        (json!({"signature": "疑似"}), "review", json!("21000")),
    ] {
        let answer = fixture.api(TEXT, text(&fixture, changes)).await;
        assert_eq!((&answer["errcode"], &answer["result"]["suggest"]), (&json!(0), &json!(suggest)));
        assert_eq!(answer["result"]["label"], label);
        assert_eq!(answer["detail"][0]["suggest"], suggest);
        assert_eq!(answer["trace_id"].as_str().unwrap().len(), 26);
    }
    fixture.add_faults(json!({"fault": "verdict", "suggest": "review", "label": 20_013})).await;
    let answer = fixture.api(TEXT, text(&fixture, json!({}))).await;
    assert_eq!(answer["result"], json!({"suggest": "review", "label": "20013"}));
}

#[tokio::test]
async fn version_1_answers_87014_for_a_risky_text() {
    let fixture = fixture().await;
    for (content, errcode) in [("矿泉水", 0), ("疑似", 0), ("违规", 87014)] {
        assert_eq!(fixture.api(TEXT, json!({"content": content})).await["errcode"], errcode, "{content}");
    }
}

#[tokio::test]
async fn a_wrong_check_has_its_errcode() {
    let fixture = fixture().await;
    let official = fixture.wechat.create_user(crate::NewUser::default()).official_openid;
    for (changes, errcode) in [
        (json!({"content": ""}), 47001),
        (json!({"content": "水".repeat(2501)}), 47001),
        (json!({"version": "2"}), 47001),
        (json!({"scene": 5}), 40129),
        (json!({"scene": null}), 40129),
        (json!({"openid": "onobody"}), 40003),
        (json!({"openid": official}), 43104),
    ] {
        assert_eq!(fixture.api(TEXT, text(&fixture, changes.clone())).await["errcode"], errcode, "{changes}");
    }
    let body = media(&fixture, 2, b"GIF89a");
    for (name, value, errcode) in [
        ("media_url", json!(""), 47001),
        ("media_type", json!(3), 40097),
        ("version", json!(1), 47001),
        ("scene", json!(0), 40129),
        ("openid", json!("onobody"), 40003),
    ] {
        let mut wrong = body.clone();
        wrong[name] = value;
        assert_eq!(fixture.api(MEDIA, wrong).await["errcode"], errcode, "{name}");
    }
    assert!(fixture.wechat.media_checks().is_empty());
}

#[tokio::test]
async fn a_picture_is_downloaded_and_its_verdict_is_pushed() {
    let fixture = fixture().await;
    let event = judge(&fixture, media(&fixture, 2, b"GIF89a risky:20002 ")).await;
    let expected = json!({
        "strategy": "content_model", "errcode": 0, "suggest": "risky", "label": 20_002, "prob": 90,
    });
    assert_eq!((&event["version"], &event["detail"]), (&json!(2), &json!([expected])));
    assert_eq!(
        (&event["result"], &event["errcode"]),
        (&json!({"suggest": "risky", "label": 20_002}), &json!(0))
    );
    let state = MediaCheckState::Judged(Verdict { suggest: Suggest::Risky, label: 20_002 });
    assert_eq!(fixture.wechat.media_checks()[0].state, state);
    let event = judge(&fixture, media(&fixture, 2, b"\0\0\0\x18ftypmp42 risky:20002")).await;
    assert_eq!(event["result"]["suggest"], "pass", "a video");
}

#[tokio::test]
async fn a_sounds_labels_are_texts_and_its_event_has_no_errcode() {
    let fixture = fixture().await;
    let event = judge(&fixture, media(&fixture, 1, b"ID3 review:10001")).await;
    assert_eq!(event["result"], json!({"suggest": "review", "label": "10001"}));
    assert_eq!((event.get("errcode"), event["detail"][0]["label"].as_str()), (None, Some("10001")));
}

#[tokio::test]
async fn a_file_that_cannot_be_downloaded_has_no_result() {
    let fixture = fixture().await;
    let large = [&b"GIF89a"[..], &vec![0; 10 * 1024 * 1024]].concat();
    for (media_type, bytes) in [(2, &b"no picture"[..]), (1, b"\0\0\0\x18ftypM4A "), (2, &large)] {
        let event = judge(&fixture, media(&fixture, media_type, bytes)).await;
        assert_eq!((&event["errcode"], &event["detail"]), (&json!(-1008), &json!([])));
        assert!(event.get("result").is_none());
    }
    for path in ["/redirect", "/none", "/notify"] {
        let mut body = media(&fixture, 2, b"GIF89a");
        body["media_url"] = fixture.receiver.url.replace("/notify", path).into();
        assert_eq!(judge(&fixture, body).await["errcode"], -1008, "{path}");
    }
    let mut body = media(&fixture, 2, b"GIF89a");
    body["media_url"] = json!("not an address");
    assert_eq!(judge(&fixture, body).await["errcode"], -1008);
}

#[tokio::test]
async fn a_verdict_can_arrive_before_the_answer_to_its_request() {
    let fixture = fixture().await;
    fixture.add_faults(json!({"fault": "answer_after_notices", "path": MEDIA})).await;
    let answer = fixture.api(MEDIA, media(&fixture, 2, b"GIF89a")).await;
    let event: Value = serde_json::from_str(&fixture.receiver.bodies()[0]).unwrap();
    assert_eq!(event["trace_id"], answer["trace_id"]);
}

#[tokio::test]
async fn a_stalled_verdict_comes_when_the_test_says_so() {
    let fixture = fixture().await;
    fixture.add_faults(json!({"fault": "verdict_stalled", "times": 2})).await;
    let first = fixture.api(MEDIA, media(&fixture, 2, b"GIF89a")).await["trace_id"].clone();
    let second = fixture.api(MEDIA, media(&fixture, 2, b"GIF89a")).await["trace_id"].clone();
    fixture.wechat.wait_for_notices().await;
    assert!(fixture.receiver.bodies().is_empty());
    fixture.wechat.finish_media_check(first.as_str().unwrap());
    let finish = json!({"trace_id": second});
    assert_eq!(fixture.post("/_wechat/media_checks/finish", &finish).await.unwrap().status(), 200);
    fixture.wechat.wait_for_notices().await;
    assert_eq!(fixture.receiver.bodies().len(), 2);
    assert_eq!(fixture.post("/_wechat/media_checks/finish", &finish).await.unwrap().status(), 400);
    let checks = fixture.get_json("/_wechat/media_checks").await;
    assert_eq!(checks["checks"][1]["state"], json!({"judged": {"suggest": "pass", "label": 100}}));
}
