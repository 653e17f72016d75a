//! `POST /api/security/media`, `GET /api/security/results/{traceId}`, and the verdicts that WeChat pushes.

use std::time::Duration;

use e2e::{Phone, Requests, World};
use futures_util::future::join;
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::{Fault, PushFormat, PushMode, PushSettings};
use serde_json::{Value, json};
use shared::{
    store::MediaChecks,
    types::{Caller, OpenId, UnixSeconds, UserId},
};

const MEDIA: &str = "/api/security/media";
const UPSTREAM: &str = "/wxa/media_check_async";
const CLEAN: &[u8] = b"GIF89a a harmless picture";
const RISKY: &[u8] = b"GIF89a risky:20002 ";

fn body(form: &Value, media_type: &str) -> Value {
    json!({ "objectKey": form["objectKey"], "mediaType": media_type, "scene": 3 })
}

/// Uploads a picture and asks for a check: its number.
async fn ask(phone: &Phone<'_>, bytes: &[u8]) -> String {
    let form = phone.upload("image", "image/gif", bytes).await;
    phone.post(MEDIA, &body(&form, "image")).await.ok().text("/traceId")
}

/// All pushes have come and are processed.
pub(crate) async fn settle(world: &World) {
    for _ in 0..2 {
        // A push can lead to another call, and that to another push.
        world.wechat().wait_for_notices().await;
        world.bundle().drain_stream("push-events").await.expect("the stream is delivered");
    }
}

pub(crate) async fn repair(world: &World) -> Value {
    world.bundle().run_task("push-events").await.expect("the task runs")["mediaChecks"].take()
}

pub(crate) fn later(world: &World) {
    world.clock.advance(Duration::from_secs(35 * 60));
}

pub(crate) fn stall(world: &World, times: u32) {
    world.wechat().set_fault(Fault::VerdictStalled { times });
}

/// What the asker reads, without `success`.
pub(crate) async fn result(phone: &Phone<'_>, trace_id: &str) -> Value {
    let mut answer = phone.get(&format!("/api/security/results/{trace_id}")).await.ok().json();
    answer.as_object_mut().expect("an object").remove("success");
    answer
}

pub(crate) fn pass() -> Value {
    json!({ "state": "PASS", "label": 100 })
}

fn pending() -> Value {
    json!({ "state": "PENDING" })
}

fn error() -> Value {
    json!({ "state": "ERROR" })
}

/// A verdict as WeChat pushes it.
pub(crate) fn verdict(trace_id: &str, suggest: &str, label: u32) -> Value {
    json!({ "Event": "wxa_media_check", "trace_id": trace_id, "version": 2, "detail": [],
            "result": { "suggest": suggest, "label": label } })
}

/// Contents of the bucket's objects in this folder.
pub(crate) fn stored(world: &World, folder: &str) -> Vec<Vec<u8>> {
    let objects = world.uploads().into_iter().filter(|(key, _)| key.starts_with(folder));
    objects.map(|(_, bytes)| bytes).collect()
}

#[tokio::test]
async fn a_picture_is_pending_until_wechat_s_verdict_comes_in_either_form() {
    for format in [PushFormat::Json, PushFormat::Xml] {
        let world = World::start().await;
        let settings = world.wechat().push_settings();
        world.wechat().set_push_settings(PushSettings { format, ..settings });
        let phone = world.user().await;
        for (bytes, expected) in [
            (CLEAN, pass()),
            (RISKY, json!({ "state": "RISKY", "label": 20002 })),
            (b"GIF89a review:10001", json!({ "state": "REVIEW", "label": 10001 })),
        ] {
            let trace_id = ask(&phone, bytes).await;
            assert_eq!(result(&phone, &trace_id).await, pending());
            settle(&world).await;
            assert_eq!(result(&phone, &trace_id).await, expected);
        }
    }
}

