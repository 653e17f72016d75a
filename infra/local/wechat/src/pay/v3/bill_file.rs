//! `GET /v3/billdownload/file`: downloads a bill. The request is signed, the response is not.
//!
//! Documentation: "Download bill" (下载账单) of Pay v3.

use http::Method;

use super::envelope::{self, SuccessBody, V3Request};
use super::error::V3Error;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::service::PayService;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::GET, download_file)
}

fn download_file(pay: &PayService, request: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    let token = request.http_request.query("token").unwrap_or_default();
    let now = pay.now();
    let file = pay.ledger().bills.file(token, now);
    file.map(SuccessBody::File).ok_or_else(|| V3Error::new("RESOURCE_NOT_EXISTS", "下载链接不存在或已过期"))
}
