//! `GET /v3/billdownload/file`: a bill. The request is signed, the answer is not.
//!
//! Documentation: "Download bill" (下载账单) of Pay v3.

use http::Method;

use super::envelope::{self, Request, Success};
use super::refusal::Refusal;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::service::PayService;

pub(crate) fn answer(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &Method::GET, judge)
}

fn judge(pay: &PayService, request: &Request<'_>) -> Result<Success, Refusal> {
    let token = request.received.query("token").unwrap_or_default();
    let now = pay.now();
    let file = pay.ledger().bills.file(token, now);
    file.map(Success::File).ok_or_else(|| Refusal::new("RESOURCE_NOT_EXISTS", "下载链接不存在或已过期"))
}
