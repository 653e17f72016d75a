//! A refund as operators see it.

use serde::Serialize;
use shared::{
    api::response,
    pay::RefundStatus,
    runtime::{Body, Response},
    store::{RefundCause, RefundRow},
    types::{Fen, OperatorArn, OrderId, OutRefundNo, OutTradeNo, TransactionId},
};

#[derive(Serialize)]
struct RefundAnswer {
    refund: RefundView,
}

/// 200 with the refund.
pub(crate) fn answer(refund: RefundRow) -> Response<Body> {
    response::success(&RefundAnswer { refund: refund.into() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundView {
    out_refund_no: OutRefundNo,
    out_trade_no: OutTradeNo,
    order_id: OrderId,
    transaction_id: TransactionId,
    /// Fen.
    refund_fee: Fen,
    status: RefundStatus,
    cause: RefundCause,
    /// The operator who requested the refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<OperatorArn>,
    /// RFC 3339, UTC.
    created_at: String,
    /// WeChat Pay's number of the refund, once it has accepted the refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success_at: Option<String>,
    /// When an operator last redirected the refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirected_at: Option<String>,
    /// The operator who redirected the refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirected_by: Option<OperatorArn>,
    /// The operator who gave the refund up.
    #[serde(skip_serializing_if = "Option::is_none")]
    given_up_by: Option<OperatorArn>,
    /// Why the refund is not progressing: WeChat Pay's code, or a code of this system if WeChat Pay could not be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl From<RefundRow> for RefundView {
    fn from(row: RefundRow) -> Self {
        Self {
            out_refund_no: row.out_refund_no,
            out_trade_no: row.out_trade_no,
            order_id: row.order_id,
            transaction_id: row.transaction_id,
            refund_fee: row.refund_fee,
            status: row.status,
            cause: row.cause,
            requested_by: row.requested_by,
            created_at: row.created_at.to_rfc3339(),
            refund_id: row.refund_id,
            success_at: row.success_at.map(|at| at.to_rfc3339()),
            redirected_at: row.redirected_at.map(|at| at.to_rfc3339()),
            redirected_by: row.redirected_by,
            given_up_by: row.given_up_by,
            failure: row.failure,
        }
    }
}
