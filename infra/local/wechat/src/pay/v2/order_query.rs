//! `POST /pay/orderquery`: the state of an order.
//!
//! Documentation: "Order query" (查询订单) of Pay v2. The response has amount, payer and times only if the order is paid.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_2>

use super::envelope;
use super::error::V2Error;
use super::field_rules::{FieldRule, field};
use super::request::V2Request;
use super::{Fields, fields_from, notice};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::formats;
use crate::pay::service::PayService;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &RULES, query_order)
}

const RULES: [FieldRule; 2] =
    [field("transaction_id", 32), field("out_trade_no", 32).with_format(formats::is_out_trade_no)];

fn query_order(pay: &PayService, request: &V2Request) -> Result<Fields, V2Error> {
    let now = pay.now();
    let ledger = &*pay.ledger();
    let unknown = || V2Error::new("ORDERNOTEXIST", "订单不存在");
    // If the request has both numbers, WeChat's number has precedence.
    let order = match (request.get("transaction_id"), request.get("out_trade_no")) {
        (Some(number), _) if !formats::is_transaction_id(number) => {
            return Err(V2Error::new("INVALID_TRANSACTIONID", "无效transaction_id"));
        }
        (Some(number), _) => ledger.orders.by_transaction(number).ok_or_else(unknown)?,
        (None, Some(number)) => ledger.orders.by_number(number).ok_or_else(unknown)?,
        (None, None) => return Err(V2Error::new("LACK_PARAMS", "缺少参数out_trade_no")),
    };
    let trade_state = order.trade_state(now);
    let mut answer = fields_from(&[
        ("trade_state", trade_state.as_str()),
        ("trade_state_desc", trade_state.description()),
        ("out_trade_no", &order.request.out_trade_no),
        ("device_info", &order.request.device_info),
        ("attach", &order.request.attach),
    ]);
    answer.extend(notice::payment_fields(order));
    Ok(answer)
}
