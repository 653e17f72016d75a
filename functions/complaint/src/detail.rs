//! `GET /api/admin/complaints/{complaintId}`: the complaint as WeChat Pay has it now, with its history, its order and its refund.
//!
//! The payer's phone number is decrypted only here, after the row and the log say who reads it. Its order shows what was shipped.

use serde::Serialize;
use shared::{
    api::{ApiError, Code, ShippingView, request, response},
    order::Status,
    pay::NegotiationStep,
    runtime::{Body, Request, Response},
    store::{ComplaintRow, OperatorAct, Order, RefundRow},
    telemetry,
    types::{Fen, OrderId, UserId},
};

use crate::{
    ComplaintFunction, complaint_id,
    view::{ComplaintView, RefundView},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DetailAnswer {
    complaint: ComplaintView,
    /// What the buyer writes.
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer_phone: Option<String>,
    /// The newest first.
    history: Vec<StepView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<RefundView>,
}

/// A step of the complaint's history.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepView {
    at: String,
    operator: String,
    operate_type: String,
    details: String,
}

/// The order that the complaint is about.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderView {
    order_id: OrderId,
    status: Status,
    /// Fen.
    total_fee: Fen,
    /// Fen; what was given back, also in other refunds.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded_fee: Option<Fen>,
    /// Absent while the order is not paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping: Option<ShippingView>,
    /// Absent after the user was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
}

impl ComplaintFunction {
    pub(crate) async fn read_complaint(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let id = complaint_id(request)?;
        let operator = request::operator(request)?;
        let (complaint, row) = self.complaints.fetch(&id).await?.ok_or(Code::NotFound)?;
        let history = self.complaints.pay.complaint_history(&id).await?;
        let (row, phone) = if complaint.has_phone() {
            let act = OperatorAct { at: self.host.now(), by: operator };
            let read = self.complaints.store.change(&id, |row| row.phone_read = Some(act.clone())).await?;
            telemetry::unusual_event("complaint-phone-read", &id);
            (read.ok_or(Code::NotFound)?, self.complaints.pay.complaint_phone(&complaint).await?)
        } else {
            (row, None)
        };
        let (order, refund) = self.find_order(&row).await?;
        Ok(response::success(&DetailAnswer {
            complaint: row.into(),
            detail: complaint.detail.expose().to_owned(),
            problem_description: complaint.problem_description,
            payer_phone: phone.map(|phone| phone.expose().to_owned()),
            history: history.into_iter().map(StepView::from).collect(),
            order: order.map(OrderView::from),
            refund: refund.map(RefundView::from),
        }))
    }

    /// The order of the complaint, and the refund that was begun for it.
    async fn find_order(&self, row: &ComplaintRow) -> Result<(Option<Order>, Option<RefundRow>), ApiError> {
        let Some(order_id) = row.order_id else { return Ok((None, None)) };
        Ok(match &row.out_refund_no {
            Some(out_refund_no) => self.refunds.store.get_with_order(order_id, out_refund_no).await?,
            None => (self.orders.get(order_id).await?, None),
        })
    }
}

impl From<NegotiationStep> for StepView {
    fn from(step: NegotiationStep) -> Self {
        Self {
            at: step.at.to_rfc3339(),
            operator: step.operator,
            operate_type: step.operate_type,
            details: step.details,
        }
    }
}

impl From<Order> for OrderView {
    fn from(order: Order) -> Self {
        Self {
            order_id: order.order_id,
            status: order.status,
            total_fee: order.total_fee,
            refunded_fee: Fen::new(order.refunded_fee).ok(),
            shipping: order.shipping.map(ShippingView::from),
            user_id: order.user_id,
        }
    }
}