#[tokio::test]
async fn a_sound_is_judged_as_one() {
    let world = World::start().await;
    let phone = world.user().await;
    let form = phone.upload("audio", "audio/mpeg", b"ID3 review:10001").await;
    let trace_id = phone.post(MEDIA, &body(&form, "audio")).await.ok().text("/traceId");
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await, json!({ "state": "REVIEW", "label": 10001 }));
    let calls = world.wechat().upstream_calls();
    let call = calls.iter().find(|call| call.path == UPSTREAM).expect("the call");
    assert_eq!(call.request["media_type"], 1);
    assert_eq!((&call.request["version"], &call.request["scene"]), (&json!(2), &json!(3)));
    assert_eq!(call.request["openid"], json!(phone.openid));
}

#[tokio::test]
async fn a_check_and_its_result_keep_to_their_budgets() {
    let world = World::start().await;
    let phone = world.user().await;
    ask(&phone, CLEAN).await;
    settle(&world).await;
    let form = phone.upload("image", "image/gif", CLEAN).await;
    // The push must not come while the check is measured.
    stall(&world, 1);
    let (answer, cost) = world.count_requests(phone.post(MEDIA, &body(&form, "image"))).await;
    assert_eq!(cost, Requests { dynamodb: 2, wechat: 1 });
    let trace_id = answer.ok().text("/traceId");
    world.wechat().finish_media_check(&trace_id);
    world.wechat().wait_for_notices().await;
    let ((), cost) = world.count_requests(settle(&world)).await;
    assert_eq!(cost, Requests { dynamodb: 3, wechat: 0 });
    let (answer, cost) = world.count_requests(result(&phone, &trace_id)).await;
    assert_eq!((answer, cost), (pass(), Requests { dynamodb: 1, wechat: 0 }));
}

#[tokio::test]
async fn an_upload_that_changes_after_its_check_began_is_judged_as_it_was() {
    let world = World::start().await;
    let phone = world.user().await;
    stall(&world, 1);
    let form = phone.upload("image", "image/gif", CLEAN).await;
    let first = phone.post(MEDIA, &body(&form, "image")).await.ok().text("/traceId");
    phone.upload_with(&form, RISKY).await;
    let second = phone.post(MEDIA, &body(&form, "image")).await.ok().text("/traceId");
    world.wechat().finish_media_check(&first);
    settle(&world).await;
    assert_eq!(result(&phone, &first).await, pass());
    assert_eq!(result(&phone, &second).await["state"], "RISKY");
    let mut copies = stored(&world, "checked/");
    copies.sort();
    assert_eq!(copies, [CLEAN, RISKY], "each check has a copy of its own");
}

#[tokio::test]
async fn an_upload_that_has_not_arrived_is_named_and_wechat_is_not_asked() {
    let world = World::start().await;
    let phone = world.user().await;
    ask(&phone, CLEAN).await;
    let form = json!({ "kind": "image", "contentType": "image/gif", "size": 9 });
    let form = phone.post("/api/uploads", &form).await.ok().json();
    let (answer, cost) = world.count_requests(phone.post(MEDIA, &body(&form, "image"))).await;
    assert_eq!(answer.outcome(), "404 NOT_FOUND");
    assert_eq!(answer.text("/message"), "文件未上传成功，请重新上传");
    assert_eq!(cost, Requests { dynamodb: 1, wechat: 0 });
    assert_eq!(world.dynamo().denied_permissions(), []);
}

