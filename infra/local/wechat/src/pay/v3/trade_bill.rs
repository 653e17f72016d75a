//! `GET /v3/bill/tradebill`: the URL of a day's bill, and its hash.
//!
//! Documentation: "Apply for trade bill" (申请交易账单) of Pay v3. The hash is over the file before compression. The URL is valid for
//! five minutes.

use http::Method;
use serde_json::json;
use sha1::{Digest, Sha1};

use super::envelope::{self, SuccessBody, V3Request};
use super::error::V3Error;
use crate::core::clock;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;
use crate::pay::ledger::bills::bill_request::{BillRefusal, BillRequest, BillType};
use crate::pay::service::PayService;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::GET, create_download)
}

fn create_download(pay: &PayService, request: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    let http_request = request.http_request;
    let invalid = |field: &str| V3Error::parameter("query", field, "不符合格式要求");
    let day =
        http_request.query("bill_date").and_then(clock::parse_date).ok_or_else(|| invalid("/bill_date"))?;
    let bill_type = BillType::parse(http_request.query("bill_type")).ok_or_else(|| invalid("/bill_type"))?;
    let gzip = match http_request.query("tar_type") {
        None => false,
        Some("GZIP") => true,
        Some(_) => return Err(invalid("/tar_type")),
    };
    let bill = pay.create_bill(&BillRequest { day, bill_type, gzip }).map_err(|reason| match reason {
        BillRefusal::OutOfRange => invalid("/bill_date"),
        BillRefusal::Empty => V3Error::new("NO_STATEMENT_EXIST", "账单文件不存在"),
        BillRefusal::NotReady => V3Error::new("STATEMENT_CREATING", "账单生成中，请稍后再试"),
    })?;
    let now = pay.now();
    let token = pay.ledger().bills.store_file(bill.file, now);
    Ok(SuccessBody::Json(json!({
        "hash_type": "SHA1",
        "hash_value": random::hex(&Sha1::digest(&bill.text)),
        "download_url": format!("{}/v3/billdownload/file?token={token}", origin(http_request)),
    })))
}

/// The origin of the download URL: the host of the request, because the simulator is not at WeChat's own address.
fn origin(request: &ApiRequest) -> String {
    let scheme = if request.peer.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", request.header("host").unwrap_or("api.mch.weixin.qq.com"))
}
