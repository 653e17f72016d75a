//! `wx.requestSubscribeMessage`: the user allows one message of each template, or does not.
//!
//! Documentation: "wx.requestSubscribeMessage".
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/subscribe-message/wx.requestSubscribeMessage.html>

use serde_json::Value;

use super::events;
use super::service::SubscribeService;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure};

/// Asks the user for consents. The argument `userChoice` has the user's choice by template id; without it the user accepts.
pub(super) fn request_subscribe_message(
    subscribe: &SubscribeService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let ids = template_ids(arguments)?;
    let choices = match arguments.get("userChoice") {
        None => &WxArguments::new(),
        Some(Value::Object(choices)) => choices,
        Some(_) => return Err(WxFailure::parameter("userChoice is {\"<template id>\": \"reject\"}")),
    };
    let context = &subscribe.base.context;
    let mut state = subscribe.state();
    if ids.iter().any(|id| !state.templates.is_known(id, context)) {
        return Err(WxFailure { err_code: INVALID_TEMPLATE, ..WxFailure::new("Templates not found") });
    }
    let chosen =
        ids.iter().map(|id| Ok((*id, chosen(choices, id)?))).collect::<Result<Vec<_>, WxFailure>>()?;
    let mut answer = WxArguments::new();
    let mut list = Vec::new();
    for (id, choice) in chosen {
        if ACCEPTED.contains(&choice) {
            state.subscriptions.accept(&user.openid, id);
            list.push(events::popup_item(id, "accept"));
        }
        // `ban` and `filter` show no dialog, so the user chooses nothing.
        if choice == "reject" {
            list.push(events::popup_item(id, "reject"));
        }
        answer.insert(id.to_owned(), choice.into());
    }
    drop(state);
    events::push_popup(&subscribe.pushes, &user.openid, list);
    Ok(answer)
}

/// Parses `tmplIds`: one to five texts.
fn template_ids(arguments: &WxArguments) -> Result<Vec<&str>, WxFailure> {
    let wrong_type = || WxFailure::parameter("parameter.tmplIds should be an Array of String;");
    let ids = arguments.get("tmplIds").and_then(Value::as_array).ok_or_else(wrong_type)?;
    let ids: Vec<&str> = ids.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(wrong_type)?;
    if ids.is_empty() || ids.contains(&"") {
        return Err(WxFailure { err_code: EMPTY, ..WxFailure::new("TmplIds can't be empty") });
    }
    if ids.len() > 5 {
        return Err(WxFailure { err_code: TOO_MANY, ..WxFailure::new("Templates count out of max bounds") });
    }
    Ok(ids)
}

fn chosen<'a>(choices: &'a WxArguments, id: &str) -> Result<&'a str, WxFailure> {
    let choice = choices.get(id).map_or(Some("accept"), Value::as_str).unwrap_or_default();
    let is_known = ACCEPTED.contains(&choice) || ["reject", "ban", "filter"].contains(&choice);
    if is_known { Ok(choice) } else { Err(WxFailure::parameter("a choice is accept, reject, ban or filter")) }
}

const ACCEPTED: [&str; 3] = ["accept", "acceptWithAlert", "acceptWithAudio"];

const EMPTY: i64 = 10_001;
const INVALID_TEMPLATE: i64 = 20_001;
const TOO_MANY: i64 = 20_003;
