//! `POST /pay/unifiedorder`: an order for a `prepay_id`.
//!
//! Documentation: "Unified order" (统一下单) of Pay v2, trade type JSAPI. A repeated request with the same
//! parameters is the same order; the number with other parameters is refused.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_1>

use serde_json::json;

use super::Fields;
use super::envelope::{self, PayRequest, Refusal, own};
use super::fields::{self, Rule, field};
use crate::core::clock::{self, MINUTE};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::forms;
use crate::pay::ledger::orders::{NewOrder, TradeState};
use crate::pay::service::PayService;
use crate::pay::version::ApiVersion;

pub(crate) fn answer(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &RULES, judge)
}

const RULES: [Rule; 19] = [
    // 127 in the current text, without saying of what: bytes is the stricter reading.
    field("body", 127).in_bytes().required(),
    field("out_trade_no", 32).required().of_form(forms::is_out_trade_no),
    field("total_fee", 10).required().of_form(fields::is_fee),
    field("spbill_create_ip", 64).required().of_form(forms::is_ip),
    field("notify_url", 256).required().of_form(forms::is_notify_url),
    field("trade_type", 16).required().of_form(|value| value == "JSAPI"),
    field("openid", 128).required(),
    field("device_info", 32),
    field("detail", 6000).of_form(fields::is_json_object),
    field("attach", 127).in_bytes(),
    field("fee_type", 16).of_form(|value| value == "CNY"),
    field("time_start", 14).of_form(fields::is_pay_time),
    field("time_expire", 14).of_form(fields::is_pay_time),
    field("goods_tag", 32),
    field("product_id", 32),
    field("limit_pay", 32).of_form(|value| value == "no_credit"),
    field("receipt", 8).of_form(|value| value == "Y"),
    field("profit_sharing", 16).of_form(|value| matches!(value, "Y" | "N")),
    field("scene_info", 256).of_form(fields::is_json_object),
];

fn judge(pay: &PayService, request: &PayRequest) -> Result<Fields, Refusal> {
    let now = pay.now();
    let order = new_order(request);
    if !pay.base().users.has(&order.openid) {
        return Err(Refusal::new("PARAM_ERROR", "appid和openid不匹配"));
    }
    let ledger = &mut *pay.ledger();
    let prepay_id = match ledger.orders.by_number(&order.out_trade_no) {
        Some(known) => {
            match known.trade_state(now) {
                TradeState::Success | TradeState::Refund => {
                    return Err(Refusal::new("ORDERPAID", "该订单已支付"));
                }
                TradeState::Closed => return Err(Refusal::new("ORDERCLOSED", "该订单已关闭")),
                TradeState::NotPay => {}
            }
            if known.order.version == ApiVersion::V3 {
                return Err(Refusal::new("OUT_TRADE_NO_USED", "商户订单号重复"));
            }
            if known.order.parameters != order.parameters {
                return Err(Refusal::new("INVALID_REQUEST", "201 商户订单号重复"));
            }
            if known.is_expired(now) {
                return Err(Refusal::new("ORDERCLOSED", "该订单已过期"));
            }
            ledger.orders.prepay_again(&order.out_trade_no, now).unwrap_or_default()
        }
        None => {
            check_times(request, now)?;
            ledger.orders.make(order, now)
        }
    };
    Ok(own(&[("trade_type", "JSAPI"), ("prepay_id", &prepay_id)]))
}

/// Only of a new order: a repeated request is judged by the first one's time.
fn check_times(request: &PayRequest, now: u64) -> Result<(), Refusal> {
    let time = |name| request.get(name).and_then(clock::parse_pay_time);
    let Some(expires) = time("time_expire") else { return Ok(()) };
    // The wire counts seconds, so a minute from now is a minute from the current second.
    let this_second = now - now % clock::SECOND;
    if expires < this_second.saturating_add(MINUTE) {
        return Err(Refusal::new("PARAM_ERROR", "time_expire时间过短"));
    }
    if time("time_start").is_some_and(|start| start >= expires) {
        return Err(Refusal::new("PARAM_ERROR", "time_expire早于time_start"));
    }
    Ok(())
}

fn new_order(request: &PayRequest) -> NewOrder {
    let text = |name| request.get(name).unwrap_or_default().to_owned();
    let mut parameters = request.fields.clone();
    parameters.retain(|name, value| !value.is_empty() && name != "nonce_str" && name != "sign");
    parameters.insert("sign_type".to_owned(), request.sign_type.as_str().to_owned());
    NewOrder {
        out_trade_no: text("out_trade_no"),
        openid: text("openid"),
        total_fee: text("total_fee").parse().unwrap_or_default(),
        description: text("body"),
        attach: text("attach"),
        device_info: text("device_info"),
        notify_url: text("notify_url"),
        version: ApiVersion::V2(request.sign_type),
        expires: request.get("time_expire").and_then(clock::parse_pay_time),
        parameters: json!(parameters),
    }
}
