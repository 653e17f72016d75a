//! `POST /pay/closeorder`: closes an unpaid order.
//!
//! Documentation: "Close order" (关闭订单) of Pay v2. The older rule that an order must be five minutes old is no longer documented
//! and not checked.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_3>

use super::envelope;
use super::error::V2Error;
use super::field_rules::{FieldRule, field};
use super::request::V2Request;
use super::{Fields, fields_from};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::formats;
use crate::pay::ledger::orders::TradeState;
use crate::pay::service::PayService;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &RULES, close_order)
}

const RULES: [FieldRule; 1] = [field("out_trade_no", 32).required().with_format(formats::is_out_trade_no)];

fn close_order(pay: &PayService, request: &V2Request) -> Result<Fields, V2Error> {
    let now = pay.now();
    let number = request.get("out_trade_no").unwrap_or_default();
    let orders = &mut pay.ledger().orders;
    match orders.by_number(number).map(|order| order.trade_state(now)) {
        None => Err(V2Error::new("ORDERNOTEXIST", "订单不存在")),
        Some(TradeState::Success | TradeState::Refund) => Err(V2Error::new("ORDERPAID", "该订单已支付")),
        Some(TradeState::Closed) => Err(V2Error::new("ORDERCLOSED", "该订单已关闭")),
        Some(TradeState::NotPay) => {
            orders.close_order(number);
            Ok(fields_from(&[("result_msg", "OK")]))
        }
    }
}
