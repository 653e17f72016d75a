//! `POST /api/admin/messages`, `GET /api/admin/conversations/{openid}`: every kind of message, and the pages of a conversation.

use std::time::Duration;

use e2e::World;
use local_wechat::Fault;
use serde_json::json;

use crate::customer_message::{process_pushes, send, text};

#[tokio::test]
async fn pictures_links_and_pages_are_sent_and_listed_with_their_fields() {
    let world = World::start().await;
    let phone = world.user().await;
    phone.wx("sendCustomerMessage", json!({ "msgtype": "text", "content": "在吗" })).await;
    process_pushes(&world).await;
    let picture = [b"\x89PNG\r\n\x1a\n".as_slice(), &[7; 100]].concat();
    let media = world.operator_with_bytes("POST", "/api/admin/media", &picture).await.ok().text("/mediaId");
    let link = json!({ "title": "新品", "description": "今日上新", "url": "https://a.example/1",
                       "thumbUrl": "https://a.example/1.jpg" });
    let page = json!({ "title": "小店", "pagepath": "pages/index/index", "thumbMediaId": media });
    for (msgtype, content) in
        [("image", json!({ "mediaId": media })), ("link", link), ("miniprogrampage", page)]
    {
        // Messages of the same second have no order.
        world.clock.advance(Duration::from_secs(1));
        let body = json!({ "openid": phone.openid, "msgtype": msgtype, msgtype: content });
        let sent = send(&world, &body, msgtype).await.ok();
        assert_eq!(
            (sent.text("/message/msgtype"), sent.text("/message/status")),
            (msgtype.into(), "SENT".into())
        );
        let listed =
            world.operator("GET", &format!("/api/admin/conversations/{}", phone.openid), &json!({})).await;
        let newest = listed.ok().json()["messages"][0].clone();
        assert_eq!((&newest["msgtype"], &newest[msgtype]), (&json!(msgtype), &content));
    }
}

#[tokio::test]
async fn a_conversation_of_more_than_a_page_is_read_with_the_cursor() {
    let world = World::start().await;
    let phone = world.user().await;
    for number in 0..51_u64 {
        let message = json!({ "MsgType": "text", "Content": number.to_string(), "CreateTime": world.now() - 60 + number,
                              "MsgId": number + 1 });
        world.wechat().push(&phone.openid, message);
    }
    process_pushes(&world).await;
    let path = format!("/api/admin/conversations/{}", phone.openid);
    let first = world.operator("GET", &path, &json!({})).await.ok();
    assert_eq!(first.json()["messages"].as_array().map(Vec::len), Some(50));
    let second = format!("{path}?cursor={}", first.text("/cursor"));
    let second = world.operator("GET", &second, &json!({})).await.ok();
    assert_eq!(second.json()["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(second.text("/messages/0/text/content"), "0");
}

#[tokio::test]
async fn a_refusal_of_typing_is_answered_with_the_number_of_wechat() {
    let world = World::start().await;
    let phone = world.user().await;
    let path = "/cgi-bin/message/custom/typing".to_owned();
    world.wechat().set_fault(Fault::Errcode { path, errcode: 47001, times: 1 });
    let body = json!({ "openid": phone.openid, "command": "Typing" });
    let refused = world.operator("POST", "/api/admin/messages/typing", &body).await;
    assert_eq!(refused.outcome(), "409 CONFLICT");
    assert!(refused.text("/message").contains("47001"), "{}", refused.body);
    assert_eq!(send(&world, &text(&phone, "您好"), "k").await.outcome(), "409 WINDOW_CLOSED");
}
