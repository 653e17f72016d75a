//! `GET /api/message/callback`, `POST /api/message/callback`

use e2e::{Phone, Requests, World};
use futures_util::future::join_all;
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::{PushFormat, PushMode, PushSettings, SignedPush};
use serde_json::{Value, json};

const CALLBACK: &str = "/api/message/callback";

fn popup(template: &str) -> Value {
    let entry = json!({ "TemplateId": template, "SubscribeStatusString": "accept", "PopupScene": "0" });
    json!({ "Event": "subscribe_msg_popup_event", "List": entry })
}

fn set_push(world: &World, mode: PushMode, format: PushFormat) {
    let settings = world.wechat().push_settings();
    world.wechat().set_push_settings(PushSettings { mode, format, ..settings });
}

/// A complete message, as text, with `openid` as its sender.
fn message(phone: &Phone<'_>, at: u64, more: &Value) -> String {
    let mut message =
        json!({ "ToUserName": "gh_a", "FromUserName": phone.openid, "CreateTime": at, "MsgType": "event" });
    let fields = message.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    message.to_string()
}

fn sign(world: &World, phone: &Phone<'_>, message: &str) -> SignedPush {
    world.wechat().sign_push(&phone.openid, message, &world.wechat().account().app_id, world.now())
}

/// The status and the body of the answer to this push.
async fn send(world: &World, push: &SignedPush) -> (u16, String) {
    let request = world.request("POST", &format!("{CALLBACK}?{}", push.query));
    let answer = world.send(request.header("content-type", push.content_type).body(push.body.clone())).await;
    (answer.status, answer.body)
}

async fn kept(world: &World) -> usize {
    world.items("InboxTable").await.len()
}

/// The outcomes of all deliveries so far.
fn outcomes(world: &World) -> Vec<String> {
    world.wechat().deliveries().into_iter().map(|call| call.outcome).collect()
}

#[tokio::test]
async fn the_console_s_check_of_the_address_is_answered_and_another_is_not() {
    let world = World::start().await;
    world.wechat().check_push_url().await.expect("the address is right");
    let phone = world.stranger();
    let signed = sign(&world, &phone, &message(&phone, world.now(), &popup("t")));
    let of_check =
        |part: &&str| ["signature=", "timestamp=", "nonce="].iter().any(|name| part.starts_with(name));
    let query: Vec<&str> = signed.query.split('&').filter(of_check).collect();
    let check = world.request("GET", &format!("{CALLBACK}?{}&echostr=38662", query.join("&")));
    let answer = world.send(check).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "38662"));
    let forged = format!("{CALLBACK}?signature=0000&timestamp={}&nonce=1&echostr=7", world.now());
    assert_eq!(world.send(world.request("GET", &forged)).await.status, 403);
    assert_eq!(world.send(world.request("GET", CALLBACK)).await.status, 403);
}

#[tokio::test]
async fn a_push_is_kept_in_each_form_and_mode_that_can_be_believed() {
    let world = World::start().await;
    let phone = world.user().await;
    for (number, format) in [PushFormat::Json, PushFormat::Xml].into_iter().enumerate() {
        set_push(&world, PushMode::Secure, format);
        world.wechat().push(&phone.openid, popup(&format!("t{number}")));
        world.wechat().wait_for_notices().await;
    }
    assert_eq!(outcomes(&world), ["acknowledged", "acknowledged"]);
    assert_eq!(kept(&world).await, 2);
}

#[tokio::test]
async fn the_same_push_twenty_times_at_once_is_kept_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let push = sign(&world, &phone, &message(&phone, world.now(), &popup("t")));
    let answers = join_all((0..20).map(|_| send(&world, &push))).await;
    assert!(answers.iter().all(|answer| *answer == (200, "success".to_owned())), "{answers:?}");
    assert_eq!(kept(&world).await, 1);
    let (answer, cost) = world.count_requests(send(&world, &push)).await;
    assert_eq!((answer.0, cost), (200, Requests { dynamodb: 1, wechat: 0 }));
}

#[tokio::test]
async fn nothing_of_a_push_is_stored_in_clear() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().push(&phone.openid, popup("t"));
    world.wechat().wait_for_notices().await;
    let rows = serde_json::to_string(&world.items("InboxTable").await).expect("JSON");
    assert!(!rows.contains(&phone.openid) && rows.contains("subscribe_msg_popup_event"), "{rows}");
}

#[tokio::test]
async fn a_forged_foreign_old_or_broken_push_writes_nothing() {
    let world = World::start().await;
    let phone = world.user().await;
    let text = message(&phone, world.now(), &popup("t"));
    let genuine = sign(&world, &phone, &text);
    let app_id = world.wechat().account().app_id.clone();
    let (old, early) = (world.now() - 301, world.now() + 330);
    let signed = |app_id: &str, at| world.wechat().sign_push(&phone.openid, &text, app_id, at);
    let with_body = |body: String| SignedPush { body, ..genuine.clone() };
    let signature = genuine.query.split('&').find(|part| part.starts_with("msg_signature=")).expect("one");
    let forged = genuine.query.replace(signature, "msg_signature=0000000000000000000000000000000000000000");
    for (what, push, status) in [
        ("another signature", SignedPush { query: forged, ..genuine.clone() }, 403),
        ("no query", SignedPush { query: String::new(), ..genuine.clone() }, 403),
        ("another app", signed("wx0000000000000000", world.now()), 403),
        ("an old time", signed(&app_id, old), 403),
        ("an early time", signed(&app_id, early), 403),
        ("a plain body", with_body(text.clone()), 403),
        ("a body cut in half", with_body(genuine.body[..genuine.body.len() / 2].to_owned()), 400),
        ("no body", with_body(String::new()), 400),
        ("a document type", with_body("<!DOCTYPE x><xml><Encrypt>a</Encrypt></xml>".to_owned()), 400),
        ("a long body", with_body(format!("{{\"Encrypt\":\"{}\"}}", "A".repeat(70_000))), 413),
    ] {
        assert_eq!(send(&world, &push).await.0, status, "{what}");
    }
    assert_eq!(kept(&world).await, 0);
    assert_eq!(send(&world, &genuine).await.0, 200);
}

