//! `POST /pay/refundquery`: the states of an order's refunds, ten per page.
//!
//! Documentation: "Refund query" (查询退款) of Pay v2. If a request has several numbers, the precedence is: `refund_id`,
//! `out_refund_no`, `transaction_id`, `out_trade_no`. WeChat really spells `refund_recv_accout` like this.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_5>

use super::envelope;
use super::error::V2Error;
use super::field_rules::{FieldRule, field};
use super::request::V2Request;
use super::{Fields, fields_from};
use crate::core::clock;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::refund_status::RefundStatus;
use crate::pay::formats;
use crate::pay::ledger::refunds::{Refund, RefundQuery};
use crate::pay::service::PayService;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &RULES, query_refunds)
}

const RULES: [FieldRule; 5] = [
    field("transaction_id", 32),
    field("out_trade_no", 32).with_format(formats::is_out_trade_no),
    field("out_refund_no", 64).with_format(formats::is_out_refund_no),
    field("refund_id", 32),
    field("offset", 9).with_format(|value| value.bytes().all(|b| b.is_ascii_digit())),
];

fn query_refunds(pay: &PayService, request: &V2Request) -> Result<Fields, V2Error> {
    let ledger = &*pay.ledger();
    let found = ledger.refunds.find(parse_query(request)?);
    let offset = request.get("offset").and_then(|offset| offset.parse().ok()).unwrap_or_default();
    let page: Vec<&Refund> = found.iter().copied().skip(offset).take(PAGE).collect();
    let Some(first) = page.first() else {
        return Err(V2Error::new("REFUNDNOTEXIST", "退款订单查询失败"));
    };
    let total = first.entry.total_fee.to_string();
    let mut answer = fields_from(&[
        ("transaction_id", first.entry.transaction_id.as_str()),
        ("out_trade_no", &first.entry.out_trade_no),
        ("total_fee", &total),
        ("settlement_total_fee", &total),
        ("fee_type", "CNY"),
        ("cash_fee", &total),
        ("refund_count", &page.len().to_string()),
        ("total_refund_count", &found.len().to_string()),
    ]);
    for (n, refund) in page.into_iter().enumerate() {
        answer.extend(refund_fields(refund).into_iter().map(|(name, value)| (format!("{name}_{n}"), value)));
    }
    Ok(answer)
}

fn parse_query(request: &V2Request) -> Result<RefundQuery<'_>, V2Error> {
    if let Some(id) = request.get("refund_id") {
        return Ok(RefundQuery::RefundId(id));
    }
    if let Some(number) = request.get("out_refund_no") {
        return Ok(RefundQuery::OutRefundNo(number));
    }
    match (request.get("transaction_id"), request.get("out_trade_no")) {
        (Some(id), _) if !formats::is_transaction_id(id) => {
            Err(V2Error::new("INVALID_TRANSACTIONID", "无效transaction_id"))
        }
        (Some(id), _) => Ok(RefundQuery::TransactionId(id)),
        (None, Some(number)) => Ok(RefundQuery::OutTradeNo(number)),
        (None, None) => Err(V2Error::new("LACK_PARAMS", "缺少参数out_refund_no")),
    }
}

/// The fields about a refund, before its index is appended to their names.
fn refund_fields(refund: &Refund) -> Fields {
    let entry = &refund.entry;
    let fee = entry.refund_fee.to_string();
    let mut fields = fields_from(&[
        ("out_refund_no", entry.out_refund_no.as_str()),
        ("refund_id", &entry.refund_id),
        ("refund_channel", "ORIGINAL"),
        ("refund_fee", &fee),
        ("settlement_refund_fee", &fee),
        ("coupon_refund_fee", "0"),
        ("coupon_refund_count", "0"),
        ("refund_status", entry.status.v2()),
        ("refund_account", refund.funds.v2()),
        ("refund_recv_accout", if entry.status == RefundStatus::Success { "支付用户零钱" } else { "" }),
    ]);
    if let Some(at) = refund.succeeded() {
        fields.insert("refund_success_time".to_owned(), clock::wall_time(at));
    }
    fields
}

/// The number of refunds in one response.
const PAGE: usize = 10;
