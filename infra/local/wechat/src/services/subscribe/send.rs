//! `POST /cgi-bin/message/subscribe/send`.
//!
//! Documentation: "Send subscribe message" (发送订阅消息).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html>

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::events::{self, DeliveryResult};
use super::message::SubscribeMessage;
use super::service::SubscribeService;
use super::values;
use crate::base::access;
use crate::base::pages::{PAGE_MISSING, is_page_missing};
use crate::base::platform::{Errcode, INVALID_OPENID, INVALID_TEMPLATE};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;

pub(crate) fn handle_send(
    subscribe: &SubscribeService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_post(&subscribe.base.tokens, request, fault, TokenOwner::MiniProgram, |body| {
        send_message(subscribe, body)
    })
}

#[derive(Deserialize)]
struct SendBody {
    touser: Option<String>,
    template_id: Option<String>,
    page: Option<String>,
    miniprogram_state: Option<String>,
    lang: Option<String>,
    data: Option<Map<String, Value>>,
}

fn send_message(subscribe: &SubscribeService, body: SendBody) -> Result<Value, Errcode> {
    let now = subscribe.base.now();
    let base = &subscribe.base;
    let openid = body.touser.filter(|openid| base.users.has_openid(openid)).ok_or(INVALID_OPENID)?;
    let page = body.page.filter(|page| !page.is_empty());
    let page_is_missing = page.as_deref().is_some_and(|page| is_page_missing(&base.context, page));
    let mut state = subscribe.state();
    let is_known = |id: &String| !id.is_empty() && state.templates.is_known(id, &base.context);
    let template_id = body.template_id.filter(is_known).ok_or(INVALID_TEMPLATE)?;
    let data = values::parse_values(body.data.as_ref(), state.templates.get(&template_id))
        .map_err(|what| argument_error(&what))?;
    let miniprogram_state =
        parse_choice("miniprogram_state", body.miniprogram_state, &["formal", "trial", "developer"])?;
    let lang = parse_choice("lang", body.lang, &["zh_CN", "en_US", "zh_HK", "zh_TW"])?;
    if page_is_missing {
        return Err(PAGE_MISSING);
    }
    let msgid = random::msgid();
    let message =
        SubscribeMessage { msgid, time: now, openid, template_id, page, miniprogram_state, lang, data };
    if !state.subscriptions.take_consent(&message) {
        return Err(REFUSED_BY_USER);
    }
    let result = DeliveryResult::take(&base.context);
    if result.is_delivered() {
        state.subscriptions.sent.push(message.clone());
    }
    drop(state);
    events::push_sent(&subscribe.pushes, &message, &result);
    Ok(json!({"msgid": msgid}))
}

/// Returns the value if it is known, or the first known value if the field is absent.
fn parse_choice(name: &str, value: Option<String>, known: &[&str]) -> Result<String, Errcode> {
    match value.filter(|value| !value.is_empty()) {
        None => Ok(known.first().copied().unwrap_or_default().to_owned()),
        Some(value) if known.contains(&value.as_str()) => Ok(value),
        Some(_) => Err(argument_error(&format!("{name} invalid"))),
    }
}

fn argument_error(what: &str) -> Errcode {
    Errcode::with_message(47003, format!("argument invalid! {what}"))
}

const REFUSED_BY_USER: Errcode = Errcode::new(43101, "user refuse to accept the msg");
