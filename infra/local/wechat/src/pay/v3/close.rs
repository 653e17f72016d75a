//! `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close`: ends an unpaid order. 204, signed.
//!
//! Documentation: "Close order" (关闭订单) of Pay v3. That the order is paid is told as `INVALID_REQUEST`: the newer
//! pages know no code for it.

use http::Method;

use super::envelope::{self, Request, Success, check_mchid};
use super::query::{out_trade_no, unknown};
use super::refusal::Refusal;
use super::schema::{self, Field, text};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::ledger::orders::TradeState;
use crate::pay::service::PayService;

pub(crate) fn answer(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &Method::POST, judge)
}

const RULES: [Field; 1] = [text("mchid", 32).required()];

fn judge(pay: &PayService, request: &Request<'_>) -> Result<Success, Refusal> {
    schema::check(&RULES, &request.body)?;
    check_mchid(pay, request.text("/mchid"))?;
    let number = out_trade_no(request)?;
    let now = pay.now();
    let orders = &mut pay.ledger().orders;
    match orders.by_number(number).map(|order| order.trade_state(now)) {
        None => Err(unknown()),
        Some(TradeState::Success | TradeState::Refund) => {
            Err(Refusal::new("INVALID_REQUEST", "该订单已支付"))
        }
        Some(TradeState::Closed) => Err(Refusal::new("ORDER_CLOSED", "该订单已关闭")),
        Some(TradeState::NotPay) => {
            orders.close(number);
            Ok(Success::NoContent)
        }
    }
}
