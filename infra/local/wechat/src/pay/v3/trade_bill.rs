//! `GET /v3/bill/tradebill`: where the bill of a day can be downloaded, and its hash.
//!
//! Documentation: "Apply for trade bill" (申请交易账单) of Pay v3. The hash is over the file before it is compressed;
//! the address is good for five minutes.

use http::Method;
use serde_json::json;
use sha1::{Digest, Sha1};

use super::envelope::{self, Request, Success};
use super::refusal::Refusal;
use crate::core::clock;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;
use crate::pay::ledger::bills::{BillRequest, BillType, NoBill};
use crate::pay::service::PayService;

pub(crate) fn answer(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &Method::GET, judge)
}

fn judge(pay: &PayService, request: &Request<'_>) -> Result<Success, Refusal> {
    let received = request.received;
    let invalid = |field: &str| Refusal::parameter("query", field, "不符合格式要求");
    let day = received.query("bill_date").and_then(clock::parse_date).ok_or_else(|| invalid("/bill_date"))?;
    let bill_type = BillType::parse(received.query("bill_type")).ok_or_else(|| invalid("/bill_type"))?;
    let gzip = match received.query("tar_type") {
        None => false,
        Some("GZIP") => true,
        Some(_) => return Err(invalid("/tar_type")),
    };
    let bill = pay.bill(&BillRequest { day, bill_type, gzip }).map_err(|reason| match reason {
        NoBill::OutOfRange => invalid("/bill_date"),
        NoBill::Empty => Refusal::new("NO_STATEMENT_EXIST", "账单文件不存在"),
        NoBill::NotReady => Refusal::new("STATEMENT_CREATING", "账单生成中，请稍后再试"),
    })?;
    let now = pay.now();
    let token = pay.ledger().bills.keep(bill.file, now);
    Ok(Success::Json(json!({
        "hash_type": "SHA1",
        "hash_value": random::hex(&Sha1::digest(&bill.text)),
        "download_url": format!("{}/v3/billdownload/file?token={token}", origin(received)),
    })))
}

/// The host the request came to: WeChat's own address is not this machine.
fn origin(received: &ApiRequest) -> String {
    let scheme = if received.peer.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", received.header("host").unwrap_or("api.mch.weixin.qq.com"))
}
