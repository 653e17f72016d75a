//! `/api/admin/messages…`, `/api/admin/media…`

use std::time::Duration;

use e2e::{Phone, Requests, Response, World};
use local_wechat::Fault;
use serde_json::{Value, json};

const SEND: &str = "/cgi-bin/message/custom/send";
const MESSAGES: &str = "/api/admin/messages";
const CONVERSATIONS: &str = "/api/admin/conversations";

/// The user writes to customer service, and the ledger has the window that this opens.
async fn write_in(world: &World, phone: &Phone<'_>) {
    let written = phone.wx("sendCustomerMessage", json!({ "msgtype": "text", "content": "在吗" })).await;
    assert_eq!(written.status, 200, "{}", written.body);
    open_window(world, phone, world.now(), 5).await;
}

/// The ledger has a window of the user that was opened at this second.
async fn open_window(world: &World, phone: &Phone<'_>, opened_at: u64, remaining: u32) {
    let item = json!({
        "openid": { "S": phone.openid }, "item": { "S": "#window" },
        "user_message_at": { "N": opened_at.to_string() },
        "message_remaining": { "N": remaining.to_string() },
    });
    world.put_item("ConversationsTable", item).await;
}

fn text(phone: &Phone<'_>, content: &str) -> Value {
    json!({ "openid": phone.openid, "msgtype": "text", "text": { "content": content } })
}

async fn send(world: &World, body: &Value, key: &str) -> Response {
    world.operator_once("POST", MESSAGES, body, key).await
}

#[tokio::test]
async fn a_message_inside_the_window_is_sent_once_for_its_key() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    let hello = text(&phone, "您好");
    send(&world, &text(&phone, "warm"), "warm").await.ok();
    let (sent, requests) = world.count_requests(send(&world, &hello, "k")).await;
    assert_eq!(sent.ok().text("/message/status"), "SENT");
    assert_eq!(requests, Requests { dynamodb: 2, wechat: 1 });
    let again = send(&world, &hello, "k").await.ok();
    assert_eq!(again.text("/message/status"), "SENT");
    assert_eq!(world.calls_to(SEND), 2);
    assert_eq!(send(&world, &text(&phone, "别的"), "k").await.outcome(), "409 CONFLICT");
}

#[tokio::test]
async fn five_messages_at_most_are_sent_for_one_of_the_user() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    for number in 0..5 {
        send(&world, &text(&phone, "答"), &number.to_string()).await.ok();
    }
    let refused = send(&world, &text(&phone, "答"), "6").await;
    assert_eq!(refused.outcome(), "409 WINDOW_CLOSED");
    assert!(refused.text("/message").contains("条数"), "{}", refused.body);
    assert_eq!(world.calls_to(SEND), 5);
}

#[tokio::test]
async fn a_user_who_did_not_write_is_not_written_to() {
    let world = World::start().await;
    let phone = world.user().await;
    open_window(&world, &phone, world.now() - 48 * 60 * 60, 5).await;
    let refused = send(&world, &text(&phone, "您好"), "k").await;
    assert_eq!(refused.outcome(), "409 WINDOW_CLOSED");
    assert!(refused.text("/message").contains("48 小时"), "{}", refused.body);
    assert_eq!(world.calls_to(SEND), 0);
}

#[tokio::test]
async fn a_message_whose_answer_is_lost_is_not_sent_again() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    world.wechat().set_fault(Fault::TimeoutAfter { path: SEND.into(), millis: 0, times: 1 });
    for _ in 0..2 {
        let answer = send(&world, &text(&phone, "您好"), "k").await.ok();
        assert_eq!(answer.text("/message/status"), "UNKNOWN");
    }
    assert_eq!(world.calls_to(SEND), 1);
}

#[tokio::test]
async fn a_refusal_of_wechat_corrects_the_ledger() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    world.wechat().set_fault(Fault::Errcode { path: SEND.into(), errcode: 45047, times: 1 });
    for key in ["k", "k", "other"] {
        assert_eq!(send(&world, &text(&phone, "您好"), key).await.outcome(), "409 WINDOW_CLOSED");
    }
    assert_eq!(world.calls_to(SEND), 1, "the ledger knows the second time");
}

