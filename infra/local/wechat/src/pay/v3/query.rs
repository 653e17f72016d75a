//! `GET /v3/pay/transactions/out-trade-no/{out_trade_no}` and `…/id/{transaction_id}`: the state of an order.
//!
//! Documentation: "Query order" (查询订单) of Pay v3. An unpaid order can be queried by the merchant's number only.

use http::Method;

use super::envelope::{self, SuccessBody, V3Request, check_mchid};
use super::error::V3Error;
use super::transaction::transaction_json;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::formats;
use crate::pay::service::PayService;

pub(crate) fn query_by_number(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::GET, |pay, request| {
        check_mchid(pay, request.http_request.query("mchid"))?;
        let number = path_out_trade_no(request)?;
        let now = pay.now();
        let ledger = &*pay.ledger();
        let order = ledger.orders.by_number(number).ok_or_else(order_unknown)?;
        Ok(SuccessBody::Json(transaction_json(order, pay.account(), now)))
    })
}

pub(crate) fn query_by_transaction(
    pay: &PayService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::GET, |pay, request| {
        check_mchid(pay, request.http_request.query("mchid"))?;
        let number = &request.http_request.path_value;
        if !formats::is_transaction_id(number) {
            return Err(V3Error::new("INVALID_TRANSACTIONID", "订单号非法"));
        }
        let now = pay.now();
        let ledger = &*pay.ledger();
        let order = ledger.orders.by_transaction(number).ok_or_else(order_unknown)?;
        Ok(SuccessBody::Json(transaction_json(order, pay.account(), now)))
    })
}

/// The merchant's number of the order in the path.
pub(super) fn path_out_trade_no<'a>(request: &V3Request<'a>) -> Result<&'a str, V3Error> {
    let number = &request.http_request.path_value;
    if formats::is_out_trade_no(number) {
        Ok(number)
    } else {
        Err(V3Error::parameter("uri_template", "/out_trade_no", "不符合格式要求"))
    }
}

pub(super) fn order_unknown() -> V3Error {
    V3Error::new("ORDER_NOT_EXIST", "订单不存在")
}
