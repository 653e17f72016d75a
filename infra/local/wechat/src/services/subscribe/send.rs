//! `POST /cgi-bin/message/subscribe/send`.
//!
//! Documentation: "Send subscribe message" (发送订阅消息).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::SubscribeService;
use super::values;
use crate::base::access;
use crate::base::pages::{PAGE_MISSING, is_missing};
use crate::base::platform::{INVALID_OPENID, INVALID_TEMPLATE, Refusal};
use crate::base::tokens::Owner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;

/// A subscribe message a user got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// 19 digits.
    pub msgid: u64,
    /// Unix milliseconds.
    pub time: u64,
    /// Who got it.
    pub openid: String,
    /// The template.
    pub template_id: String,
    /// The page it opens; without one it opens nothing.
    pub page: Option<String>,
    /// `formal`, `trial` or `developer`.
    pub miniprogram_state: String,
    /// `zh_CN`, `en_US`, `zh_HK` or `zh_TW`.
    pub lang: String,
    /// The values by keyword.
    pub data: BTreeMap<String, String>,
}

pub(crate) fn send(
    subscribe: &SubscribeService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::post(&subscribe.base.tokens, received, fault, Owner::MiniProgram, |body| judge(subscribe, body))
}

#[derive(Deserialize)]
struct Body {
    touser: Option<String>,
    template_id: Option<String>,
    page: Option<String>,
    miniprogram_state: Option<String>,
    lang: Option<String>,
    data: Option<Map<String, Value>>,
}

fn judge(subscribe: &SubscribeService, body: Body) -> Result<Value, Refusal> {
    let now = subscribe.base.now();
    let base = &subscribe.base;
    let openid = body.touser.filter(|openid| base.users.has(openid)).ok_or(INVALID_OPENID)?;
    let page = body.page.filter(|page| !page.is_empty());
    let page_is_missing = page.as_deref().is_some_and(|page| is_missing(&base.context, page));
    let state = &mut *subscribe.state();
    let is_known = |id: &String| !id.is_empty() && state.templates.is_known(id, &base.context);
    let template_id = body.template_id.filter(is_known).ok_or(INVALID_TEMPLATE)?;
    let data = values::read(body.data.as_ref(), state.templates.private(&template_id))
        .map_err(|what| argument(&what))?;
    let miniprogram_state =
        one_of("miniprogram_state", body.miniprogram_state, &["formal", "trial", "developer"])?;
    let lang = one_of("lang", body.lang, &["zh_CN", "en_US", "zh_HK", "zh_TW"])?;
    if page_is_missing {
        return Err(PAGE_MISSING);
    }
    let msgid = random::msgid();
    let message = Message { msgid, time: now, openid, template_id, page, miniprogram_state, lang, data };
    if state.subscriptions.send(message) { Ok(json!({"msgid": msgid})) } else { Err(REFUSED_BY_USER) }
}

/// The value if it is a known one, the first known one if it is absent.
fn one_of(name: &str, value: Option<String>, known: &[&str]) -> Result<String, Refusal> {
    match value.filter(|value| !value.is_empty()) {
        None => Ok(known.first().copied().unwrap_or_default().to_owned()),
        Some(value) if known.contains(&value.as_str()) => Ok(value),
        Some(_) => Err(argument(&format!("{name} invalid"))),
    }
}

fn argument(what: &str) -> Refusal {
    Refusal::naming(47003, format!("argument invalid! {what}"))
}

const REFUSED_BY_USER: Refusal = Refusal::new(43101, "user refuse to accept the msg");
