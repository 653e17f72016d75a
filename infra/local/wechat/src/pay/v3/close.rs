//! `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close`: closes an unpaid order. The response is 204 with a signature.
//!
//! Documentation: "Close order" (关闭订单) of Pay v3. The error for a paid order is `INVALID_REQUEST`, because the current pages
//! document no code for it.

use http::Method;

use super::envelope::{self, SuccessBody, V3Request, check_mchid};
use super::error::V3Error;
use super::query::{order_unknown, path_out_trade_no};
use super::schema::{self, FieldSchema, text};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::ledger::orders::TradeState;
use crate::pay::service::PayService;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::POST, close_order)
}

const RULES: [FieldSchema; 1] = [text("mchid", 32).required()];

fn close_order(pay: &PayService, request: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    schema::check(&RULES, &request.body)?;
    check_mchid(pay, request.text("/mchid"))?;
    let number = path_out_trade_no(request)?;
    let now = pay.now();
    let orders = &mut pay.ledger().orders;
    match orders.by_number(number).map(|order| order.trade_state(now)) {
        None => Err(order_unknown()),
        Some(TradeState::Success | TradeState::Refund) => {
            Err(V3Error::new("INVALID_REQUEST", "该订单已支付"))
        }
        Some(TradeState::Closed) => Err(V3Error::new("ORDER_CLOSED", "该订单已关闭")),
        Some(TradeState::NotPay) => {
            orders.close_order(number);
            Ok(SuccessBody::NoContent)
        }
    }
}
