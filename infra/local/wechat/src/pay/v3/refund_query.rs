//! `GET /v3/refund/domestic/refunds/{out_refund_no}`: the state of a refund.
//!
//! Documentation: "Query a single refund" (查询单笔退款) of Pay v3.

use http::Method;

use super::envelope::{self, SuccessBody, V3Request};
use super::error::V3Error;
use super::refund::refund_json;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::formats;
use crate::pay::service::PayService;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::GET, query_refund)
}

fn query_refund(pay: &PayService, request: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    let number = &request.http_request.path_value;
    if !formats::is_out_refund_no(number) {
        return Err(V3Error::parameter("uri_template", "/out_refund_no", "不符合格式要求"));
    }
    let ledger = &*pay.ledger();
    let refund = ledger.refunds.by_number(number);
    refund
        .map(|refund| SuccessBody::Json(refund_json(refund)))
        .ok_or_else(|| V3Error::new("RESOURCE_NOT_EXISTS", "退款单不存在"))
}
