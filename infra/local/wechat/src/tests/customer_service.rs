//! Tests of customer service: what users write is pushed, and answers reach them within WeChat's windows.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::fixture::{Fixture, read_json};
use crate::base::tokens::access_tokens::TokenOwner::MiniProgram;
use crate::core::clock::{DAY, HOUR, MINUTE};
use crate::{PushMode, PushSettings};

const SEND: &str = "/cgi-bin/message/custom/send";
const TYPING: &str = "/cgi-bin/message/custom/typing";
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;";

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let url = Some(fixture.receiver.push_url());
    fixture.wechat.set_push_settings(PushSettings { url, mode: PushMode::Plain, ..PushSettings::default() });
    fixture.receiver.answer_pushes_with_success();
    fixture
}

/// What was pushed so far.
async fn pushed(fixture: &Fixture) -> Vec<Value> {
    fixture.wechat.wait_for_notices().await;
    fixture.receiver.bodies().iter().map(|body| serde_json::from_str(body).unwrap()).collect()
}

async fn write_text(fixture: &Fixture) {
    let (status, _) =
        fixture.call_wx("sendCustomerMessage", json!({"msgtype": "text", "content": "在吗?"})).await;
    assert_eq!(status, 200);
}

fn text(fixture: &Fixture, content: &str) -> Value {
    json!({"touser": fixture.openid, "msgtype": "text", "text": {"content": content}})
}

async fn errcode(fixture: &Fixture, path: &str, body: Value) -> Value {
    fixture.api(path, body).await["errcode"].clone()
}

