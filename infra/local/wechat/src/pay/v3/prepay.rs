//! `POST /v3/pay/transactions/jsapi`: makes an order and returns its `prepay_id`.
//!
//! Documentation: "JSAPI order" (JSAPI/小程序下单) of Pay v3. A repeated request with the same parameters means the same order and
//! gets a new `prepay_id`. A request with the same number and other parameters is refused. A `time_expire` outside the allowed
//! range is moved into it without an error.

use http::Method;
use serde_json::json;

use super::envelope::{self, SuccessBody, V3Request};
use super::error::V3Error;
use super::schema::{self, FieldSchema, boolean, integer, list, object, text};
use crate::core::clock::{self, DAY, MINUTE};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::formats;
use crate::pay::ledger::orders::{NewOrder, TradeState};
use crate::pay::service::PayService;
use crate::pay::version::ApiVersion;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::POST, create_order)
}

const RULES: [FieldSchema; 14] = [
    text("appid", 32).required(),
    text("mchid", 32).required(),
    text("description", 127).required(),
    text("out_trade_no", 32).required().with_format(formats::is_out_trade_no),
    text("notify_url", 255).required().with_format(formats::is_notify_url),
    object("amount", &AMOUNT).required(),
    object("payer", &[text("openid", 128).required()]).required(),
    text("time_expire", 64).with_format(|time| clock::parse_rfc3339(time).is_some()),
    text("attach", 128),
    text("goods_tag", 32),
    boolean("support_fapiao"),
    object("detail", &DETAIL),
    object("scene_info", &SCENE),
    object("settle_info", &[boolean("profit_sharing")]),
];

const AMOUNT: [FieldSchema; 2] =
    [integer("total", 1).required(), text("currency", 16).with_format(|currency| currency == "CNY")];

const DETAIL: [FieldSchema; 3] =
    [integer("cost_price", 0), text("invoice_id", 32), list("goods_detail", &GOODS)];

const GOODS: [FieldSchema; 5] = [
    text("merchant_goods_id", 32).required(),
    text("wechatpay_goods_id", 32),
    text("goods_name", 256),
    integer("quantity", 1).required(),
    integer("unit_price", 0).required(),
];

const SCENE: [FieldSchema; 3] = [
    text("payer_client_ip", 45).required().with_format(formats::is_ip),
    text("device_id", 32),
    object("store_info", &STORE),
];

const STORE: [FieldSchema; 4] =
    [text("id", 32).required(), text("name", 256), text("area_code", 32), text("address", 512)];

fn create_order(pay: &PayService, request: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    schema::check(&RULES, &request.body)?;
    request.check_merchant(pay)?;
    let now = pay.now();
    let order = new_order(request, now);
    if !pay.base().users.has_openid(&order.openid) {
        return Err(V3Error::parameter("body", "/payer/openid", "与appid不匹配"));
    }
    let ledger = &mut *pay.ledger();
    let prepay_id = match ledger.orders.by_number(&order.out_trade_no) {
        Some(known) => {
            match known.trade_state(now) {
                TradeState::Success | TradeState::Refund => {
                    return Err(V3Error::new("INVALID_REQUEST", "该订单已支付"));
                }
                TradeState::Closed => return Err(V3Error::new("ORDER_CLOSED", "该订单已关闭")),
                TradeState::NotPay => {}
            }
            if known.request.version != ApiVersion::V3 {
                return Err(V3Error::new("OUT_TRADE_NO_USED", "商户订单号重复"));
            }
            if known.request.parameters != order.parameters {
                return Err(V3Error::new("INVALID_REQUEST", "201 商户订单号重复"));
            }
            if known.is_expired(now) {
                return Err(V3Error::new("ORDER_CLOSED", "该订单已过期"));
            }
            ledger.orders.renew_prepay(&order.out_trade_no, now).unwrap_or_default()
        }
        None => ledger.orders.create_order(order, now),
    };
    Ok(SuccessBody::Json(json!({"prepay_id": prepay_id})))
}

fn new_order(request: &V3Request<'_>, now: u64) -> NewOrder {
    let text = |pointer| request.text(pointer).unwrap_or_default().to_owned();
    let expires = request.text("/time_expire").and_then(clock::parse_rfc3339);
    NewOrder {
        out_trade_no: text("/out_trade_no"),
        openid: text("/payer/openid"),
        total_fee: request.number("/amount/total"),
        description: text("/description"),
        attach: text("/attach"),
        device_info: text("/scene_info/device_id"),
        notify_url: text("/notify_url"),
        version: ApiVersion::V3,
        expires: expires.map(|at| at.clamp(now.saturating_add(MINUTE), now.saturating_add(90 * DAY))),
        parameters: request.body.clone(),
    }
}
