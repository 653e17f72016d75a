//! A complaint, and the refund for it, as operators see them.

use serde::Serialize;
use shared::{
    api::response,
    pay::{ComplaintState, RefundStatus},
    runtime::{Body, Response},
    store::{ComplaintRow, OperatorAct, RefundRow},
    types::{ComplaintId, Fen, OperatorArn, OrderId, OutRefundNo, OutTradeNo, TransactionId},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ComplaintView {
    complaint_id: ComplaintId,
    state: ComplaintState,
    /// RFC 3339, UTC, as all times.
    complained_at: String,
    /// When the first reply is due.
    reply_by: String,
    /// When the complaint is to be dealt with.
    resolve_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_trade_no: Option<OutTradeNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<TransactionId>,
    /// Fen.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Fen>,
    /// Fen.
    #[serde(skip_serializing_if = "Option::is_none")]
    apply_refund_amount: Option<Fen>,
    user_complaint_times: u64,
    full_refunded: bool,
    incoming_user_response: bool,
    in_platform_service: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_refund_no: Option<OutRefundNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replied: Option<ActView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<ActView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed: Option<ActView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_read: Option<ActView>,
}

#[derive(Serialize)]
struct ComplaintAnswer {
    complaint: ComplaintView,
}

/// 200 with the complaint.
pub(crate) fn answer(row: ComplaintRow) -> Response<Body> {
    response::success(&ComplaintAnswer { complaint: row.into() })
}

/// What an operator did.
#[derive(Serialize)]
struct ActView {
    at: String,
    by: OperatorArn,
}

/// The refund that an operator has begun for the complaint.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundView {
    out_refund_no: OutRefundNo,
    status: RefundStatus,
    /// Fen.
    refund_fee: Fen,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl From<RefundRow> for RefundView {
    fn from(row: RefundRow) -> Self {
        Self {
            out_refund_no: row.out_refund_no,
            status: row.status,
            refund_fee: row.refund_fee,
            failure: row.failure,
        }
    }
}

impl From<OperatorAct> for ActView {
    fn from(act: OperatorAct) -> Self {
        Self { at: act.at.to_rfc3339(), by: act.by }
    }
}

impl From<ComplaintRow> for ComplaintView {
    fn from(row: ComplaintRow) -> Self {
        Self {
            reply_by: row.reply_by().to_rfc3339(),
            resolve_by: row.resolve_by().to_rfc3339(),
            complaint_id: row.complaint_id,
            state: row.state,
            complained_at: row.complained_at.to_rfc3339(),
            problem_type: row.problem_type,
            order_id: row.order_id,
            out_trade_no: row.out_trade_no,
            transaction_id: row.transaction_id,
            amount: row.amount,
            apply_refund_amount: row.apply_refund_amount,
            user_complaint_times: row.times,
            full_refunded: row.full_refunded,
            incoming_user_response: row.user_responded,
            in_platform_service: row.in_platform_service,
            out_refund_no: row.out_refund_no,
            replied: row.replied.map(ActView::from),
            rejected: row.rejected.map(ActView::from),
            completed: row.completed.map(ActView::from),
            phone_read: row.phone_read.map(ActView::from),
        }
    }
}