#[tokio::test]
async fn a_message_that_was_certainly_not_sent_takes_no_place() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    let unknown = json!({ "openid": phone.openid, "msgtype": "image", "image": { "mediaId": "unknown" } });
    for key in ["a", "a", "b", "c", "d", "e"] {
        assert_eq!(send(&world, &unknown, key).await.outcome(), "400 INVALID_INPUT");
    }
    send(&world, &text(&phone, "您好"), "a").await.ok();
}

/// A request of an operator with these bytes.
async fn upload(world: &World, bytes: &[u8]) -> Response {
    world.operator_with_bytes("POST", "/api/admin/media", bytes).await
}

#[tokio::test]
async fn a_picture_is_uploaded_and_read_back() {
    let world = World::start().await;
    let picture = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0, 255, 13, 10, 45, 45], &[7; 1000]].concat();
    let uploaded = upload(&world, &picture).await.ok();
    let three_days_on = shared::types::UnixSeconds::new(world.now() + 3 * 24 * 60 * 60);
    assert_eq!(uploaded.text("/expiresAt"), three_days_on.to_rfc3339());
    let path = format!("/api/admin/media/{}", uploaded.text("/mediaId"));
    let read = world.operator("GET", &path, &json!({})).await;
    assert_eq!((read.status, read.bytes), (200, picture));
    assert_eq!(read.headers["content-type"], "image/png");
    let unknown = world.operator("GET", "/api/admin/media/unknown", &json!({})).await;
    assert_eq!(unknown.outcome(), "404 NOT_FOUND");
}

#[tokio::test]
async fn a_file_that_is_no_picture_or_too_large_is_not_uploaded() {
    let world = World::start().await;
    assert_eq!(upload(&world, b"{}").await.outcome(), "400 INVALID_INPUT");
    let large = [b"\xff\xd8\xff".as_slice(), &vec![0; 4 * 1024 * 1024]].concat();
    assert_eq!(upload(&world, &large).await.outcome(), "413 PAYLOAD_TOO_LARGE");
    assert_eq!(world.calls_to("/cgi-bin/media/upload"), 0);
}

#[tokio::test]
async fn typing_is_shown_after_a_message_of_the_user_only() {
    let world = World::start().await;
    let phone = world.user().await;
    let show = async |command: &str| {
        let body = json!({ "openid": phone.openid, "command": command });
        world.operator("POST", "/api/admin/messages/typing", &body).await
    };
    let refused = show("Typing").await;
    assert_eq!(refused.outcome(), "409 WINDOW_CLOSED");
    assert!(refused.text("/message").contains("30 秒"), "{}", refused.body);
    write_in(&world, &phone).await;
    for command in ["Typing", "Typing", "CancelTyping"] {
        show(command).await.ok();
    }
    assert_eq!(show("typing").await.outcome(), "400 INVALID_INPUT");
}

async fn conversations(world: &World) -> Vec<Value> {
    let (mut listed, mut path) = (Vec::new(), CONVERSATIONS.to_owned());
    loop {
        let page = world.operator("GET", &path, &json!({})).await.ok().json();
        listed.extend(page["conversations"].as_array().expect("a list").clone());
        let Some(cursor) = page["cursor"].as_str() else { return listed };
        path = format!("{CONVERSATIONS}?cursor={cursor}");
    }
}

