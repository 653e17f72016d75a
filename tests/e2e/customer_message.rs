//! `/api/admin/messages…`, `/api/admin/media…`

use std::time::Duration;

use e2e::{Phone, Requests, Response, World};
use futures_util::future::{join, join_all};
use local_dynamo::{DynamoFault, FaultKind};
use local_wechat::{Fault, PushFormat, PushMode, PushSettings};
use serde_json::{Value, json};

pub(crate) const SEND: &str = "/cgi-bin/message/custom/send";
const MESSAGES: &str = "/api/admin/messages";
const CONVERSATIONS: &str = "/api/admin/conversations";

/// `push-events` acts on what WeChat has pushed.
pub(crate) async fn process_pushes(world: &World) {
    world.wechat().wait_for_notices().await;
    world.bundle().drain_stream("push-events").await.expect("the stream is delivered");
}

/// The user writes to customer service, and the push of it is processed.
async fn write_in(world: &World, phone: &Phone<'_>) {
    write(world, phone, json!({ "msgtype": "text", "content": "在吗" })).await;
}

async fn write(world: &World, phone: &Phone<'_>, message: Value) {
    let written = phone.wx("sendCustomerMessage", message).await;
    assert_eq!(written.status, 200, "{}", written.body);
    process_pushes(world).await;
}

/// The user enters the conversation with customer service, and the push of it is processed.
pub(crate) async fn enter(world: &World, phone: &Phone<'_>) {
    let entered = phone.wx("openCustomerServiceConversation", json!({ "sessionFrom": "会员" })).await;
    assert_eq!(entered.status, 200, "{}", entered.body);
    process_pushes(world).await;
}

/// WeChat pushes a text that the user wrote at `at`, and the push is processed. WeChat's own windows do not know of it.
async fn push_text(world: &World, phone: &Phone<'_>, at: u64, id: u64, content: &str) {
    let message = json!({ "MsgType": "text", "Content": content, "CreateTime": at, "MsgId": id });
    world.wechat().push(&phone.openid, message);
    process_pushes(world).await;
}

pub(crate) fn text(phone: &Phone<'_>, content: &str) -> Value {
    json!({ "openid": phone.openid, "msgtype": "text", "text": { "content": content } })
}

pub(crate) async fn send(world: &World, body: &Value, key: &str) -> Response {
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
async fn of_many_messages_at_once_only_five_are_sent_and_each_key_once() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    let hello = text(&phone, "答");
    let keys = ["a", "a", "a", "a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let answers = join_all(keys.map(|key| send(&world, &hello, key))).await;
    for answer in &answers {
        // A message that others held up for too long, or that is being claimed, is certainly not sent by this request.
        let known = [200, 409, 503].contains(&answer.status);
        assert!(known, "{}", answer.body);
    }
    for key in keys {
        let again = send(&world, &hello, key).await;
        assert!(again.status == 200 || again.outcome() == "409 WINDOW_CLOSED", "{}", again.body);
    }
    assert_eq!((world.calls_to(SEND), world.wechat().customer_messages().len()), (5, 5));
    assert_eq!(conversations(&world).await[0]["remaining"], 0);
}

#[tokio::test]
async fn a_user_who_did_not_write_is_not_written_to() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    world.clock.advance(Duration::from_secs(48 * 60 * 60));
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

pub(crate) async fn conversations(world: &World) -> Vec<Value> {
    let (mut listed, mut path) = (Vec::new(), CONVERSATIONS.to_owned());
    loop {
        let page = world.operator("GET", &path, &json!({})).await.ok().json();
        listed.extend(page["conversations"].as_array().expect("a list").clone());
        let Some(cursor) = page["cursor"].as_str() else { return listed };
        path = format!("{CONVERSATIONS}?cursor={cursor}");
    }
}

pub(crate) async fn messages(world: &World, phone: &Phone<'_>) -> Vec<Value> {
    let path = format!("{CONVERSATIONS}/{}", phone.openid);
    let page = world.operator("GET", &path, &json!({})).await.ok().json();
    page["messages"].as_array().expect("a list").clone()
}

pub(crate) fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["text"]["content"].as_str().expect("a text")).collect()
}

