//! `GET /v3/pay/transactions/out-trade-no/{out_trade_no}` and `…/id/{transaction_id}`: what has become of an
//! order.
//!
//! Documentation: "Query order" (查询订单) of Pay v3. An order that is not paid is found by the merchant's number
//! only.

use http::Method;

use super::envelope::{self, Request, Success, check_mchid};
use super::refusal::Refusal;
use super::transaction::transaction;
use crate::faults::Fault;
use crate::pay::forms;
use crate::upstream::{Answer, Received};
use crate::wechat::WeChat;

pub(crate) fn by_number(wechat: &WeChat, received: &Received, fault: Option<&Fault>) -> Answer {
    envelope::answer(wechat, received, fault, &Method::GET, |wechat, request| {
        check_mchid(wechat, request.received.query("mchid"))?;
        let number = out_trade_no(request)?;
        let now = wechat.now();
        let state = &*wechat.state();
        let order = state.orders.by_number(number).ok_or_else(unknown)?;
        Ok(Success::Json(transaction(order, wechat.account(), now)))
    })
}

pub(crate) fn by_transaction(wechat: &WeChat, received: &Received, fault: Option<&Fault>) -> Answer {
    envelope::answer(wechat, received, fault, &Method::GET, |wechat, request| {
        check_mchid(wechat, request.received.query("mchid"))?;
        let number = &request.received.path_value;
        if !forms::is_transaction_id(number) {
            return Err(Refusal::new("INVALID_TRANSACTIONID", "订单号非法"));
        }
        let now = wechat.now();
        let state = &*wechat.state();
        let order = state.orders.by_transaction(number).ok_or_else(unknown)?;
        Ok(Success::Json(transaction(order, wechat.account(), now)))
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
