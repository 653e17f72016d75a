//! `POST /secapi/pay/refund`: requests a refund. A success means only that the refund was accepted.
//!
//! Documentation: "Request refund" (申请退款) of Pay v2. It requires mutual TLS with the merchant's certificate, in addition to the
//! signature. On a plain connection every refund is refused.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_4>

use super::envelope;
use super::error::V2Error;
use super::field_rules::{self, FieldRule, field};
use super::request::V2Request;
use super::{Fields, fields_from};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::formats;
use crate::pay::ledger::refunds::RefundSource;
use crate::pay::ledger::refunds::{Funds, NewRefund, PaymentRef, Refund, RefundRefusal};
use crate::pay::refunds;
use crate::pay::service::PayService;
use crate::pay::version::ApiVersion;

pub(crate) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    let is_merchant =
        request.peer.as_ref().is_some_and(|peer| peer.shows(&pay.account().merchant_certificate));
    if !is_merchant {
        return envelope::message_failure("CERT_ERROR", "证书错误，请使用商户API证书");
    }
    envelope::handle_request(pay, request, fault, &RULES, request_refund)
}

const RULES: [FieldRule; 9] = [
    field("transaction_id", 32),
    field("out_trade_no", 32).with_format(formats::is_out_trade_no),
    field("out_refund_no", 64).required().with_format(formats::is_out_refund_no),
    field("total_fee", 10).required().with_format(field_rules::is_fee),
    field("refund_fee", 10).required().with_format(field_rules::is_fee),
    field("refund_fee_type", 8).with_format(|value| value == "CNY"),
    field("refund_desc", 80),
    field("refund_account", 30).with_format(|value| FUNDS.iter().any(|funds| value == funds.v2())),
    field("notify_url", 256).with_format(formats::is_notify_url),
];

fn request_refund(pay: &PayService, request: &V2Request) -> Result<Fields, V2Error> {
    let fee = |name| request.get(name).and_then(|fee| fee.parse().ok()).unwrap_or_default();
    let new = NewRefund {
        payment: parse_payment_ref(request)?,
        out_refund_no: request.get("out_refund_no").unwrap_or_default().to_owned(),
        total_fee: fee("total_fee"),
        refund_fee: fee("refund_fee"),
        notify: request.get("notify_url").map(|url| (ApiVersion::V2(request.sign_type), url.to_owned())),
        source: RefundSource::Api,
        funds: FUNDS
            .into_iter()
            .find(|funds| request.get("refund_account") == Some(funds.v2()))
            .unwrap_or_default(),
    };
    if new.refund_fee > new.total_fee {
        return Err(V2Error::new("PARAM_ERROR", "退款金额大于订单金额"));
    }
    refunds::request_refund(pay, new)
        .map(|refund| accepted_fields(&refund))
        .map_err(|reason| V2Error::new(err_code(reason), reason.description()))
}

fn parse_payment_ref(request: &V2Request) -> Result<PaymentRef, V2Error> {
    match (request.get("transaction_id"), request.get("out_trade_no")) {
        (Some(id), _) if !formats::is_transaction_id(id) => {
            Err(V2Error::new("INVALID_TRANSACTIONID", "无效transaction_id"))
        }
        (Some(id), _) => Ok(PaymentRef::Transaction(id.to_owned())),
        (None, Some(number)) => Ok(PaymentRef::OutTradeNo(number.to_owned())),
        (None, None) => Err(V2Error::new("LACK_PARAMS", "缺少参数out_trade_no")),
    }
}

fn accepted_fields(refund: &Refund) -> Fields {
    let entry = &refund.entry;
    let (total, fee) = (entry.total_fee.to_string(), entry.refund_fee.to_string());
    fields_from(&[
        ("transaction_id", entry.transaction_id.as_str()),
        ("out_trade_no", &entry.out_trade_no),
        ("out_refund_no", &entry.out_refund_no),
        ("refund_id", &entry.refund_id),
        ("refund_channel", ""),
        ("refund_fee", &fee),
        ("settlement_refund_fee", &fee),
        ("total_fee", &total),
        ("settlement_total_fee", &total),
        ("fee_type", "CNY"),
        ("cash_fee", &total),
        ("cash_refund_fee", &fee),
        ("coupon_refund_fee", "0"),
        ("coupon_refund_count", "0"),
    ])
}

fn err_code(reason: RefundRefusal) -> &'static str {
    match reason {
        RefundRefusal::UnknownOrder => "ORDERNOTEXIST",
        RefundRefusal::TooSoon => "INVALID_REQ_TOO_MUCH",
        RefundRefusal::Overdue => "TRADE_OVERDUE",
        RefundRefusal::Balance => "NOTENOUGH",
        RefundRefusal::NotPaid
        | RefundRefusal::OtherTotal
        | RefundRefusal::OtherRefund
        | RefundRefusal::TooMuch
        | RefundRefusal::TooMany => "ERROR",
    }
}

const FUNDS: [Funds; 2] = [Funds::Unsettled, Funds::Available];
