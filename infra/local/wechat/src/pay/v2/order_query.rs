//! `POST /pay/orderquery`: what has become of an order.
//!
//! Documentation: "Order query" (查询订单) of Pay v2. Amount, payer and times are answered only for a paid order.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_2>

use super::envelope::{self, PayRequest, Refusal, own};
use super::fields::{Rule, field};
use super::{Fields, notice};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::forms;
use crate::pay::service::PayService;

pub(crate) fn answer(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &RULES, judge)
}

const RULES: [Rule; 2] =
    [field("transaction_id", 32), field("out_trade_no", 32).of_form(forms::is_out_trade_no)];

fn judge(pay: &PayService, request: &PayRequest) -> Result<Fields, Refusal> {
    let now = pay.now();
    let ledger = &*pay.ledger();
    let unknown = || Refusal::new("ORDERNOTEXIST", "订单不存在");
    // WeChat's own number goes first if both are given.
    let order = match (request.get("transaction_id"), request.get("out_trade_no")) {
        (Some(number), _) if !forms::is_transaction_id(number) => {
            return Err(Refusal::new("INVALID_TRANSACTIONID", "无效transaction_id"));
        }
        (Some(number), _) => ledger.orders.by_transaction(number).ok_or_else(unknown)?,
        (None, Some(number)) => ledger.orders.by_number(number).ok_or_else(unknown)?,
        (None, None) => return Err(Refusal::new("LACK_PARAMS", "缺少参数out_trade_no")),
    };
    let trade_state = order.trade_state(now);
    let mut answer = own(&[
        ("trade_state", trade_state.as_str()),
        ("trade_state_desc", trade_state.description()),
        ("out_trade_no", &order.order.out_trade_no),
        ("device_info", &order.order.device_info),
        ("attach", &order.order.attach),
    ]);
    answer.extend(notice::payment_fields(order));
    Ok(answer)
}
