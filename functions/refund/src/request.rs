//! `POST /api/admin/refunds`: begun in our books first, then asked for, so that a refund that WeChat Pay makes is never unknown
//! here. The number follows from the request's key: repeating the request repeats the same refund.

use serde::Deserialize;
use shared::{
    error::{ApiError, Code},
    http::extract,
    pay::{PayError, RefunderError},
    runtime::{Body, Request, Response},
    store::{BegunRefund, NewRefund, Order, PaidRow, RefundRow},
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

struct Ask {
    attempt: OutTradeNo,
    new: NewRefund,
}

impl RefundFunction {
    pub(crate) async fn request(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let Ask { attempt, new } = self.parse(request)?;
        // Better told now than after the sum was claimed.
        self.refunder.pay.can_refund().await?;
        let (order, known) = self.refunder.refunds.with_order(attempt.order_id(), &new.out_refund_no).await?;
        if let Some(row) = known {
            return self.again(row, &new).await;
        }
        let order = order.ok_or(Code::NotFound)?;
        let payment = self.payment(&order, attempt).await?;
        match self.refunder.refunds.begin(&order, &payment, &new).await? {
            BegunRefund::Yes(row) => self.bring_on(*row).await,
            BegunRefund::Known(row) => self.again(*row, &new).await,
            BegunRefund::TooMuch { left: 0 } => {
                Err(ApiError::new(Code::Conflict).saying("该笔支付已全部退款"))
            }
            BegunRefund::TooMuch { left } => {
                Err(ApiError::new(Code::Conflict).saying(format!("退款金额超出可退金额，最多可退 {left} 分")))
            }
            BegunRefund::TooMany => Err(ApiError::new(Code::Conflict).saying("该笔支付的退款次数已达上限")),
            BegunRefund::Forbidden => Err(ApiError::new(Code::Conflict).saying("订单当前状态不能退款")),
        }
    }

    fn parse(&self, request: &Request) -> Result<Ask, ApiError> {
        let key = extract::header(request, "Idempotency-Key")?.unwrap_or_default();
        if key.is_empty() || key.len() > 128 {
            return Err(ApiError::invalid("Idempotency-Key", "须为 1 到 128 个字符"));
        }
        let body: RefundBody = extract::json(request)?;
        let attempt = extract::required("outTradeNo", body.out_trade_no)?;
        let attempt = OutTradeNo::parse(&attempt).map_err(|_| Code::NotFound)?;
        let refund_fee = body.refund_fee.map(Fen::new).transpose();
        let refund_fee = refund_fee
            .map_err(|error| ApiError::invalid("refundFee", "须为正整数，单位为分").because(error))?;
        if body.reason.as_deref().is_some_and(|reason| !is_reason(reason)) {
            return Err(ApiError::invalid("reason", "须为 1 到 80 字节，且不含换行"));
        }
        let base = match (self.host.optional_var("PUBLIC_BASE_URL"), extract::domain_name(request)) {
            (Some(base), _) => Some(base.to_owned()),
            (None, domain) => domain.map(|domain| format!("https://{domain}")),
        };
        Ok(Ask {
            attempt,
            new: NewRefund {
                out_refund_no: OutRefundNo::of(attempt, key),
                refund_fee,
                reason: body.reason,
                requested_by: extract::operator(request)?,
                notify_url: base.map(|base| format!("{base}/api/pay/refund-notify")),
            },
        })
    }

    async fn payment(&self, order: &Order, attempt: OutTradeNo) -> Result<PaidRow, ApiError> {
        let refunds = &self.refunder.refunds;
        let payment = match &order.transaction_id {
            Some(transaction_id) if order.paid_by == Some(attempt) => refunds.payment(transaction_id).await?,
            // A payment that the order did not need has a refund of its own; one of another sum waits for this.
            _ => refunds.payment_of(attempt).await?,
        };
        payment.ok_or_else(|| ApiError::new(Code::Conflict).saying("该订单未支付，无可退款项"))
    }

    async fn again(&self, row: RefundRow, new: &NewRefund) -> Result<Response<Body>, ApiError> {
        if row.asked_fee != new.refund_fee || row.reason != new.reason {
            return Err(ApiError::new(Code::Conflict).saying("该请求编号已用于其他退款"));
        }
        // One asks at a time; whoever comes second sees how it stands.
        if row.status.is_final() || !self.refunder.refunds.take_turn(&row, self.host.now()).await? {
            return Ok(view::answer(row));
        }
        self.bring_on(row).await
    }

    /// The refund is begun, and the sweep brings it on: so whatever WeChat Pay or our keys say, the answer is the refund, with the
    /// reason as its `failure`. Only what the operator has not configured is told as that.
    async fn bring_on(&self, row: RefundRow) -> Result<Response<Body>, ApiError> {
        let error = match self.refunder.bring_on(&row).await {
            Ok(row) => return Ok(view::answer(row)),
            Err(error) => error,
        };
        match error {
            RefunderError::Pay(PayError::NotConfigured(_)) => Err(error.into()),
            RefunderError::Store(store) if !store.is_transient() => Err(store.into()),
            error => {
                telemetry::survived("refund", &error);
                let failure = error.reason().or_else(|| row.failure.clone());
                Ok(view::answer(RefundRow { failure, ..row }))
            }
        }
    }
}

fn is_reason(text: &str) -> bool {
    (1..=80).contains(&text.len()) && !text.chars().any(char::is_control)
}