async fn messages(world: &World, phone: &Phone<'_>) -> Vec<Value> {
    let path = format!("{CONVERSATIONS}/{}", phone.openid);
    let page = world.operator("GET", &path, &json!({})).await.ok().json();
    page["messages"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn conversations_and_their_messages_are_listed() {
    let world = World::start().await;
    let (one, two) = (world.user().await, world.user().await);
    for phone in [&one, &two] {
        write_in(&world, phone).await;
        world.clock.advance(Duration::from_secs(1));
        send(&world, &text(phone, "您好"), "k").await.ok();
    }
    let listed = conversations(&world).await;
    let openids: Vec<_> = listed.iter().map(|one| one["openid"].clone()).collect();
    assert_eq!(openids, [json!(two.openid), json!(one.openid)], "the last message first");
    assert_eq!(listed[0]["remaining"], 4);
    let messages = messages(&world, &one).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["text"], json!({ "content": "您好" }));
    assert_eq!((&messages[0]["direction"], &messages[0]["status"]), (&json!("SENT"), &json!("SENT")));
    let table = world.items("ConversationsTable").await;
    assert!(!serde_json::to_string(&table).expect("JSON").contains("您好"), "the content is sealed");
}

#[tokio::test]
async fn every_conversation_of_the_last_30_days_is_on_one_page_of_the_list() {
    let world = World::start().await;
    let now = world.now();
    for number in 0..130_u64 {
        let (openid, at) = (format!("o{number:03}"), now - number / 3);
        let item = json!({
            "openid": { "S": openid }, "item": { "S": "#window" },
            "list_shard": { "S": format!("{:02}", number % 4) },
            "list_order": { "S": format!("{at:012} {openid}") },
        });
        world.put_item("ConversationsTable", item).await;
    }
    let listed = conversations(&world).await;
    let mut openids: Vec<_> = listed.iter().map(|one| one["openid"].as_str().expect("a text")).collect();
    assert_eq!(openids.len(), 130);
    assert!(
        listed.is_sorted_by_key(|one| std::cmp::Reverse(one["lastMessageAt"].as_str().map(str::to_owned)))
    );
    openids.sort_unstable();
    openids.dedup();
    assert_eq!(openids.len(), 130);
    let first = world.operator("GET", CONVERSATIONS, &json!({})).await.ok().json();
    assert!(!first["cursor"].as_str().expect("a cursor").contains("o0"), "no openid in clear");
    world.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    assert_eq!(conversations(&world).await.len(), 0, "expired, though the rows are there");
    let made_up = world.operator("GET", &format!("{CONVERSATIONS}?cursor=7"), &json!({})).await;
    assert_eq!(made_up.outcome(), "400 INVALID_INPUT");
}

#[tokio::test]
async fn a_refused_message_does_not_move_its_conversation_up() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    send(&world, &text(&phone, "您好"), "a").await.ok();
    let before = conversations(&world).await;
    world.clock.advance(Duration::from_secs(60));
    let unknown = json!({ "openid": phone.openid, "msgtype": "image", "image": { "mediaId": "unknown" } });
    assert_eq!(send(&world, &unknown, "b").await.outcome(), "400 INVALID_INPUT");
    assert_eq!(conversations(&world).await, before);
    assert_eq!(messages(&world, &phone).await.len(), 1);
}

#[tokio::test]
async fn a_refused_picture_is_named_by_the_field_that_holds_it() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    let image = json!({ "openid": phone.openid, "msgtype": "image", "image": { "mediaId": "unknown" } });
    let card = json!({ "title": "订单", "pagepath": "pages/order", "thumbMediaId": "unknown" });
    let card = json!({ "openid": phone.openid, "msgtype": "miniprogrampage", "miniprogrampage": card });
    for (body, field) in [(image, "image.mediaId"), (card, "miniprogrampage.thumbMediaId")] {
        let refused = send(&world, &body, field).await;
        assert_eq!(refused.outcome(), "400 INVALID_INPUT");
        assert!(refused.text("/message").contains(field), "{}", refused.body);
    }
}

#[tokio::test]
async fn the_two_messages_of_entering_are_used_before_the_five() {
    let world = World::start().await;
    let phone = world.user().await;
    let written = phone.wx("sendCustomerMessage", json!({ "msgtype": "text", "content": "在吗" })).await;
    assert_eq!(written.status, 200);
    phone.wx("openCustomerServiceConversation", json!({})).await;
    let now = world.now().to_string();
    let item = json!({
        "openid": { "S": phone.openid }, "item": { "S": "#window" },
        "user_message_at": { "N": now }, "message_remaining": { "N": "5" },
        "entered_at": { "N": now }, "entry_remaining": { "N": "2" },
    });
    world.put_item("ConversationsTable", item).await;
    for number in 0..2 {
        send(&world, &text(&phone, "答"), &number.to_string()).await.ok();
    }
    world.clock.advance(Duration::from_secs(60));
    for number in 2..7 {
        send(&world, &text(&phone, "答"), &number.to_string()).await.ok();
    }
    assert_eq!(send(&world, &text(&phone, "答"), "7").await.outcome(), "409 WINDOW_CLOSED");
    assert_eq!(world.calls_to(SEND), 7, "WeChat counts in the same order");
}