/// The events of customer service on the bus: kinds and details.
pub(crate) fn bus_events(world: &World) -> Vec<(String, Value)> {
    let events = world.dynamo().events().into_iter();
    let events = events.filter(|event| event["source"] == "mini-program.customer-service");
    let read = |event: Value| {
        let kind = event["detail-type"].as_str().expect("a text").to_owned();
        (kind, event["detail"].clone())
    };
    events.map(read).collect()
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
    assert_eq!(texts(&messages), ["您好", "在吗"]);
    assert_eq!((&messages[0]["direction"], &messages[0]["status"]), (&json!("SENT"), &json!("SENT")));
    assert!(messages[0]["sentBy"].as_str().is_some_and(|arn| arn.starts_with("arn:")), "{messages:?}");
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
    world.clock.advance(Duration::from_secs(1));
    send(&world, &text(&phone, "您好"), "a").await.ok();
    let before = conversations(&world).await;
    world.clock.advance(Duration::from_secs(60));
    let unknown = json!({ "openid": phone.openid, "msgtype": "image", "image": { "mediaId": "unknown" } });
    assert_eq!(send(&world, &unknown, "b").await.outcome(), "400 INVALID_INPUT");
    assert_eq!(conversations(&world).await, before);
    assert_eq!(texts(&messages(&world, &phone).await), ["您好", "在吗"]);
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
    write_in(&world, &phone).await;
    enter(&world, &phone).await;
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

#[tokio::test]
async fn a_user_s_message_is_read_by_an_operator_in_each_form_of_the_push() {
    let world = World::start().await;
    let phone = world.user().await;
    for (format, content) in [(PushFormat::Json, "订单 & 发货"), (PushFormat::Xml, "<b>快</b> 一点")] {
        let settings = world.wechat().push_settings();
        world.wechat().set_push_settings(PushSettings { format, ..settings });
        world.clock.advance(Duration::from_secs(1));
        write(&world, &phone, json!({ "msgtype": "text", "content": content })).await;
        world.clock.advance(Duration::from_secs(1));
        write(&world, &phone, json!({ "msgtype": "image" })).await;
        world.clock.advance(Duration::from_secs(1));
        let card = json!({ "msgtype": "miniprogrampage", "title": "矿泉水", "pagePath": "pages/a?b=1&c=2" });
        write(&world, &phone, card).await;
        let messages = messages(&world, &phone).await;
        let [card, image, text, ..] = messages.as_slice() else { panic!("{messages:?}") };
        assert_eq!((&text["direction"], &text["authenticated"]), (&json!("RECEIVED"), &json!(true)));
        assert_eq!(text["text"]["content"], content);
        assert_eq!(
            (&card["msgtype"], &card["miniprogrampage"]["title"]),
            (&json!("miniprogrampage"), &json!("矿泉水"))
        );
        assert_eq!(card["miniprogrampage"]["pagepath"], "pages/a?b=1&c=2");
        assert_eq!(card["miniprogrampage"]["appId"], world.wechat().account().app_id);
        let path = format!("/api/admin/media/{}", image["image"]["mediaId"].as_str().expect("an id"));
        let picture = world.operator("GET", &path, &json!({})).await;
        assert_eq!(
            (picture.status, &picture.headers["content-type"]),
            (200, &"image/png".parse().expect("one"))
        );
    }
    let listed = conversations(&world).await;
    let two_days_on = shared::types::UnixSeconds::new(world.now() + 48 * 60 * 60).to_rfc3339();
    assert_eq!((&listed[0]["remaining"], &listed[0]["windowEndsAt"]), (&json!(5), &json!(two_days_on)));
    assert_eq!(messages(&world, &phone).await.len(), 6);
    send(&world, &text(&phone, "今天发货"), "k").await.ok();
    assert_eq!(world.wechat().customer_messages().len(), 1);
}

#[tokio::test]
async fn neither_tables_nor_the_bus_show_what_a_user_wrote() {
    let world = World::start().await;
    let phone = world.user().await;
    write(&world, &phone, json!({ "msgtype": "text", "content": "my address is 1 Main Street" })).await;
    enter(&world, &phone).await;
    send(&world, &text(&phone, "it comes to Main Street"), "k").await.ok();
    for table in ["ConversationsTable", "InboxTable"] {
        let rows = serde_json::to_string(&world.items(table).await).expect("JSON");
        assert!(!rows.contains("Main Street"), "{rows}");
        assert_eq!(rows.contains(&phone.openid), table == "ConversationsTable");
    }
    let events = bus_events(&world);
    let kinds: Vec<_> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["customer.message", "customer.entered"]);
    for (kind, detail) in &events {
        let names: Vec<_> = detail.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(names, ["event", "eventId", "happenedAt"], "neither a person nor a content");
        assert_eq!(detail["event"], *kind);
    }
    let all = serde_json::to_string(&world.dynamo().events()).expect("JSON");
    assert!(!all.contains("Main Street") && !all.contains(&phone.openid), "{all}");
}

