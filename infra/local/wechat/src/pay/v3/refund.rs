//! `POST /v3/refund/domestic/refunds`: requests a refund. No client certificate is required.
//!
//! Documentation: "Request refund" (退款申请) of Pay v3.

use http::Method;
use serde_json::{Value, json};

use super::envelope::{self, SuccessBody, V3Request};
use super::error::V3Error;
use super::schema::{self, FieldSchema, bytes, integer, list, object, text};
use super::with_fields;
use crate::core::clock;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::formats;
use crate::pay::ledger::refunds::RefundSource;
use crate::pay::ledger::refunds::{Funds, NewRefund, PaymentRef, Refund, RefundRefusal};
use crate::pay::refunds;
use crate::pay::service::PayService;
use crate::pay::version::ApiVersion;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::handle_request(pay, request, fault, &Method::POST, request_refund)
}

const RULES: [FieldSchema; 8] = [
    text("transaction_id", 32),
    text("out_trade_no", 32).with_format(formats::is_out_trade_no),
    text("out_refund_no", 64).required().with_format(formats::is_out_refund_no),
    bytes("reason", 80),
    text("notify_url", 256).with_format(formats::is_notify_url),
    text("funds_account", 32).with_format(|account| account == "AVAILABLE"),
    object("amount", &AMOUNT).required(),
    list("goods_detail", &GOODS),
];

const AMOUNT: [FieldSchema; 4] = [
    integer("refund", 1).required(),
    integer("total", 1).required(),
    text("currency", 16).required().with_format(|currency| currency == "CNY"),
    list("from", &[text("account", 32).required(), integer("amount", 1).required()]),
];

const GOODS: [FieldSchema; 4] = [
    text("merchant_goods_id", 32).required(),
    integer("unit_price", 0).required(),
    integer("refund_amount", 1).required(),
    integer("refund_quantity", 1).required(),
];

fn request_refund(pay: &PayService, request: &V3Request<'_>) -> Result<SuccessBody, V3Error> {
    schema::check(&RULES, &request.body)?;
    let new = NewRefund {
        payment: parse_payment_ref(request)?,
        out_refund_no: request.text("/out_refund_no").unwrap_or_default().to_owned(),
        total_fee: request.number("/amount/total"),
        refund_fee: request.number("/amount/refund"),
        notify: request.text("/notify_url").map(|url| (ApiVersion::V3, url.to_owned())),
        source: RefundSource::Api,
        funds: if request.text("/funds_account").is_some() { Funds::Available } else { Funds::Unsettled },
    };
    if new.refund_fee > new.total_fee {
        return Err(V3Error::parameter("body", "/amount/refund", "退款金额大于订单金额"));
    }
    refunds::request_refund(pay, new).map(|refund| SuccessBody::Json(refund_json(&refund))).map_err(error_of)
}

fn parse_payment_ref(request: &V3Request<'_>) -> Result<PaymentRef, V3Error> {
    match (request.text("/transaction_id"), request.text("/out_trade_no")) {
        (Some(id), _) if !formats::is_transaction_id(id) => {
            Err(V3Error::new("INVALID_TRANSACTIONID", "订单号非法"))
        }
        (Some(id), _) => Ok(PaymentRef::Transaction(id.to_owned())),
        (None, Some(number)) => Ok(PaymentRef::OutTradeNo(number.to_owned())),
        (None, None) => Err(V3Error::parameter("body", "/out_trade_no", "必填，不能为空")),
    }
}

/// The JSON of a refund, for this API and for a query.
pub(super) fn refund_json(refund: &Refund) -> Value {
    let entry = &refund.entry;
    let (total, fee) = (entry.total_fee, entry.refund_fee);
    let json = json!({
        "refund_id": entry.refund_id,
        "out_refund_no": entry.out_refund_no,
        "transaction_id": entry.transaction_id,
        "out_trade_no": entry.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": clock::rfc3339(refund.created),
        "status": entry.status.as_str(),
        "funds_account": refund.funds.v3(),
        "amount": {
            "total": total,
            "refund": fee,
            "from": [],
            "payer_total": total,
            "payer_refund": fee,
            "settlement_refund": fee,
            "settlement_total": total,
            "discount_refund": 0,
            "currency": "CNY",
        },
        "promotion_detail": [],
        "future_field": "新字段",
    });
    match refund.succeeded() {
        Some(at) => with_fields(json, [("success_time", clock::rfc3339(at).into())]),
        None => json,
    }
}

fn error_of(reason: RefundRefusal) -> V3Error {
    let code = match reason {
        RefundRefusal::UnknownOrder => "RESOURCE_NOT_EXISTS",
        RefundRefusal::TooSoon => "FREQUENCY_LIMITED",
        RefundRefusal::Overdue => "TRADE_OVERDUE",
        RefundRefusal::Balance => "NOT_ENOUGH",
        RefundRefusal::NotPaid
        | RefundRefusal::OtherTotal
        | RefundRefusal::OtherRefund
        | RefundRefusal::TooMuch
        | RefundRefusal::TooMany => "INVALID_REQUEST",
    };
    V3Error::new(code, reason.description())
}
