//! A case as an operator sees it.

use serde::Serialize;
use shared::{
    store::{Case, CaseKind},
    types::{OperatorArn, OrderId, OutRefundNo, OutTradeNo, TransactionId},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CaseView {
    case_id: String,
    kind: CaseKind,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_trade_no: Option<OutTradeNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<TransactionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_refund_no: Option<OutRefundNo>,
    /// RFC 3339, UTC.
    opened_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<String>,
    /// The operator who closed the case; absent if nothing was left to decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_by: Option<OperatorArn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl From<Case> for CaseView {
    fn from(case: Case) -> Self {
        Self {
            case_id: case.case_id,
            kind: case.kind,
            what: case.what,
            order_id: case.order_id,
            out_trade_no: case.out_trade_no,
            transaction_id: case.transaction_id,
            out_refund_no: case.out_refund_no,
            opened_at: case.opened_at.to_rfc3339(),
            closed_at: case.closed_at.map(|at| at.to_rfc3339()),
            closed_by: case.closed_by,
            note: case.note,
        }
    }
}
