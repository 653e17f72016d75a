//! `GET /v3/refund/domestic/refunds/{out_refund_no}`: what has become of a refund.
//!
//! Documentation: "Query a single refund" (查询单笔退款) of Pay v3.

use http::Method;

use super::envelope::{self, Request, Success};
use super::refund::told;
use super::refusal::Refusal;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::forms;
use crate::pay::service::PayService;

pub(crate) fn answer(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &Method::GET, judge)
}

fn judge(pay: &PayService, request: &Request<'_>) -> Result<Success, Refusal> {
    let number = &request.received.path_value;
    if !forms::is_out_refund_no(number) {
        return Err(Refusal::parameter("uri_template", "/out_refund_no", "不符合格式要求"));
    }
    let ledger = &*pay.ledger();
    let refund = ledger.refunds.by_number(number);
    refund
        .map(|refund| Success::Json(told(refund)))
        .ok_or_else(|| Refusal::new("RESOURCE_NOT_EXISTS", "退款单不存在"))
}
