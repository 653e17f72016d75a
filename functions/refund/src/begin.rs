//! `POST /api/admin/refunds`: begins a refund in our tables, then requests it from WeChat Pay, so that our tables know every refund
//! that WeChat Pay makes. The `out_refund_no` follows from the `Idempotency-Key`, so a repeated request repeats the same refund.

use serde::Deserialize;
use shared::{
    api::{ApiError, Code, request},
    runtime::{Body, Request, Response},
    service::RefundOrderOutcome,
    store::NewRefund,
    types::{Fen, OutRefundNo, OutTradeNo},
};

use crate::{RefundFunction, view};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefundBody {
    out_trade_no: Option<String>,
    refund_fee: Option<u64>,
    reason: Option<String>,
}

struct RefundInput {
    out_trade_no: OutTradeNo,
    new: NewRefund,
}

impl RefundFunction {
    pub(crate) async fn request_refund(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let RefundInput { out_trade_no, new } = self.parse(request)?;
        match self.refunds.order_refund(out_trade_no, &new).await? {
            RefundOrderOutcome::Refund(row) => Ok(view::answer(*row)),
            outcome => Err(outcome.into()),
        }
    }

    fn parse(&self, request: &Request) -> Result<RefundInput, ApiError> {
        let key = request::idempotency_key(request)?;
        let body: RefundBody = request::json(request)?;
        let out_trade_no = request::required("outTradeNo", body.out_trade_no)?;
        let out_trade_no = OutTradeNo::parse(&out_trade_no).map_err(|_| Code::NotFound)?;
        let refund_fee = body.refund_fee.map(Fen::new).transpose();
        let refund_fee = refund_fee
            .map_err(|error| ApiError::invalid("refundFee", "须为正整数，单位为分").with_cause(error))?;
        if body.reason.as_deref().is_some_and(|reason| !is_reason(reason)) {
            return Err(ApiError::invalid("reason", "须为 1 到 80 字节，且不含换行"));
        }
        Ok(RefundInput {
            out_trade_no,
            new: NewRefund {
                out_refund_no: OutRefundNo::of(out_trade_no, key),
                refund_fee,
                reason: body.reason,
                requested_by: request::operator(request)?,
                notify_url: self.notify_url(request),
                approval: None,
            },
        })
    }

    /// Where WeChat Pay is to send its notice of the refund.
    pub(crate) fn notify_url(&self, request: &Request) -> Option<String> {
        let base_url = request::base_url(&self.host, request)?;
        Some(format!("{base_url}/api/pay/refund-notify"))
    }
}

fn is_reason(text: &str) -> bool {
    (1..=80).contains(&text.len()) && !text.chars().any(char::is_control)
}
