//! `GET /v3/pay/transactions/out-trade-no/{out_trade_no}` and `…/id/{transaction_id}`: what has become of an
//! order.
//!
//! Documentation: "Query order" (查询订单) of Pay v3. An order that is not paid is found by the merchant's number
//! only.

use http::Method;

use super::envelope::{self, Request, Success, check_mchid};
use super::refusal::Refusal;
use super::transaction::transaction;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::forms;
use crate::pay::service::PayService;

pub(crate) fn by_number(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &Method::GET, |pay, request| {
        check_mchid(pay, request.received.query("mchid"))?;
        let number = out_trade_no(request)?;
        let now = pay.now();
        let ledger = &*pay.ledger();
        let order = ledger.orders.by_number(number).ok_or_else(unknown)?;
        Ok(Success::Json(transaction(order, pay.account(), now)))
    })
}

pub(crate) fn by_transaction(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &Method::GET, |pay, request| {
        check_mchid(pay, request.received.query("mchid"))?;
        let number = &request.received.path_value;
        if !forms::is_transaction_id(number) {
            return Err(Refusal::new("INVALID_TRANSACTIONID", "订单号非法"));
        }
        let now = pay.now();
        let ledger = &*pay.ledger();
        let order = ledger.orders.by_transaction(number).ok_or_else(unknown)?;
        Ok(Success::Json(transaction(order, pay.account(), now)))
    })
}

/// The number in the path.
pub(super) fn out_trade_no<'a>(request: &Request<'a>) -> Result<&'a str, Refusal> {
    let number = &request.received.path_value;
    if forms::is_out_trade_no(number) {
        Ok(number)
    } else {
        Err(Refusal::parameter("uri_template", "/out_trade_no", "不符合格式要求"))
    }
}

pub(super) fn unknown() -> Refusal {
    Refusal::new("ORDER_NOT_EXIST", "订单不存在")
}