#[tokio::test]
async fn a_message_that_wechat_pushes_again_is_kept_and_published_once() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().set_fault(Fault::NoticeDuplicate { copies: 4, times: 1 });
    write_in(&world, &phone).await;
    push_text(&world, &phone, world.now(), 7, "还在吗").await;
    push_text(&world, &phone, world.now(), 7, "还在吗").await;
    assert_eq!(messages(&world, &phone).await.len(), 2);
    assert_eq!(bus_events(&world).len(), 2);
}

#[tokio::test]
async fn a_message_is_kept_once_when_the_bus_refuses_its_event() {
    let world = World::start().await;
    let phone = world.user().await;
    for (kind, published) in [(FaultKind::FailedEntries, 1), (FaultKind::TimeoutAfter, 3)] {
        world.dynamo().inject_fault(DynamoFault {
            caller: Some("PushEventsFunction".to_owned()),
            operation: Some("PutEvents".to_owned()),
            kind,
            times: 1,
        });
        write_in(&world, &phone).await;
        assert_eq!(bus_events(&world).len(), published);
    }
    assert_eq!(messages(&world, &phone).await.len(), 2);
    let events = bus_events(&world);
    assert_eq!(events[1], events[2], "listeners recognise the event by its id");
    assert!(world.items("InboxTable").await.iter().all(|row| row.get("pending_shard").is_none()));
}

#[tokio::test]
async fn a_late_message_is_kept_in_its_place_and_moves_nothing_back() {
    let world = World::start().await;
    let (phone, other) = (world.user().await, world.user().await);
    let before = world.now();
    world.clock.advance(Duration::from_secs(60));
    write_in(&world, &phone).await;
    world.clock.advance(Duration::from_secs(5));
    send(&world, &text(&phone, "在的"), "a").await.ok();
    world.clock.advance(Duration::from_secs(5));
    write_in(&world, &other).await;
    let listed = conversations(&world).await;
    push_text(&world, &phone, before, 7, "您好").await;
    assert_eq!(conversations(&world).await, listed, "neither the window nor the place has changed");
    assert_eq!(texts(&messages(&world, &phone).await), ["在的", "在吗", "您好"]);
}

#[tokio::test]
async fn messages_that_arrive_in_another_order_leave_the_window_of_the_last() {
    let world = World::start().await;
    let phone = world.user().await;
    world.wechat().set_fault(Fault::NoticeReordered { times: 1 });
    phone.wx("sendCustomerMessage", json!({ "msgtype": "text", "content": "一" })).await;
    world.clock.advance(Duration::from_secs(30));
    write(&world, &phone, json!({ "msgtype": "text", "content": "二" })).await;
    assert_eq!(texts(&messages(&world, &phone).await), ["二", "一"]);
    let two_days_on = shared::types::UnixSeconds::new(world.now() + 48 * 60 * 60).to_rfc3339();
    assert_eq!(conversations(&world).await[0]["windowEndsAt"], two_days_on);
}

#[tokio::test]
async fn a_window_that_wechat_closed_early_stays_closed_until_the_user_writes() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    enter(&world, &phone).await;
    let earlier = world.now() + 5;
    world.clock.advance(Duration::from_secs(10));
    let closed_at = shared::types::UnixSeconds::new(world.now()).to_rfc3339();
    world.wechat().set_fault(Fault::Errcode { path: SEND.into(), errcode: 45015, times: 1 });
    for key in ["a", "b"] {
        let refused = send(&world, &text(&phone, "您好"), key).await;
        assert_eq!(refused.outcome(), "409 WINDOW_CLOSED");
        assert!(refused.text("/message").contains("48 小时"), "{}", refused.body);
    }
    world.clock.advance(Duration::from_secs(10));
    push_text(&world, &phone, earlier, 7, "late").await;
    assert_eq!(send(&world, &text(&phone, "您好"), "c").await.outcome(), "409 WINDOW_CLOSED");
    assert_eq!(world.calls_to(SEND), 1, "the ledger knows");
    let listed = conversations(&world).await;
    assert_eq!((&listed[0]["remaining"], &listed[0]["windowEndsAt"]), (&json!(0), &json!(closed_at)));
    write_in(&world, &phone).await;
    send(&world, &text(&phone, "您好"), "d").await.ok();
}

