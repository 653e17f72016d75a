//! What concerns the whole account: whether its trade is managed, and where WeChat's messages and lists of orders lead to.

use serde::Deserialize;
use serde_json::{Value, json};

use super::errcodes::{BAD_ARGUMENT, PATH};
use super::handle_managed;
use crate::base::access;
use crate::base::platform::{Errcode, INVALID_APPID};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::service::PayService;

#[derive(Deserialize)]
struct AppBody {
    appid: Option<String>,
}

#[derive(Deserialize)]
struct PathBody {
    path: Option<String>,
}

#[derive(Deserialize)]
struct NoFields {}

pub(super) fn is_trade_managed(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    about_account(
        pay,
        request,
        fault,
        |pay| json!({"is_trade_managed": pay.ledger().shipping.settings.managed}),
    )
}

pub(super) fn is_confirmation_completed(
    pay: &PayService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    about_account(pay, request, fault, |pay| json!({"completed": pay.ledger().shipping.settings.confirmed}))
}

pub(super) fn set_message_path(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    handle_managed(pay, request, fault, |PathBody { path }| {
        let path = path.filter(|path| !path.is_empty() && !path.starts_with('/')).ok_or(BAD_ARGUMENT)?;
        pay.ledger().shipping.message_path = Some(path);
        Ok(json!({}))
    })
}

pub(super) fn set_order_detail_path(
    pay: &PayService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    handle_managed(pay, request, fault, |PathBody { path }| {
        let fits = |path: &String| path.contains("${商品订单号}") && !path.starts_with('/');
        pay.ledger().shipping.order_detail_path = Some(path.filter(fits).ok_or(PATH)?);
        Ok(json!({}))
    })
}

pub(super) fn get_order_detail_path(
    pay: &PayService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    handle_managed(pay, request, fault, |NoFields {}| {
        Ok(json!({"path": pay.ledger().shipping.order_detail_path.clone().unwrap_or_default()}))
    })
}

fn about_account(
    pay: &PayService,
    request: &ApiRequest,
    fault: Option<&Fault>,
    answer: fn(&PayService) -> Value,
) -> ApiResponse {
    access::handle_post(&pay.base().tokens, request, fault, TokenOwner::MiniProgram, |AppBody { appid }| {
        let is_ours = appid.as_deref() == Some(&pay.account().app_id);
        if is_ours { Ok::<_, Errcode>(answer(pay)) } else { Err(INVALID_APPID) }
    })
}