#[tokio::test]
async fn a_plain_push_is_refused_in_secure_mode() {
    let world = World::start().await;
    let phone = world.user().await;
    set_push(&world, PushMode::Plain, PushFormat::Json);
    let push = sign(&world, &phone, &message(&phone, world.now(), &popup("t")));
    assert_eq!(send(&world, &push).await.0, 403);
    assert_eq!(kept(&world).await, 0);
}

#[tokio::test]
async fn a_push_under_another_key_or_compressed_or_huge_writes_nothing() {
    let other_key = "[message_push]\nencoding_aes_key = \"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG\"";
    let other = World::start().with_config(other_key).await;
    // Started last, because the log is that of the last world.
    let world = World::start().await;
    let phone = world.user().await;
    assert_eq!(world.wechat().account().push_token, other.wechat().account().push_token);
    let text = message(&phone, world.now(), &popup("t"));
    let foreign = sign(&other, &phone, &text);
    assert_eq!(send(&world, &foreign).await.0, 403, "the token is the same, so the signature is right");
    assert!(world.log().contains("push-unreadable"), "an operator must learn that the keys differ");
    let genuine = sign(&world, &phone, &text);
    let post = |body: Vec<u8>| {
        let request = world.request("POST", &format!("{CALLBACK}?{}", genuine.query));
        world.send(request.header("content-encoding", "gzip").body(body))
    };
    // A member of gzip that holds nothing.
    let compressed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(post(compressed).await.status, 400);
    assert_eq!(post(vec![b' '; 10 * 1024 * 1024]).await.status, 413);
    assert_eq!(kept(&world).await, 0);
}

#[tokio::test]
async fn in_the_plain_mode_a_fact_is_not_believed_and_the_url_is_checked() {
    let world = World::start().with_config("[message_push]\nmode = \"plain\"").await;
    let phone = world.user().await;
    world.wechat().check_push_url().await.expect("the address is right");
    for format in [PushFormat::Json, PushFormat::Xml] {
        set_push(&world, PushMode::Plain, format);
        world.wechat().push(&phone.openid, popup("t"));
        world.wechat().push(&phone.openid, json!({ "Event": "user_authorization_revoke" }));
        world.wechat().wait_for_notices().await;
    }
    assert_eq!(outcomes(&world), ["acknowledged"; 5], "the check of the address and four events");
    assert_eq!(kept(&world).await, 0);
    assert!(world.log().contains("push-not-authenticated"));
    set_push(&world, PushMode::Secure, PushFormat::Json);
    let encrypted = sign(&world, &phone, &message(&phone, world.now(), &popup("t")));
    assert_eq!(send(&world, &encrypted).await.0, 403, "the console's mode is another one");
}

#[tokio::test]
async fn an_event_that_nothing_acts_on_is_answered_and_logged_once_by_name() {
    let world = World::start().await;
    let phone = world.user().await;
    for event in ["debug_demo", "wxa_new_event_of_next_year"] {
        for _ in 0..3 {
            world.wechat().push(&phone.openid, json!({ "Event": event, "debug_str": "hello" }));
            world.wechat().wait_for_notices().await;
        }
        let named = world.log().lines().filter(|line| line.contains(event)).count();
        assert_eq!(named, 1, "{event}");
    }
    assert_eq!(outcomes(&world), ["acknowledged"; 6]);
    assert_eq!(kept(&world).await, 0);
}

#[tokio::test]
async fn a_message_to_customer_service_is_handed_over_in_each_form_if_set() {
    let world = World::start().with_config("[customer_service]\nhand_over = true").await;
    let phone = world.user().await;
    for (format, id) in
        [(PushFormat::Json, 24_355_496_525_099_163_u64), (PushFormat::Xml, 24_355_496_525_099_164)]
    {
        set_push(&world, PushMode::Secure, format);
        world.wechat().push(&phone.openid, json!({ "MsgType": "text", "Content": "在吗", "MsgId": id }));
        world.wechat().wait_for_notices().await;
    }
    assert_eq!(outcomes(&world), ["handed over to customer service"; 2]);
    assert_eq!(kept(&world).await, 2, "operators read it all the same");
}

#[tokio::test]
async fn a_message_to_customer_service_is_answered_here_by_default() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().push(&phone.openid, json!({ "MsgType": "text", "Content": "在吗", "MsgId": 7 }));
    world.wechat().wait_for_notices().await;
    assert_eq!(outcomes(&world), ["acknowledged"]);
    assert_eq!(kept(&world).await, 1);
}

#[tokio::test]
async fn a_push_that_can_t_be_kept_is_delivered_again() {
    let world = World::start().await;
    let phone = world.user().await;
    world.dynamo().inject_fault(DynamoFault {
        caller: Some("MessagePushFunction".to_owned()),
        operation: Some("PutItem".to_owned()),
        kind: FaultKind::InternalError,
        times: 3,
    });
    world.wechat().push(&phone.openid, popup("t"));
    world.wechat().wait_for_notices().await;
    let outcomes = outcomes(&world);
    assert!(outcomes.len() == 2 && outcomes[1] == "acknowledged", "{outcomes:?}");
    assert_eq!(kept(&world).await, 1);
}
