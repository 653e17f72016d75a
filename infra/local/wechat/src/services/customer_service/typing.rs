//! `POST /cgi-bin/message/custom/typing`: the user sees that customer service is typing.
//!
//! Documentation: "Set typing state" (下发客服当前输入状态).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/kf-mgnt/kf-message/setTyping.html>

use serde::Deserialize;
use serde_json::{Value, json};

use super::service::CustomerService;
use super::windows::TypingRefusal;
use crate::base::access;
use crate::base::platform::{Errcode, INVALID_OPENID};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(super) fn handle_typing(
    customer: &CustomerService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_post(&customer.base.tokens, request, fault, TokenOwner::MiniProgram, |body| {
        set_typing(customer, body)
    })
}

#[derive(Deserialize)]
struct TypingBody {
    touser: Option<String>,
    command: Option<String>,
}

fn set_typing(customer: &CustomerService, body: TypingBody) -> Result<Value, Errcode> {
    let now = customer.base.now();
    let openid = body.touser.filter(|openid| customer.base.users.has_openid(openid)).ok_or(INVALID_OPENID)?;
    let windows = &mut customer.state().windows;
    match body.command.as_deref() {
        Some("Typing") => windows.start_typing(&openid, now).map_err(|refusal| match refusal {
            TypingRefusal::NoRecentMessage => NO_RECENT_MESSAGE,
            TypingRefusal::AlreadyTyping => ALREADY_TYPING,
        })?,
        Some("CancelTyping") => windows.stop_typing(&openid),
        _ => return Err(INVALID_COMMAND),
    }
    Ok(json!({}))
}

const INVALID_COMMAND: Errcode = Errcode::new(45072, "invalid command");
const NO_RECENT_MESSAGE: Errcode = Errcode::new(45080, "no message of the user in the last 30 seconds");
const ALREADY_TYPING: Errcode = Errcode::new(45081, "already in typing state");
