//! `POST /api/admin/refunds`: begins a refund in our tables, then requests it from WeChat Pay, so that our tables know every refund
//! that WeChat Pay makes. The `out_refund_no` follows from the `Idempotency-Key`, so a repeated request repeats the same refund.

use serde::Deserialize;
use shared::{
    api::{ApiError, Code, request},
    pay::PayError,
    runtime::{Body, Request, Response},
    service::RefundServiceError,
    store::{BeginRefundOutcome, NewRefund, Order, PaymentRow, RefundRefusal, RefundRow},
    telemetry,
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
        // Fails if the merchant's certificate or keys are not configured, before the amount is claimed.
        self.refunds.pay.can_refund().await?;
        let (order, known) =
            self.refunds.store.get_with_order(out_trade_no.order_id(), &new.out_refund_no).await?;
        if let Some(row) = known {
            return self.repeat_refund(row, &new).await;
        }
        let order = order.ok_or(Code::NotFound)?;
        let payment = self.find_payment(&order, out_trade_no).await?;
        match self.refunds.store.begin(&order, &payment, &new).await? {
            BeginRefundOutcome::Begun(row) => Ok(view::answer(self.advance_refund(*row).await?)),
            BeginRefundOutcome::AlreadyBegun(row) => self.repeat_refund(*row, &new).await,
            BeginRefundOutcome::Refused(refusal) => Err(refused(refusal)),
        }
    }

    fn parse(&self, request: &Request) -> Result<RefundInput, ApiError> {
        let key = request::header(request, "Idempotency-Key")?.unwrap_or_default();
        if key.is_empty() || key.len() > 128 {
            return Err(ApiError::invalid("Idempotency-Key", "须为 1 到 128 个字符"));
        }
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
        let base_url = match (self.host.optional_var("PUBLIC_BASE_URL"), request::domain_name(request)) {
            (Some(base_url), _) => base_url.to_owned(),
            (None, domain) => format!("https://{}", domain?),
        };
        Some(format!("{base_url}/api/pay/refund-notify"))
    }

    pub(crate) async fn find_payment(
        &self,
        order: &Order,
        out_trade_no: OutTradeNo,
    ) -> Result<PaymentRow, ApiError> {
        let refunds = &self.refunds.store;
        let payment = match &order.transaction_id {
            Some(transaction_id) if order.paid_by == Some(out_trade_no) => {
                refunds.payment(transaction_id).await?
            }
            // A second payment is refunded by itself; a payment with a wrong amount is refunded here.
            _ => refunds.find_payment(out_trade_no).await?,
        };
        payment.ok_or_else(|| ApiError::new(Code::Conflict).with_message("该订单未支付，无可退款项"))
    }

    async fn repeat_refund(&self, row: RefundRow, new: &NewRefund) -> Result<Response<Body>, ApiError> {
        if row.asked_fee != new.refund_fee || row.reason != new.reason {
            return Err(ApiError::new(Code::Conflict).with_message("该请求编号已用于其他退款"));
        }
        // One request at a time asks WeChat Pay; a concurrent one answers the refund's stored state.
        if row.status.is_final() || !self.refunds.store.claim_query(&row, self.host.now()).await? {
            return Ok(view::answer(row));
        }
        Ok(view::answer(self.advance_refund(row).await?))
    }

    /// Requests the refund from WeChat Pay; the refund as it is then. The refund is begun, and `order-sweep` goes on with it, so a failure is the refund with the
    /// reason in its field `failure`. Only missing configuration and a broken row are answered as errors.
    pub(crate) async fn advance_refund(&self, row: RefundRow) -> Result<RefundRow, ApiError> {
        let error = match self.refunds.advance(&row).await {
            Ok(row) => return Ok(row),
            Err(error) => error,
        };
        match error {
            RefundServiceError::Pay(PayError::NotConfigured(_)) => Err(error.into()),
            RefundServiceError::Store(store) if !store.is_transient() => Err(store.into()),
            error => {
                telemetry::handled_error("advance-refund", &error);
                let failure = error.reason().or_else(|| row.failure.clone());
                Ok(RefundRow { failure, ..row })
            }
        }
    }
}

/// The answer to a refund that can't be begun.
pub(crate) fn refused(refusal: RefundRefusal) -> ApiError {
    let message = match refusal {
        RefundRefusal::TooMuch { left: 0 } => "该笔支付已全部退款".to_owned(),
        RefundRefusal::TooMuch { left } => format!("退款金额超出可退金额，最多可退 {left} 分"),
        RefundRefusal::TooMany => "该笔支付的退款次数已达上限".to_owned(),
        RefundRefusal::Forbidden => "订单当前状态不能退款".to_owned(),
        RefundRefusal::RequestDecided => "该退款申请已处理".to_owned(),
    };
    ApiError::new(Code::Conflict).with_message(message)
}

fn is_reason(text: &str) -> bool {
    (1..=80).contains(&text.len()) && !text.chars().any(char::is_control)
}