#[tokio::test]
async fn only_an_upload_of_the_caller_s_own_and_of_its_kind_is_checked() {
    let world = World::start().await;
    let (phone, other) = (world.user().await, world.user().await);
    let form = phone.upload("image", "image/gif", CLEAN).await;
    assert_eq!(other.post(MEDIA, &body(&form, "image")).await.outcome(), "404 NOT_FOUND");
    ask(&phone, CLEAN).await;
    world.wechat().wait_for_notices().await;
    let copies = world.uploads();
    let (copy, _) = copies.iter().find(|(key, _)| key.starts_with("checked/")).expect("a copy");
    let key = form["objectKey"].clone();
    for (changes, field) in [
        (json!({ "objectKey": copy }), "objectKey"),
        (json!({ "objectKey": "https://example.com/a.gif" }), "objectKey"),
        (json!({ "objectKey": null }), "objectKey"),
        (json!({ "mediaType": "audio" }), "mediaType"),
        (json!({ "mediaType": "video" }), "mediaType"),
        (json!({ "mediaType": null }), "mediaType"),
        (json!({ "scene": 5 }), "scene"),
        (json!({ "scene": null }), "scene"),
        (json!({ "mediaUrl": "https://example.com/a.gif" }), "mediaUrl"),
    ] {
        let mut body = json!({ "objectKey": key, "mediaType": "image", "scene": 1 });
        body.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        let (answer, cost) = world.count_requests(phone.post(MEDIA, &body)).await;
        assert_eq!(answer.outcome(), "400 INVALID_INPUT", "{changes}");
        assert!(answer.text("/message").contains(field), "{}", answer.body);
        assert_eq!(cost, Requests { dynamodb: 0, wechat: 0 });
    }
    let anonymous = world.post(MEDIA, &body(&form, "image")).await;
    assert_eq!(anonymous.outcome(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn a_result_is_read_by_its_asker_alone() {
    let world = World::start().await;
    let (phone, other) = (world.user().await, world.user().await);
    let trace_id = ask(&phone, CLEAN).await;
    let path = format!("/api/security/results/{trace_id}");
    assert_eq!(other.get(&path).await.outcome(), "404 NOT_FOUND");
    assert_eq!(phone.get("/api/security/results/unknown").await.outcome(), "404 NOT_FOUND");
    assert_eq!(phone.get("/api/security/results/a%20b").await.outcome(), "404 NOT_FOUND");
    assert_eq!(world.send(world.request("GET", &path)).await.outcome(), "401 UNAUTHORIZED");
}

#[tokio::test]
async fn a_verdict_that_arrives_before_the_answer_to_its_call_counts() {
    let world = World::start().await;
    let phone = world.user().await;
    // The push is in the inbox before the check is written.
    world.wechat().set_fault(Fault::AnswerAfterNotices { path: UPSTREAM.to_owned(), times: 1 });
    let trace_id = ask(&phone, RISKY).await;
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await["state"], "RISKY");
}

/// WeChat answers the next call with this number, and judges nothing.
pub(crate) fn answer_with(world: &World, trace_id: &str) {
    let body = json!({ "errcode": 0, "errmsg": "ok", "trace_id": trace_id }).to_string();
    world.wechat().set_fault(Fault::Body { path: UPSTREAM.to_owned(), body, times: 1 });
}

#[tokio::test]
async fn a_verdict_that_is_processed_before_its_check_is_written_joins_it() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().push(&phone.openid, verdict("early", "review", 10001));
    settle(&world).await;
    let path = "/api/security/results/early";
    assert_eq!(phone.get(path).await.outcome(), "404 NOT_FOUND", "it is nobody's yet");
    answer_with(&world, "early");
    let form = phone.upload("image", "image/gif", CLEAN).await;
    let answer = phone.post(MEDIA, &body(&form, "image")).await.ok();
    assert_eq!((answer.text("/traceId"), answer.text("/state")), ("early".to_owned(), "REVIEW".to_owned()));
    assert_eq!(result(&phone, "early").await, json!({ "state": "REVIEW", "label": 10001 }));
    assert_eq!(repair(&world).await["askedAgain"], 0);
}

#[tokio::test]
async fn a_failed_download_that_is_pushed_before_its_check_is_asked_about_again() {
    let world = World::start().await;
    let phone = world.user().await;
    let event = json!({ "Event": "wxa_media_check", "trace_id": "early", "version": 2, "errcode": -1008 });
    world.wechat().push(&phone.openid, event);
    settle(&world).await;
    answer_with(&world, "early");
    let trace_id = ask(&phone, CLEAN).await;
    assert_eq!(result(&phone, &trace_id).await, pending());
    assert_eq!(repair(&world).await["askedAgain"], 1);
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await, pass());
}

