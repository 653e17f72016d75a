//! `POST /secapi/pay/refund`: gives money back. A success says only that it was accepted.
//!
//! Documentation: "Request refund" (申请退款) of Pay v2. It needs mutual TLS with the merchant's certificate, whatever
//! the signature; a plain connection has none, so nothing is refunded there.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_4>

use super::Fields;
use super::envelope::{self, PayRequest, Refusal, own};
use super::fields::{self, Rule, field};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::forms;
use crate::pay::ledger::refunds::RefundSource;
use crate::pay::ledger::refunds::{Funds, NewRefund, NotRefundable, PaymentRef, Refund};
use crate::pay::refunds;
use crate::pay::service::PayService;
use crate::pay::version::ApiVersion;

pub(crate) fn answer(pay: &PayService, received: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    let is_merchant =
        received.peer.as_ref().is_some_and(|peer| peer.shows(&pay.account().merchant_certificate));
    if !is_merchant {
        return envelope::refuse("CERT_ERROR", "证书错误，请使用商户API证书");
    }
    envelope::answer(pay, received, fault, &RULES, judge)
}

const RULES: [Rule; 9] = [
    field("transaction_id", 32),
    field("out_trade_no", 32).of_form(forms::is_out_trade_no),
    field("out_refund_no", 64).required().of_form(forms::is_out_refund_no),
    field("total_fee", 10).required().of_form(fields::is_fee),
    field("refund_fee", 10).required().of_form(fields::is_fee),
    field("refund_fee_type", 8).of_form(|value| value == "CNY"),
    field("refund_desc", 80),
    field("refund_account", 30).of_form(|value| FUNDS.iter().any(|funds| value == funds.v2())),
    field("notify_url", 256).of_form(forms::is_notify_url),
];

fn judge(pay: &PayService, request: &PayRequest) -> Result<Fields, Refusal> {
    let fee = |name| request.get(name).and_then(|fee| fee.parse().ok()).unwrap_or_default();
    let new = NewRefund {
        of: order_of(request)?,
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
        return Err(Refusal::new("PARAM_ERROR", "退款金额大于订单金额"));
    }
    refunds::request(pay, new)
        .map(|refund| accepted(&refund))
        .map_err(|reason| Refusal::new(err_code(reason), reason.description()))
}

fn order_of(request: &PayRequest) -> Result<PaymentRef, Refusal> {
    match (request.get("transaction_id"), request.get("out_trade_no")) {
        (Some(id), _) if !forms::is_transaction_id(id) => {
            Err(Refusal::new("INVALID_TRANSACTIONID", "无效transaction_id"))
        }
        (Some(id), _) => Ok(PaymentRef::Transaction(id.to_owned())),
        (None, Some(number)) => Ok(PaymentRef::OutTradeNo(number.to_owned())),
        (None, None) => Err(Refusal::new("LACK_PARAMS", "缺少参数out_trade_no")),
    }
}

fn accepted(refund: &Refund) -> Fields {
    let entry = &refund.entry;
    let (total, fee) = (entry.total_fee.to_string(), entry.refund_fee.to_string());
    own(&[
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

fn err_code(reason: NotRefundable) -> &'static str {
    match reason {
        NotRefundable::UnknownOrder => "ORDERNOTEXIST",
        NotRefundable::TooSoon => "INVALID_REQ_TOO_MUCH",
        NotRefundable::Overdue => "TRADE_OVERDUE",
        NotRefundable::Balance => "NOTENOUGH",
        NotRefundable::NotPaid
        | NotRefundable::OtherTotal
        | NotRefundable::OtherRefund
        | NotRefundable::TooMuch
        | NotRefundable::TooMany => "ERROR",
    }
}

const FUNDS: [Funds; 2] = [Funds::Unsettled, Funds::Available];
