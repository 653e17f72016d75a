//! `POST /api/security/text`

use std::time::Duration;

use e2e::{Requests, World};
use futures_util::future::join_all;
use local_wechat::Fault;
use serde_json::{Value, json};

const TEXT: &str = "/api/security/text";
const UPSTREAM: &str = "/wxa/msg_sec_check";

fn comment(content: &str) -> Value {
    json!({ "content": content, "scene": 2 })
}

#[tokio::test]
async fn a_harmless_text_passes_with_one_request_to_wechat() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.post(TEXT, &comment("很好")).await.ok();
    let (answer, cost) = world.count_requests(phone.post(TEXT, &comment("很好"))).await;
    assert_eq!(answer.ok().json(), json!({ "success": true, "suggest": "pass", "label": 100 }));
    assert_eq!(cost, Requests { dynamodb: 0, wechat: 1 });
}

#[tokio::test]
async fn a_risky_text_and_one_for_review_do_not_pass() {
    let world = World::start().await;
    let phone = world.user().await;
    for (content, suggest, label) in [("risky:20002", "risky", 20002), ("review:10001", "review", 10001)] {
        let answer = phone.post(TEXT, &comment(content)).await.ok();
        assert_eq!(answer.json(), json!({ "success": true, "suggest": suggest, "label": label }));
    }
}

#[tokio::test]
async fn a_text_goes_to_wechat_with_the_caller_s_openid_and_all_fields() {
    let world = World::start().await;
    let phone = world.user().await;
    let body = json!({ "content": "签名", "scene": 1, "title": "标题", "nickname": "小明", "signature": "" });
    phone.post(TEXT, &body).await.ok();
    let calls = world.wechat().upstream_calls();
    let call = calls.iter().find(|call| call.path == UPSTREAM).expect("the call");
    assert_eq!(
        call.request,
        json!({ "access_token": "***", "version": 2, "openid": phone.openid, "scene": 1, "content": "签名", "title": "标题", "nickname": "小明" })
    );
}

#[tokio::test]
async fn a_body_that_wechat_would_refuse_is_refused_without_a_request() {
    let world = World::start().await;
    let phone = world.user().await;
    for (body, field) in [
        (json!({ "scene": 2 }), "content"),
        (json!({ "content": " ", "scene": 2 }), "content"),
        (json!({ "content": "字".repeat(2501), "scene": 2 }), "content"),
        (json!({ "content": "a" }), "scene"),
        (json!({ "content": "a", "scene": 0 }), "scene"),
        (json!({ "content": "a", "scene": 5 }), "scene"),
        (json!({ "content": "a", "scene": "2" }), "scene"),
        (json!({ "content": "a", "scene": 2, "signature": "s" }), "signature"),
        (json!({ "content": "a", "scene": 1, "nickname": "n".repeat(501) }), "nickname"),
        (json!({ "content": "a", "scene": 1, "openid": "o" }), "openid"),
    ] {
        let (answer, cost) = world.count_requests(phone.post(TEXT, &body)).await;
        assert_eq!(answer.outcome().as_str(), "400 INVALID_INPUT");
        assert!(answer.text("/message").contains(field), "{}", answer.body);
        assert_eq!(cost, Requests { dynamodb: 0, wechat: 0 });
    }
    assert_eq!(world.post(TEXT, &comment("a")).await.outcome().as_str(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn a_text_that_wechat_cannot_check_does_not_pass() {
    let world = World::start().await;
    let phone = world.user().await;
    // WeChat is busy for longer than the client tries, or says that its quota is used up.
    let path = || UPSTREAM.to_owned();
    world.wechat().set_fault(Fault::Busy { path: path(), times: 3 });
    assert_eq!(phone.post(TEXT, &comment("很好")).await.outcome().as_str(), "503 UPSTREAM_BUSY");
    world.wechat().set_fault(Fault::Quota { path: path(), times: 1 });
    assert_eq!(phone.post(TEXT, &comment("很好")).await.outcome().as_str(), "429 RATE_LIMITED");
    assert_eq!(phone.post(TEXT, &comment("很好")).await.ok().text("/suggest"), "pass");
}

#[tokio::test]
async fn a_text_of_a_user_whom_wechat_has_not_seen_is_for_review() {
    let world = World::start().await;
    let phone = world.user().await;
    for errcode in [61010, 40003, 43104, 99_999] {
        world.wechat().set_fault(Fault::Errcode { path: UPSTREAM.to_owned(), errcode, times: 1 });
        let answer = phone.post(TEXT, &comment("很好")).await.ok();
        assert_eq!(answer.json(), json!({ "success": true, "suggest": "review" }), "{errcode}");
    }
    world.wechat().set_fault(Fault::Errcode { path: UPSTREAM.to_owned(), errcode: 87014, times: 1 });
    assert_eq!(phone.post(TEXT, &comment("很好")).await.ok().text("/suggest"), "risky");
    world.wechat().set_fault(Fault::Errcode { path: UPSTREAM.to_owned(), errcode: 47001, times: 1 });
    assert_eq!(phone.post(TEXT, &comment("很好")).await.outcome(), "500 INTERNAL_ERROR");
}

#[tokio::test]
async fn a_user_has_thirty_texts_checked_a_minute() {
    let world = World::start().await;
    let (greedy, modest) = (world.user().await, world.user().await);
    // The minute that begins now is whole.
    world.clock.advance(Duration::from_secs(60 - world.now() % 60));
    let body = comment("很好");
    let answers = join_all((0..31).map(|_| greedy.post(TEXT, &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 30);
    let refused = answers.iter().find(|answer| answer.status != 200).expect("one too many");
    assert_eq!(refused.outcome().as_str(), "429 RATE_LIMITED");
    assert_eq!(world.calls_to(UPSTREAM), 30);
    modest.post(TEXT, &comment("很好")).await.ok();
}
