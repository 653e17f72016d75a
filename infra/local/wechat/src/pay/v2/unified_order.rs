//! `POST /pay/unifiedorder`: makes an order and returns its `prepay_id`.
//!
//! Documentation: "Unified order" (统一下单) of Pay v2, trade type JSAPI. A repeated request with the same parameters means the same
//! order. A request with the same number and other parameters is refused.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_1>

use serde_json::json;

use super::envelope;
use super::error::V2Error;
use super::field_rules::{self, FieldRule, field};
use super::request::V2Request;
use super::{Fields, fields_from};
use crate::core::clock::{self, MINUTE};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::formats;
use crate::pay::ledger::orders::{NewOrder, TradeState};
use crate::pay::service::PayService;
use crate::pay::version::ApiVersion;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &RULES, create_order)
}

const RULES: [FieldRule; 19] = [
    // The documentation says 127 without a unit. Bytes is the stricter reading.
    field("body", 127).in_bytes().required(),
    field("out_trade_no", 32).required().with_format(formats::is_out_trade_no),
    field("total_fee", 10).required().with_format(field_rules::is_fee),
    field("spbill_create_ip", 64).required().with_format(formats::is_ip),
    field("notify_url", 256).required().with_format(formats::is_notify_url),
    field("trade_type", 16).required().with_format(|value| value == "JSAPI"),
    field("openid", 128).required(),
    field("device_info", 32),
    field("detail", 6000).with_format(field_rules::is_json_object),
    field("attach", 127).in_bytes(),
    field("fee_type", 16).with_format(|value| value == "CNY"),
    field("time_start", 14).with_format(field_rules::is_pay_time),
    field("time_expire", 14).with_format(field_rules::is_pay_time),
    field("goods_tag", 32),
    field("product_id", 32),
    field("limit_pay", 32).with_format(|value| value == "no_credit"),
    field("receipt", 8).with_format(|value| value == "Y"),
    field("profit_sharing", 16).with_format(|value| matches!(value, "Y" | "N")),
    field("scene_info", 256).with_format(field_rules::is_json_object),
];

fn create_order(pay: &PayService, request: &V2Request) -> Result<Fields, V2Error> {
    let now = pay.now();
    let order = new_order(request);
    if !pay.base().users.has_openid(&order.openid) {
        return Err(V2Error::new("PARAM_ERROR", "appid和openid不匹配"));
    }
    let ledger = &mut *pay.ledger();
    let prepay_id = match ledger.orders.by_number(&order.out_trade_no) {
        Some(known) => {
            match known.trade_state(now) {
                TradeState::Success | TradeState::Refund => {
                    return Err(V2Error::new("ORDERPAID", "该订单已支付"));
                }
                TradeState::Closed => return Err(V2Error::new("ORDERCLOSED", "该订单已关闭")),
                TradeState::NotPay => {}
            }
            if known.request.version == ApiVersion::V3 {
                return Err(V2Error::new("OUT_TRADE_NO_USED", "商户订单号重复"));
            }
            if known.request.parameters != order.parameters {
                return Err(V2Error::new("INVALID_REQUEST", "201 商户订单号重复"));
            }
            if known.is_expired(now) {
                return Err(V2Error::new("ORDERCLOSED", "该订单已过期"));
            }
            ledger.orders.reuse_prepay(&order.out_trade_no, now).unwrap_or_default()
        }
        None => {
            check_times(request, now)?;
            ledger.orders.create_order(order, now)
        }
    };
    Ok(fields_from(&[("trade_type", "JSAPI"), ("prepay_id", &prepay_id)]))
}

/// Checks the times of a new order. A repeated request is not checked, because its times were valid at the first request.
fn check_times(request: &V2Request, now: u64) -> Result<(), V2Error> {
    let time = |name| request.get(name).and_then(clock::parse_pay_time);
    let Some(expires) = time("time_expire") else { return Ok(()) };
    // `time_expire` has whole seconds, so the earliest time is a minute after the current second.
    let this_second = now - now % clock::SECOND;
    if expires < this_second.saturating_add(MINUTE) {
        return Err(V2Error::new("PARAM_ERROR", "time_expire时间过短"));
    }
    if time("time_start").is_some_and(|start| start >= expires) {
        return Err(V2Error::new("PARAM_ERROR", "time_expire早于time_start"));
    }
    Ok(())
}

fn new_order(request: &V2Request) -> NewOrder {
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