async fn upload(fixture: &Fixture, kind: &str, disposition: &str, bytes: &[u8]) -> Value {
    let token = fixture.token_of(MiniProgram).await;
    let head = format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    let body = [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat();
    let url = format!("{}/cgi-bin/media/upload?access_token={token}&type={kind}", fixture.base);
    let request = fixture.client.post(url).header(CONTENT_TYPE, "multipart/form-data; boundary=b").body(body);
    read_json(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_users_message_is_pushed_and_can_be_answered_five_times() {
    let fixture = fixture().await;
    assert_eq!(errcode(&fixture, SEND, text(&fixture, "您好")).await, 45015);
    write_text(&fixture).await;
    let pushed = pushed(&fixture).await;
    assert_eq!((&pushed[0]["MsgType"], &pushed[0]["Content"]), (&json!("text"), &json!("在吗?")));
    assert_eq!(pushed[0]["FromUserName"], fixture.openid);
    assert!(pushed[0]["MsgId"].as_u64().unwrap() > 1 << 53);
    for _ in 0..5 {
        assert_eq!(errcode(&fixture, SEND, text(&fixture, "您好")).await, 0);
    }
    assert_eq!(errcode(&fixture, SEND, text(&fixture, "您好")).await, 45047);
    fixture.advance(48 * HOUR);
    assert_eq!(errcode(&fixture, SEND, text(&fixture, "您好")).await, 45015);
    let received = fixture.wechat.customer_messages();
    assert_eq!((received.len(), received[0].openid.as_str()), (5, fixture.openid.as_str()));
    assert_eq!(json!(received[0].content), json!({"content": "您好"}));
    let shown = fixture.get_json("/_wechat/customer_messages").await;
    assert_eq!(shown["messages"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn entering_is_pushed_with_its_origin_and_allows_two_messages() {
    let fixture = fixture().await;
    let arguments = json!({"sessionFrom": "vip|会员"});
    assert_eq!(fixture.call_wx("openCustomerServiceConversation", arguments).await.0, 200);
    let pushed = pushed(&fixture).await;
    let expected = (&json!("user_enter_tempsession"), &json!("vip|会员"), None);
    assert_eq!((&pushed[0]["Event"], &pushed[0]["SessionFrom"], pushed[0].get("MsgId")), expected);
    for expected in [0, 0, 45047] {
        assert_eq!(errcode(&fixture, SEND, text(&fixture, "您好")).await, expected);
    }
    fixture.advance(MINUTE);
    assert_eq!(errcode(&fixture, SEND, text(&fixture, "您好")).await, 45015);
}

#[tokio::test]
async fn a_card_comes_with_entering_unless_the_user_does_not_send_it() {
    for (choice, pushes) in [("accept", 2), ("reject", 1)] {
        let fixture = fixture().await;
        let arguments = json!({
            "showMessageCard": true,
            "sendMessageTitle": "矿泉水",
            "sendMessagePath": "pages/water?id=1",
            "userChoice": choice,
        });
        fixture.call_wx("openCustomerServiceConversation", arguments).await;
        let pushed = pushed(&fixture).await;
        assert_eq!(pushed.len(), pushes);
        let card = pushed.iter().find(|message| message["MsgType"] == "miniprogrampage");
        if let Some(card) = card {
            assert_eq!((&card["Title"], &card["PagePath"]), (&json!("矿泉水"), &json!("pages/water?id=1")));
            assert_eq!(card["AppId"], fixture.wechat.account().app_id.as_str());
            assert!(card["MsgId"].is_string() && card["CreateTime"].is_string());
        }
    }
}

#[tokio::test]
async fn a_users_picture_can_be_downloaded_for_three_days() {
    let fixture = fixture().await;
    assert_eq!(fixture.call_wx("sendCustomerMessage", json!({"msgtype": "image"})).await.0, 200);
    let media_id = pushed(&fixture).await[0]["MediaId"].as_str().unwrap().to_owned();
    let token = fixture.token_of(MiniProgram).await;
    let path = format!("/cgi-bin/media/get?access_token={token}&media_id={media_id}");
    let picture = fixture.get(&path).await.unwrap();
    assert_eq!(picture.headers()[CONTENT_TYPE], "image/png");
    assert!(picture.bytes().await.unwrap().starts_with(b"\x89PNG"));
    fixture.advance(3 * DAY);
    let token = fixture.token_of(MiniProgram).await;
    let path = format!("/cgi-bin/media/get?access_token={token}&media_id={media_id}");
    assert_eq!(fixture.get_json(&path).await["errcode"], 40007);
}

#[tokio::test]
async fn uploaded_pictures_can_be_sent_and_anything_else_is_refused() {
    let fixture = fixture().await;
    write_text(&fixture).await;
    let file = "name=\"media\"; filename=\"a.gif\"";
    let uploaded = upload(&fixture, "image", file, GIF).await;
    assert_eq!((&uploaded["type"], &uploaded["created_at"]), (&json!("image"), &json!(1_700_000_042)));
    assert!(uploaded.get("errcode").is_none());
    let media_id = &uploaded["media_id"];
    for (kind, disposition, bytes, expected) in [
        ("video", file, GIF, 40004),
        ("image", "name=\"media\"", GIF, 41005),
        ("image", "name=\"file\"; filename=\"a.gif\"", GIF, 41005),
        ("image", file, b"no picture", 40004),
        ("image", file, &[GIF, &vec![0; 10 * 1024 * 1024]].concat(), 40009),
    ] {
        assert_eq!(
            upload(&fixture, kind, disposition, bytes).await["errcode"],
            expected,
            "{kind} {disposition}"
        );
    }
    for body in [
        json!({"msgtype": "image", "image": {"media_id": media_id}}),
        json!({"msgtype": "miniprogrampage", "miniprogrampage": {"title": "水", "pagepath": "p", "thumb_media_id": media_id}}),
        json!({"msgtype": "link", "link": {"title": "水", "description": "d", "url": "https://example.com", "thumb_url": ""}}),
    ] {
        let mut body = body;
        body["touser"] = fixture.openid.clone().into();
        assert_eq!(errcode(&fixture, SEND, body.clone()).await, 0, "{body}");
    }
    fixture.advance(3 * DAY);
    write_text(&fixture).await;
    let body = json!({"touser": fixture.openid, "msgtype": "image", "image": {"media_id": media_id}});
    assert_eq!(errcode(&fixture, SEND, body).await, 40007);
}

#[tokio::test]
async fn a_wrong_message_has_its_errcode_and_uses_up_nothing() {
    let fixture = fixture().await;
    write_text(&fixture).await;
    let app_id = fixture.wechat.account().app_id.clone();
    let link = |app_id: &str| format!("<a href=\"\" data-miniprogram-appid=\"{app_id}\">x</a>");
    for (body, expected) in [
        (json!({"touser": "onobody", "msgtype": "text", "text": {"content": "x"}}), 40003),
        (json!({"msgtype": "text", "text": {"content": "x"}}), 40003),
        (json!({"touser": fixture.openid, "msgtype": "transfer_customer_service"}), 45162),
        (json!({"touser": fixture.openid, "msgtype": "voice", "voice": {"media_id": "x"}}), 45162),
        (json!({"touser": fixture.openid, "msgtype": "text", "text": {"content": 1}}), 47001),
        (json!({"touser": fixture.openid, "msgtype": "image", "image": {"media_id": "x"}}), 40007),
        (text(&fixture, &"水".repeat(683)), 45002),
        (text(&fixture, &link("wx95e6095a537e33b4")), 40013),
    ] {
        assert_eq!(errcode(&fixture, SEND, body.clone()).await, expected, "{body}");
    }
    for _ in 0..5 {
        assert_eq!(errcode(&fixture, SEND, text(&fixture, &link(&app_id))).await, 0);
    }
}

#[tokio::test]
async fn typing_is_shown_after_a_recent_message() {
    let fixture = fixture().await;
    let typing = |command: &str| json!({"touser": fixture.openid, "command": command});
    assert_eq!(errcode(&fixture, TYPING, typing("Typing")).await, 45080);
    write_text(&fixture).await;
    assert_eq!(errcode(&fixture, TYPING, typing("typing")).await, 45072);
    assert_eq!(errcode(&fixture, TYPING, typing("Typing")).await, 0);
    assert!(fixture.wechat.sees_typing(&fixture.openid));
    assert_eq!(errcode(&fixture, TYPING, typing("Typing")).await, 45081);
    assert_eq!(errcode(&fixture, TYPING, typing("CancelTyping")).await, 0);
    assert!(!fixture.wechat.sees_typing(&fixture.openid));
}

#[tokio::test]
async fn a_window_can_close_early_by_the_fault_of_an_errcode() {
    let fixture = fixture().await;
    write_text(&fixture).await;
    fixture.add_faults(json!({"fault": "errcode", "path": SEND, "errcode": 45015})).await;
    assert_eq!(errcode(&fixture, SEND, text(&fixture, "您好")).await, 45015);
    assert!(fixture.wechat.customer_messages().is_empty());
}
