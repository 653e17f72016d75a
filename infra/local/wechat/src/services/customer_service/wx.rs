//! What a user does in the conversation with customer service. The names are the simulator's own, because WeChat has a button only:
//! `<button open-type="contact">`.
//!
//! Documentation: "Customer service message button" (客服消息按钮) and "Receive messages and events" (接收消息和事件).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/receive.html>

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::service::CustomerService;
use crate::core::clock::SECOND;
use crate::core::random;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure, text_argument, user_denies};

/// The user taps the button and enters the conversation. With `showMessageCard` the user also sends the card, unless `userChoice` says
/// otherwise.
pub(super) fn open_conversation(
    customer: &CustomerService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let optional = |name: &str| match arguments.get(name) {
        None => Ok(""),
        Some(_) => text_argument(arguments, name),
    };
    let session_from = optional("sessionFrom")?;
    let with_card = arguments.get("showMessageCard") == Some(&Value::Bool(true)) && !user_denies(arguments)?;
    let (title, path) = (optional("sendMessageTitle")?, optional("sendMessagePath")?);
    let now = customer.base.now();
    customer.state().windows.open_by_entry(&user.openid, now);
    push(
        customer,
        user,
        json!({"MsgType": "event", "Event": "user_enter_tempsession", "SessionFrom": session_from}),
    );
    if with_card {
        receive(customer, user, card(customer, title, path)?);
    }
    Ok(WxArguments::from_iter([("path".to_owned(), json!("")), ("query".to_owned(), json!({}))]))
}

/// The user sends a message to customer service.
pub(super) fn send_message(
    customer: &CustomerService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let message = match text_argument(arguments, "msgtype")? {
        "text" => json!({"MsgType": "text", "Content": text_argument(arguments, "content")?}),
        "image" => {
            let picture = match arguments.get("image") {
                None => PICTURE,
                Some(_) => text_argument(arguments, "image")?,
            };
            let media_id = keep_picture(customer, picture)?;
            json!({"MsgType": "image", "PicUrl": picture_url(&media_id), "MediaId": media_id})
        }
        "miniprogrampage" => {
            card(customer, text_argument(arguments, "title")?, text_argument(arguments, "pagePath")?)?
        }
        _ => return Err(WxFailure::parameter("msgtype is text, image or miniprogrampage")),
    };
    let msg_id = receive(customer, user, message);
    Ok(WxArguments::from_iter([("msgId".to_owned(), Value::from(msg_id.to_string()))]))
}

/// A card that opens a page of this mini program.
fn card(customer: &CustomerService, title: &str, path: &str) -> Result<Value, WxFailure> {
    let thumb = keep_picture(customer, PICTURE)?;
    Ok(json!({
        "MsgType": "miniprogrampage",
        "Title": title,
        "AppId": customer.base.account().app_id,
        "PagePath": path,
        "ThumbUrl": picture_url(&thumb),
        "ThumbMediaId": thumb,
    }))
}

/// Opens the window and pushes the message; returns its `MsgId`.
fn receive(customer: &CustomerService, user: &User, mut message: Value) -> u64 {
    let now = customer.base.now();
    let msg_id = random::message_number();
    customer.state().windows.open_by_message(&user.openid, now);
    if let Some(message) = message.as_object_mut() {
        // WeChat writes these numbers as texts too: here in all messages but those of text.
        let is_text = message.get("MsgType") == Some(&json!("text"));
        let number = |value: u64| if is_text { json!(value) } else { json!(value.to_string()) };
        message.insert("CreateTime".to_owned(), number(now / SECOND));
        message.insert("MsgId".to_owned(), number(msg_id));
    }
    push(customer, user, message);
    msg_id
}

fn push(customer: &CustomerService, user: &User, message: Value) {
    let message: Map<String, Value> = message.as_object().cloned().unwrap_or_default();
    customer.pushes.push(&user.openid, message);
}

fn keep_picture(customer: &CustomerService, base64: &str) -> Result<String, WxFailure> {
    let not_a_picture = || WxFailure::parameter("image is the base64 of a PNG, JPEG, GIF or BMP");
    let bytes = STANDARD.decode(base64).map_err(|_| not_a_picture())?;
    let now = customer.base.now();
    customer.state().media.put(Bytes::from(bytes), now).ok_or_else(not_a_picture)
}

fn picture_url(media_id: &str) -> String {
    format!("http://mmbiz.qpic.cn/mmbiz_jpg/{media_id}/0")
}

/// A PNG of one pixel, for users who send no picture of their own.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
