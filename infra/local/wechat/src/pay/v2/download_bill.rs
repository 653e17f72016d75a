//! `POST /pay/downloadbill`: the bill of a day, as text and not as XML; only failures are XML.
//!
//! Documentation: "Download bill" (下载对账单) of Pay v2. Failures carry an `error_code` and no signature.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_6>

use http::StatusCode;

use super::envelope;
use super::field_rules::{FieldRule, field};
use super::request::V2Request;
use super::{fields_from, xml};
use crate::core::clock;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::ledger::bills::Bill;
use crate::pay::ledger::bills::bill_request::{BillRefusal, BillRequest, BillType};
use crate::pay::service::PayService;

const RULES: [FieldRule; 3] = [
    field("bill_date", 8).required().with_format(|date| clock::parse_pay_date(date).is_some()),
    field("bill_type", 8).with_format(|bill_type| BillType::parse(Some(bill_type)).is_some()),
    field("tar_type", 8).with_format(|tar_type| tar_type == "GZIP"),
];

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    let request = match envelope::verify_and_check(pay, request, &RULES) {
        Ok(request) => request,
        Err(return_msg) => return failure(&return_msg, "20001"),
    };
    match fault {
        Some(Fault::Busy { .. }) => failure("SYSTEMERROR", "20100"),
        Some(Fault::ErrCode { err_code, .. }) => failure("业务错误", err_code),
        _ => download_bill(pay, &request),
    }
}

fn download_bill(pay: &PayService, request: &V2Request) -> ApiResponse {
    let day = request.get("bill_date").and_then(clock::parse_pay_date).unwrap_or_default();
    let bill_type = BillType::parse(request.get("bill_type")).unwrap_or_default();
    let gzip = request.get("tar_type").is_some();
    let bill = pay.create_bill(&BillRequest { day, bill_type, gzip });
    match bill {
        Ok(Bill { file, .. }) => ApiResponse {
            status: StatusCode::OK,
            content_type: if gzip { "application/x-gzip" } else { "text/plain" },
            headers: Vec::new(),
            body: file,
            outcome: "ok".to_owned(),
        },
        Err(BillRefusal::OutOfRange) => failure("invalid bill_date", "20001"),
        Err(BillRefusal::Empty) => failure("No Bill Exist", "20002"),
        Err(BillRefusal::NotReady) => failure("Bill Creating", "20003"),
    }
}

fn failure(return_msg: &str, error_code: &str) -> ApiResponse {
    let fields =
        fields_from(&[("return_code", "FAIL"), ("return_msg", return_msg), ("error_code", error_code)]);
    ApiResponse {
        status: StatusCode::OK,
        content_type: "text/plain",
        headers: Vec::new(),
        body: xml::write(&fields).into(),
        outcome: error_code.to_owned(),
    }
}