#[tokio::test]
async fn a_lost_push_is_asked_for_again_and_the_first_number_gets_the_verdict() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().set_fault(Fault::NoticeLost { times: 1 });
    let trace_id = ask(&phone, RISKY).await;
    settle(&world).await;
    world.clock.advance(Duration::from_secs(35 * 60 - 1));
    assert_eq!(repair(&world).await, json!({ "askedAgain": 0, "finished": 0, "unanswered": 0, "failed": 0 }));
    assert_eq!(result(&phone, &trace_id).await, pending());
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(repair(&world).await["askedAgain"], 1);
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await, json!({ "state": "RISKY", "label": 20002 }));
    assert_eq!(world.calls_to(UPSTREAM), 2);
    let urls: Vec<_> = world.wechat().media_checks().into_iter().map(|check| check.media_url).collect();
    let path = |url: &String| url.split('?').next().expect("a path").to_owned();
    assert_eq!(path(&urls[0]), path(&urls[1]), "the same copy");
    later(&world);
    assert_eq!(repair(&world).await["askedAgain"], 0);
}

#[tokio::test]
async fn two_runs_at_once_ask_again_once() {
    let world = World::start().await;
    let phone = world.user().await;
    stall(&world, 1);
    let trace_id = ask(&phone, CLEAN).await;
    later(&world);
    let (one, other) = join(repair(&world), repair(&world)).await;
    assert_eq!(one["askedAgain"].as_u64().zip(other["askedAgain"].as_u64()).map(|(a, b)| a + b), Some(1));
    settle(&world).await;
    assert_eq!(world.calls_to(UPSTREAM), 2);
    assert_eq!(result(&phone, &trace_id).await, pass());
    // The verdict of the first call is the same check's, and comes too late to change anything.
    world.wechat().set_fault(Fault::Verdict { suggest: local_wechat::Suggest::Risky, label: None, times: 1 });
    world.wechat().finish_media_check(&trace_id);
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await, pass());
}

#[tokio::test]
async fn without_a_verdict_to_the_second_call_the_check_ends_with_an_alert() {
    let world = World::start().await;
    let phone = world.user().await;
    stall(&world, 2);
    let trace_id = ask(&phone, CLEAN).await;
    later(&world);
    assert_eq!(repair(&world).await["askedAgain"], 1);
    later(&world);
    assert!(!world.log().contains("media-check-unanswered"));
    assert_eq!(repair(&world).await["unanswered"], 1);
    assert!(world.log().contains("media-check-unanswered"));
    assert_eq!(result(&phone, &trace_id).await, error());
    assert_eq!(repair(&world).await["unanswered"], 0);
    // A verdict that comes after all is better than none.
    world.wechat().finish_media_check(&trace_id);
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await, pass());
}

#[tokio::test]
async fn a_second_call_that_fails_is_not_made_again_and_the_check_ends() {
    let world = World::start().await;
    let phone = world.user().await;
    stall(&world, 1);
    let trace_id = ask(&phone, CLEAN).await;
    later(&world);
    world.wechat().set_fault(Fault::Errcode { path: UPSTREAM.to_owned(), errcode: 61010, times: 1 });
    assert_eq!(repair(&world).await["askedAgain"], 1);
    assert_eq!(repair(&world).await["askedAgain"], 0);
    later(&world);
    assert_eq!(repair(&world).await["unanswered"], 1);
    assert_eq!(result(&phone, &trace_id).await, error());
    assert_eq!(world.calls_to(UPSTREAM), 2);
}

#[tokio::test]
async fn a_file_that_wechat_can_t_read_is_asked_about_again_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let trace_id = ask(&phone, b"no picture at all").await;
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await, error());
    assert_eq!(world.calls_to(UPSTREAM), 2);
    assert!(world.log().contains("media-not-read"));
    later(&world);
    assert_eq!(repair(&world).await, json!({ "askedAgain": 0, "finished": 0, "unanswered": 0, "failed": 0 }));
}

