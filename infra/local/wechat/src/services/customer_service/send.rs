//! `POST /cgi-bin/message/custom/send`.
//!
//! Documentation: "Send customer service message" (发送客服消息). A mini program has four kinds of messages; those of official accounts
//! are refused.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/kf-mgnt/kf-message/sendCustomMessage.html>

use serde_json::{Map, Value, json};

use super::message::CustomerMessage;
use super::service::{CustomerService, CustomerState};
use super::windows::WindowRefusal;
use crate::base::access;
use crate::base::platform::{Errcode, INVALID_APPID, INVALID_MEDIA_ID, INVALID_OPENID, NOT_JSON};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(super) fn handle_send(
    customer: &CustomerService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_post(&customer.base.tokens, request, fault, TokenOwner::MiniProgram, |body| {
        send_message(customer, &body)
    })
}

fn send_message(customer: &CustomerService, body: &Map<String, Value>) -> Result<Value, Errcode> {
    let now = customer.base.now();
    let openid = body.get("touser").and_then(Value::as_str).unwrap_or_default();
    if !customer.base.users.has_openid(openid) {
        return Err(INVALID_OPENID);
    }
    let msgtype = body.get("msgtype").and_then(Value::as_str).unwrap_or_default();
    let content = body.get(msgtype).and_then(Value::as_object);
    let state = &mut *customer.state();
    match msgtype {
        "text" => check_text(text(content, "content")?, &customer.base.account().app_id)?,
        "image" => check_media(state, text(content, "media_id")?, now)?,
        "link" => {
            text(content, "title")?;
            text(content, "url")?;
        }
        "miniprogrampage" => {
            text(content, "title")?;
            text(content, "pagepath")?;
            check_media(state, text(content, "thumb_media_id")?, now)?;
        }
        _ => return Err(INVALID_TYPE),
    }
    state.windows.take(openid, now).map_err(|refusal| match refusal {
        WindowRefusal::Closed => WINDOW_CLOSED,
        WindowRefusal::UsedUp => COUNT_USED,
    })?;
    state.sent.push(CustomerMessage {
        time: now,
        openid: openid.to_owned(),
        msgtype: msgtype.to_owned(),
        content: content.cloned().unwrap_or_default(),
    });
    Ok(json!({}))
}

/// A field of the message, which must be a text and not empty.
fn text<'a>(content: Option<&'a Map<String, Value>>, name: &str) -> Result<&'a str, Errcode> {
    let text = content.and_then(|content| content.get(name)).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).ok_or(NOT_JSON)
}

/// A link in a text may open only this mini program.
fn check_text(content: &str, app_id: &str) -> Result<(), Errcode> {
    if content.len() > MAX_TEXT {
        return Err(TOO_LONG);
    }
    let mut linked = content.split("data-miniprogram-appid=\"").skip(1);
    if linked.all(|rest| rest.split('"').next() == Some(app_id)) { Ok(()) } else { Err(INVALID_APPID) }
}

fn check_media(state: &CustomerState, media_id: &str, now: u64) -> Result<(), Errcode> {
    state.media.get(media_id, now).map(drop).ok_or(INVALID_MEDIA_ID)
}

/// The largest text in bytes.
const MAX_TEXT: usize = 2048;

const TOO_LONG: Errcode = Errcode::new(45002, "content size out of limit");
const WINDOW_CLOSED: Errcode = Errcode::new(45015, "response out of time limit or subscription is canceled");
const COUNT_USED: Errcode = Errcode::new(45047, "out of response count limit");
const INVALID_TYPE: Errcode = Errcode::new(45162, "invalid type");
