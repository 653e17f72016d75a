//! `POST /api/orders/{orderId}/refund-request`: the owner of an order asks for money back. An operator decides
//! (`/api/admin/refund-requests`).

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::RequestRefundOutcome,
    types::{Caller, Fen},
};

use crate::{OrderFunction, view::RefundRequestView};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefundRequestBody {
    reason: Option<String>,
    refund_fee: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundRequestAnswer {
    refund_request: Option<RefundRequestView>,
}

impl OrderFunction {
    pub(crate) async fn request_refund(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let (reason, refund_fee) = parse(request::json(request)?)?;
        let order = self.find_own_order(caller, request).await?;
        let conflict = |message: &str| ApiError::new(Code::Conflict).with_message(message.to_owned());
        match self.payments.orders.request_refund(&order, &reason, refund_fee).await? {
            RequestRefundOutcome::Requested(order) => {
                let refund_request = RefundRequestView::of(&order);
                Ok(response::success(&RefundRequestAnswer { refund_request }))
            }
            RequestRefundOutcome::OtherRequestOpen => Err(conflict("已有退款申请在处理中")),
            RequestRefundOutcome::NothingRefundable => Err(conflict("该订单无可退款项")),
            RequestRefundOutcome::TooMuch { left } => {
                Err(conflict(&format!("退款金额超出可退金额，最多可退 {left} 分")))
            }
            RequestRefundOutcome::TooMany => Err(conflict("该订单的退款申请次数已达上限")),
        }
    }
}

fn parse(body: RefundRequestBody) -> Result<(String, Option<Fen>), ApiError> {
    let reason = request::required("reason", body.reason)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON {
        return Err(ApiError::invalid("reason", "须为 1 到 80 个字"));
    }
    let refund_fee = body.refund_fee.map(Fen::new).transpose();
    let refund_fee = refund_fee
        .map_err(|error| ApiError::invalid("refundFee", "须为正整数，单位为分").with_cause(error))?;
    Ok((reason.to_owned(), refund_fee))
}

const MAX_REASON: usize = 80;
