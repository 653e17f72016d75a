//! `POST /v3/refund/domestic/refunds`: gives money back. No client certificate is needed.
//!
//! Documentation: "Request refund" (退款申请) of Pay v3.

use http::Method;
use serde_json::{Value, json};

use super::envelope::{self, Request, Success};
use super::refusal::Refusal;
use super::schema::{self, Field, bytes, integer, list, object, text};
use super::with;
use crate::core::clock;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::forms;
use crate::pay::ledger::refunds::RefundSource;
use crate::pay::ledger::refunds::{Funds, NewRefund, NotRefundable, PaymentRef, Refund};
use crate::pay::refunds;
use crate::pay::service::PayService;
use crate::pay::version::ApiVersion;

pub(crate) fn answer(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    envelope::answer(pay, received, fault, &Method::POST, judge)
}

const RULES: [Field; 8] = [
    text("transaction_id", 32),
    text("out_trade_no", 32).of_form(forms::is_out_trade_no),
    text("out_refund_no", 64).required().of_form(forms::is_out_refund_no),
    bytes("reason", 80),
    text("notify_url", 256).of_form(forms::is_notify_url),
    text("funds_account", 32).of_form(|account| account == "AVAILABLE"),
    object("amount", &AMOUNT).required(),
    list("goods_detail", &GOODS),
];

const AMOUNT: [Field; 4] = [
    integer("refund", 1).required(),
    integer("total", 1).required(),
    text("currency", 16).required().of_form(|currency| currency == "CNY"),
    list("from", &[text("account", 32).required(), integer("amount", 1).required()]),
];

const GOODS: [Field; 4] = [
    text("merchant_goods_id", 32).required(),
    integer("unit_price", 0).required(),
    integer("refund_amount", 1).required(),
    integer("refund_quantity", 1).required(),
];

fn judge(pay: &PayService, request: &Request<'_>) -> Result<Success, Refusal> {
    schema::check(&RULES, &request.body)?;
    let new = NewRefund {
        of: order_of(request)?,
        out_refund_no: request.text("/out_refund_no").unwrap_or_default().to_owned(),
        total_fee: request.number("/amount/total"),
        refund_fee: request.number("/amount/refund"),
        notify: request.text("/notify_url").map(|url| (ApiVersion::V3, url.to_owned())),
        source: RefundSource::Api,
        funds: if request.text("/funds_account").is_some() { Funds::Available } else { Funds::Unsettled },
    };
    if new.refund_fee > new.total_fee {
        return Err(Refusal::parameter("body", "/amount/refund", "退款金额大于订单金额"));
    }
    refunds::request(pay, new).map(|refund| Success::Json(told(&refund))).map_err(refusal)
}

fn order_of(request: &Request<'_>) -> Result<PaymentRef, Refusal> {
    match (request.text("/transaction_id"), request.text("/out_trade_no")) {
        (Some(id), _) if !forms::is_transaction_id(id) => {
            Err(Refusal::new("INVALID_TRANSACTIONID", "订单号非法"))
        }
        (Some(id), _) => Ok(PaymentRef::Transaction(id.to_owned())),
        (None, Some(number)) => Ok(PaymentRef::OutTradeNo(number.to_owned())),
        (None, None) => Err(Refusal::parameter("body", "/out_trade_no", "必填，不能为空")),
    }
}

/// A refund as it is answered, here and to a query.
pub(super) fn told(refund: &Refund) -> Value {
    let entry = &refund.entry;
    let (total, fee) = (entry.total_fee, entry.refund_fee);
    let told = json!({
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
        Some(at) => with(told, [("success_time", clock::rfc3339(at).into())]),
        None => told,
    }
}

fn refusal(reason: NotRefundable) -> Refusal {
    let code = match reason {
        NotRefundable::UnknownOrder => "RESOURCE_NOT_EXISTS",
        NotRefundable::TooSoon => "FREQUENCY_LIMITED",
        NotRefundable::Overdue => "TRADE_OVERDUE",
        NotRefundable::Balance => "NOT_ENOUGH",
        NotRefundable::NotPaid
        | NotRefundable::OtherTotal
        | NotRefundable::OtherRefund
        | NotRefundable::TooMuch
        | NotRefundable::TooMany => "INVALID_REQUEST",
    };
    Refusal::new(code, reason.description())
}