#[tokio::test]
async fn a_file_that_wechat_reads_at_the_second_call_is_judged() {
    let world = World::start().await;
    let phone = world.user().await;
    stall(&world, 1);
    let trace_id = ask(&phone, CLEAN).await;
    let event = json!({ "Event": "wxa_media_check", "trace_id": trace_id, "isrisky": 0,
                        "status_code": 4_294_966_288_u64, "extra_info_json": "", "detail": [] });
    world.wechat().push(&phone.openid, event);
    settle(&world).await;
    assert_eq!(world.calls_to(UPSTREAM), 2);
    assert_eq!(result(&phone, &trace_id).await, pass());
}

#[tokio::test]
async fn a_verdict_without_the_word_pass_is_for_review() {
    let world = World::start().await;
    let phone = world.user().await;
    for result_of_push in [json!({ "suggest": "PASS", "label": 100 }), json!({}), json!("pass")] {
        stall(&world, 1);
        let trace_id = ask(&phone, CLEAN).await;
        let mut event = verdict(&trace_id, "pass", 100);
        event["result"] = result_of_push;
        world.wechat().push(&phone.openid, event);
        settle(&world).await;
        assert_eq!(result(&phone, &trace_id).await, json!({ "state": "REVIEW" }));
    }
}

#[tokio::test]
async fn the_first_verdict_stands_however_often_others_come() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().set_fault(Fault::NoticeDuplicate { copies: 3, times: 1 });
    let trace_id = ask(&phone, RISKY).await;
    settle(&world).await;
    // The inbox forgets a push after a week; a verdict stands longer.
    for item in world.items("InboxTable").await {
        let key = json!({ "TableName": world.table("InboxTable"), "Key": { "push_id": item["push_id"] } });
        world.dynamo().call_as_operator("DeleteItem", key).await.expect("a deletion");
    }
    world.wechat().push(&phone.openid, verdict(&trace_id, "pass", 100));
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await, json!({ "state": "RISKY", "label": 20002 }));
}

#[tokio::test]
async fn a_verdict_in_the_plain_mode_is_not_believed_and_the_check_fails() {
    let world = World::start().with_parameter("MessagePushMode", "plain").await;
    let settings = world.wechat().push_settings();
    world.wechat().set_push_settings(PushSettings { mode: PushMode::Plain, ..settings });
    let phone = world.user().await;
    let trace_id = ask(&phone, CLEAN).await;
    settle(&world).await;
    assert!(world.log().contains("push-not-authenticated"));
    assert!(world.items("InboxTable").await.is_empty());
    later(&world);
    assert_eq!(repair(&world).await["askedAgain"], 1);
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await, pending());
    later(&world);
    assert_eq!(repair(&world).await["unanswered"], 1);
    assert_eq!(result(&phone, &trace_id).await, error());
}