#[tokio::test]
async fn a_message_of_a_type_that_is_not_known_is_kept_as_it_is() {
    let world = World::start().await;
    let phone = world.user().await;
    let voice = json!({ "MsgType": "voice", "MediaId": "m", "Format": "amr", "MsgId": 7 });
    world.wechat().push(&phone.openid, voice);
    process_pushes(&world).await;
    let messages = messages(&world, &phone).await;
    assert_eq!(messages[0]["msgtype"], "voice");
    assert_eq!(messages[0]["fields"], json!({ "MediaId": "m", "Format": "amr" }));
}

#[tokio::test]
async fn a_message_that_no_signature_covers_says_so() {
    let world = World::start().with_config("[message_push]\nmode = \"plain\"").await;
    let phone = world.user().await;
    let settings = world.wechat().push_settings();
    world.wechat().set_push_settings(PushSettings { mode: PushMode::Plain, ..settings });
    write_in(&world, &phone).await;
    assert_eq!(messages(&world, &phone).await[0]["authenticated"], false);
}

#[tokio::test]
async fn a_message_from_the_future_opens_no_longer_window_than_one_of_now() {
    let world = World::start().await;
    let phone = world.user().await;
    push_text(&world, &phone, world.now() + 1_000_000_000, 7, "您好").await;
    world.clock.advance(Duration::from_secs(1));
    write_in(&world, &phone).await;
    assert_eq!(texts(&messages(&world, &phone).await), ["在吗", "您好"]);
    world.clock.advance(Duration::from_secs(48 * 60 * 60));
    assert_eq!(conversations(&world).await[0]["remaining"], 0);
}

#[tokio::test]
async fn a_transaction_whose_answer_is_lost_sends_or_keeps_a_message_once() {
    let world = World::start().await;
    let phone = world.user().await;
    let lose = |caller: &str| {
        world.dynamo().inject_fault(DynamoFault {
            caller: Some(caller.to_owned()),
            operation: Some("TransactWriteItems".to_owned()),
            kind: FaultKind::TimeoutAfter,
            times: 1,
        });
    };
    lose("PushEventsFunction");
    write_in(&world, &phone).await;
    lose("CustomerMessageFunction");
    let sent = send(&world, &text(&phone, "您好"), "k").await.ok();
    assert_eq!(sent.text("/message/status"), "SENT");
    assert_eq!(
        (messages(&world, &phone).await.len(), bus_events(&world).len(), world.calls_to(SEND)),
        (2, 1, 1)
    );
    assert_eq!(conversations(&world).await[0]["remaining"], 4);
}

#[tokio::test]
async fn a_message_whose_outcome_can_t_be_stored_is_not_sent_again() {
    let world = World::start().await;
    let phone = world.user().await;
    write_in(&world, &phone).await;
    send(&world, &text(&phone, "您好"), "warm").await.ok();
    // The claim gets through, and no write after it.
    world.wechat().set_fault(Fault::TimeoutBefore { path: SEND.into(), millis: 300, times: 1 });
    let hello = text(&phone, "还在吗");
    let (answer, ()) = join(send(&world, &hello, "k"), async {
        for _ in 0..1000 {
            if world.items("ConversationsTable").await.iter().any(|row| row["status"]["S"] == "SENDING") {
                break;
            }
        }
        world.dynamo().inject_fault(DynamoFault {
            caller: Some("CustomerMessageFunction".to_owned()),
            operation: Some("TransactWriteItems".to_owned()),
            kind: FaultKind::InternalError,
            times: 3,
        });
    })
    .await;
    assert_eq!(answer.ok().text("/message/status"), "UNKNOWN");
    let again = send(&world, &hello, "k").await.ok();
    assert_eq!(again.text("/message/status"), "SENDING", "the table does not know what became of it");
    assert_eq!(world.calls_to(SEND), 2);
}
