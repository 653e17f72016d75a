//! `POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund`: redirects the money of a refund that could not reach the
//! user, to a bank card of the user or to the merchant's account.
//!
//! Documentation: "Apply for an abnormal refund" (发起异常退款) of Pay v3. The card's number and its owner's name are encrypted for the
//! key of WeChat Pay that `Wechatpay-Serial` names.

use http::Method;

use super::envelope::{self, SuccessBody, V3Request};
use super::error::V3Error;
use super::refund::refund_json;
use super::schema::{self, FieldSchema, text};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::ledger::RedirectRefusal;
use crate::pay::service::PayService;
use crate::pay::{formats, refunds};

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::POST, redirect_refund)
}

const RULES: [FieldSchema; 5] = [
    text("out_refund_no", 64).required().with_format(formats::is_out_refund_no),
    text("type", 32).required().with_format(|kind| [USER, MERCHANT].contains(&kind)),
    text("bank_type", 16),
    text("bank_account", 1024),
    text("real_name", 1024),
];

fn redirect_refund(pay: &PayService, request: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    schema::check(&RULES, &request.body)?;
    if request.text("/type") == Some(USER) {
        check_card(pay, request)?;
    }
    let out_refund_no = request.text("/out_refund_no").unwrap_or_default();
    let refund = refunds::redirect_refund(pay, &request.http_request.path_value, out_refund_no);
    refund.map(|refund| SuccessBody::Json(refund_json(&refund))).map_err(|reason| match reason {
        RedirectRefusal::Unknown => V3Error::new("RESOURCE_NOT_EXISTS", "退款单不存在"),
        RedirectRefusal::NotAbnormal => V3Error::new("INVALID_REQUEST", "退款单状态不是退款异常"),
    })
}

fn check_card(pay: &PayService, request: &V3Request<'_>) -> Result<(), V3Error> {
    let missing = |field| V3Error::parameter("body", field, "必填，不能为空");
    let encrypted = |field| request.text(field).ok_or_else(|| missing(field));
    let _ = encrypted("/bank_type")?;
    let (account, name) = (encrypted("/bank_account")?, encrypted("/real_name")?);
    let serial = request.http_request.header("wechatpay-serial").unwrap_or_default();
    let key = pay.ledger().platform_keys.signer_by_id(serial);
    let key = key.ok_or_else(|| V3Error::new("PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误"))?;
    let unreadable = |field| V3Error::parameter("body", field, "敏感信息解密失败");
    let account = key.decrypt(account).ok_or_else(|| unreadable("/bank_account"))?;
    let name = key.decrypt(name).ok_or_else(|| unreadable("/real_name"))?;
    if !(account.len() >= 8 && account.bytes().all(|byte| byte.is_ascii_digit())) || name.is_empty() {
        return Err(V3Error::parameter("body", "/bank_account", "银行卡号不正确"));
    }
    Ok(())
}

const USER: &str = "USER_BANK_CARD";
const MERCHANT: &str = "MERCHANT_BANK_CARD";