#[tokio::test]
async fn a_check_that_wechat_refuses_is_answered_with_what_the_user_can_do() {
    let world = World::start().await;
    let phone = world.user().await;
    let form = phone.upload("image", "image/gif", CLEAN).await;
    let body = body(&form, "image");
    let path = || UPSTREAM.to_owned();
    world.wechat().set_fault(Fault::Errcode { path: path(), errcode: 61010, times: 1 });
    let answer = phone.post(MEDIA, &body).await;
    assert_eq!(answer.outcome(), "409 CONFLICT");
    assert_eq!(answer.text("/message"), "请重新打开小程序后再试");
    world.wechat().set_fault(Fault::Quota { path: path(), times: 1 });
    assert_eq!(phone.post(MEDIA, &body).await.outcome(), "429 RATE_LIMITED");
    world.wechat().set_fault(Fault::Busy { path: path(), times: 3 });
    assert_eq!(phone.post(MEDIA, &body).await.outcome(), "503 UPSTREAM_BUSY");
    world.wechat().set_fault(Fault::Body { path: path(), body: r#"{"errcode":0}"#.to_owned(), times: 1 });
    assert_eq!(phone.post(MEDIA, &body).await.outcome(), "503 UPSTREAM_BUSY");
    assert!(world.items("MediaChecksTable").await.is_empty());
    phone.post(MEDIA, &body).await.ok();
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_repeated_and_its_verdict_is_hidden() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().set_fault(Fault::TimeoutAfter { path: UPSTREAM.to_owned(), millis: 0, times: 1 });
    let trace_id = ask(&phone, CLEAN).await;
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await, pass());
    let rows = world.items("MediaChecksTable").await;
    let unclaimed: Vec<_> = rows.iter().filter(|row| row.get("user_id").is_none()).collect();
    assert_eq!((rows.len(), unclaimed.len()), (2, 1));
    let path = format!("/api/security/results/{}", unclaimed[0]["trace_id"]["S"].as_str().expect("a text"));
    assert_eq!(phone.get(&path).await.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn a_verdict_that_can_t_be_written_is_written_by_the_schedule() {
    let world = World::start().await;
    let phone = world.user().await;
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("PushEventsFunction".to_owned()),
        operation: Some("TransactWriteItems".to_owned()),
        kind: FaultKind::InternalError,
        times: 1000,
    });
    let trace_id = ask(&phone, CLEAN).await;
    settle(&world).await;
    assert_eq!(result(&phone, &trace_id).await, pending());
    world.dynamo().clear_faults();
    world.clock.advance(Duration::from_secs(180));
    repair(&world).await;
    assert_eq!(result(&phone, &trace_id).await, pass());
}

#[tokio::test]
async fn a_judged_check_keeps_no_openid_and_all_of_a_user_can_be_deleted() {
    let world = World::start().await;
    let (phone, other) = (world.user().await, world.user().await);
    stall(&world, 1);
    let waiting = ask(&phone, CLEAN).await;
    for phone in [&phone, &other] {
        ask(phone, CLEAN).await;
    }
    settle(&world).await;
    let openids = |rows: &[Value]| rows.iter().filter(|row| row.get("openid").is_some()).count();
    assert_eq!(openids(&world.items("MediaChecksTable").await), 1, "of the check that waits");
    later(&world);
    repair(&world).await;
    assert_eq!(world.items("MediaChecksTable").await.len(), 4, "the second call has a row too");
    let checks = MediaChecks::new(&world.operator_host("content-check")).expect("its settings");
    checks.delete_of(&caller(&phone).await.user_id).await.expect("a deletion");
    let left = world.items("MediaChecksTable").await;
    assert_eq!(left.len(), 1);
    let user_id = caller(&other).await.user_id;
    assert_eq!(left[0]["user_id"]["S"], json!(user_id.as_str()));
    // The verdict comes all the same, and is nobody's.
    settle(&world).await;
    assert_eq!(phone.get(&format!("/api/security/results/{waiting}")).await.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn a_user_has_ten_uploads_checked_a_minute() {
    let world = World::start().await;
    let phone = world.user().await;
    world.clock.advance(Duration::from_secs(60 - world.now() % 60));
    let form = phone.upload("image", "image/gif", CLEAN).await;
    for _ in 0..10 {
        phone.post(MEDIA, &body(&form, "image")).await.ok();
    }
    assert_eq!(phone.post(MEDIA, &body(&form, "image")).await.outcome(), "429 RATE_LIMITED");
}

/// The phone's user, as a function knows the caller.
pub(crate) async fn caller(phone: &Phone<'_>) -> Caller {
    let user_id = phone.get("/api/user").await.ok().text("/user/userId");
    Caller {
        user_id: UserId::parse(&user_id).expect("an id"),
        openid: OpenId::parse(&phone.openid).expect("an openid"),
        issued_at: UnixSeconds::new(0),
    }
}
