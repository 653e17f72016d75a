//! `POST /pay/closeorder`: ends an unpaid order.
//!
//! Documentation: "Close order" (关闭订单) of Pay v2. The older rule that an order must be five minutes old is no
//! longer in the text and is not judged.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_3>

use super::Fields;
use super::envelope::{self, PayRequest, Refusal, own};
use super::fields::{Rule, field};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::forms;
use crate::pay::ledger::orders::TradeState;
use crate::pay::service::PayService;

pub(crate) fn answer(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &RULES, judge)
}

const RULES: [Rule; 1] = [field("out_trade_no", 32).required().of_form(forms::is_out_trade_no)];

fn judge(pay: &PayService, request: &PayRequest) -> Result<Fields, Refusal> {
    let now = pay.now();
    let number = request.get("out_trade_no").unwrap_or_default();
    let orders = &mut pay.ledger().orders;
    match orders.by_number(number).map(|order| order.trade_state(now)) {
        None => Err(Refusal::new("ORDERNOTEXIST", "订单不存在")),
        Some(TradeState::Success | TradeState::Refund) => Err(Refusal::new("ORDERPAID", "该订单已支付")),
        Some(TradeState::Closed) => Err(Refusal::new("ORDERCLOSED", "该订单已关闭")),
        Some(TradeState::NotPay) => {
            orders.close(number);
            Ok(own(&[("result_msg", "OK")]))
        }
    }
}
