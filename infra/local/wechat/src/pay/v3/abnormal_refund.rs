//! `POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund`: the money of a refund that could not reach the user goes
//! to a bank card of the user's, or to the merchant's account.
//!
//! Documentation: "Apply for an abnormal refund" (发起异常退款) of Pay v3. The card's number and its owner's name are sealed for the key
//! of WeChat Pay that `Wechatpay-Serial` names.

use http::Method;

use super::envelope::{self, Request, Success};
use super::refund::told;
use super::refusal::Refusal;
use super::schema::{self, Field, text};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::ledger::NotRedirectable;
use crate::pay::service::PayService;
use crate::pay::{forms, refunds};

pub(crate) fn answer(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &Method::POST, judge)
}

const RULES: [Field; 5] = [
    text("out_refund_no", 64).required().of_form(forms::is_out_refund_no),
    text("type", 32).required().of_form(|kind| [USER, MERCHANT].contains(&kind)),
    text("bank_type", 16),
    text("bank_account", 1024),
    text("real_name", 1024),
];

fn judge(pay: &PayService, request: &Request<'_>) -> Result<Success, Refusal> {
    schema::check(&RULES, &request.body)?;
    if request.text("/type") == Some(USER) {
        check_card(pay, request)?;
    }
    let out_refund_no = request.text("/out_refund_no").unwrap_or_default();
    let refund = refunds::redirect(pay, &request.received.path_value, out_refund_no);
    refund.map(|refund| Success::Json(told(&refund))).map_err(|reason| match reason {
        NotRedirectable::Unknown => Refusal::new("RESOURCE_NOT_EXISTS", "退款单不存在"),
        NotRedirectable::NotAbnormal => Refusal::new("INVALID_REQUEST", "退款单状态不是退款异常"),
    })
}

fn check_card(pay: &PayService, request: &Request<'_>) -> Result<(), Refusal> {
    let missing = |field| Refusal::parameter("body", field, "必填，不能为空");
    let sealed = |field| request.text(field).ok_or_else(|| missing(field));
    let _ = sealed("/bank_type")?;
    let (account, name) = (sealed("/bank_account")?, sealed("/real_name")?);
    let serial = request.received.header("wechatpay-serial").unwrap_or_default();
    let key = pay.ledger().platform_keys.named(serial);
    let key = key.ok_or_else(|| Refusal::new("PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误"))?;
    let unreadable = |field| Refusal::parameter("body", field, "敏感信息解密失败");
    let account = key.open(account).ok_or_else(|| unreadable("/bank_account"))?;
    let name = key.open(name).ok_or_else(|| unreadable("/real_name"))?;
    if !(account.len() >= 8 && account.bytes().all(|byte| byte.is_ascii_digit())) || name.is_empty() {
        return Err(Refusal::parameter("body", "/bank_account", "银行卡号不正确"));
    }
    Ok(())
}

const USER: &str = "USER_BANK_CARD";
const MERCHANT: &str = "MERCHANT_BANK_CARD";
