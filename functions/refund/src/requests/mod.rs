//! `/api/admin/refund-requests`: operators list what users have asked back, and approve or reject it.
//!
//! Approving begins the refund in the transaction that decides the request. The refund's number follows from the request's id, so two
//! operators who approve the same request begin one refund.

mod cursor;

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    service::RefundOrderOutcome,
    store::{
        BeginRefundOutcome, NewRefund, Order, RefundApproval, RefundRefusal, RefundRequest, RefundRequestId,
        RefundRequestState, RejectRefundOutcome,
    },
    types::{Fen, OperatorArn, OrderId, OutRefundNo, OutTradeNo, UserId},
};

use crate::RefundFunction;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListAnswer {
    refund_requests: Vec<RequestView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestAnswer {
    refund_request: Option<RequestView>,
}

/// A user's request for a refund as operators see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestView {
    id: String,
    state: RefundRequestState,
    reason: String,
    /// Fen.
    refund_fee: Fen,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    order_id: OrderId,
    out_trade_no: OutTradeNo,
    /// Absent after the user was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    /// What was paid. Fen.
    total_fee: Fen,
    /// RFC 3339, UTC.
    requested_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<OperatorArn>,
    /// The refund that the approval has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    out_refund_no: Option<OutRefundNo>,
}

impl RequestView {
    /// The order's last request.
    fn of(order: &Order) -> Option<Self> {
        let (id, request) = order.last_refund_request()?;
        Some(Self {
            id: id.to_string(),
            state: request.state,
            reason: request.reason.clone(),
            refund_fee: request.refund_fee,
            note: request.note.clone(),
            order_id: order.order_id,
            out_trade_no: order.paid_by.unwrap_or(order.out_trade_no),
            user_id: order.user_id.clone(),
            total_fee: order.total_fee,
            requested_at: request.requested_at.to_rfc3339(),
            decided_at: request.decided_at.map(|at| at.to_rfc3339()),
            decided_by: request.decided_by.clone(),
            out_refund_no: request.out_refund_no.clone(),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApproveBody {
    refund_fee: Option<u64>,
    note: Option<String>,
}

#[derive(Deserialize)]
struct RejectBody {
    note: Option<String>,
}

impl RefundFunction {
    pub(crate) async fn list_requests(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let state = parse_state(request::query(request, "state"))?;
        let cursor = request::query(request, "cursor").map(|text| cursor::parse(&text));
        let cursor =
            cursor.map(|parsed| parsed.ok_or_else(|| ApiError::invalid("cursor", "不是上一页给出的值")));
        let page = self.orders.list_refund_requests(state, cursor.transpose()?.as_ref()).await?;
        let refund_requests = page.orders.iter().filter_map(RequestView::of).collect();
        let cursor = page.cursor.as_ref().map(cursor::encode);
        Ok(response::success(&ListAnswer { refund_requests, cursor }))
    }

    pub(crate) async fn approve_request(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let id = request_id(request)?;
        let (refund_fee, note) = parse_approval(request::json(request)?)?;
        let requested_by = request::operator(request)?;
        // Fails if the merchant's certificate or keys are not configured, before the request is decided.
        self.refunds.pay.can_refund().await?;
        let order = self.orders.get(id.order_id).await?.ok_or(Code::NotFound)?;
        let wanted = order.refund_request(&id).ok_or(Code::NotFound)?;
        if !wanted.is_open() {
            return answer_decided(&order, wanted, refund_fee);
        }
        let paid_by = order.paid_by.ok_or(Code::Conflict)?;
        let new = NewRefund {
            out_refund_no: id.out_refund_no(paid_by),
            refund_fee: Some(refund_fee.unwrap_or(wanted.refund_fee)),
            reason: Some(REASON.to_owned()),
            requested_by,
            notify_url: self.notify_url(request),
            approval: Some(RefundApproval { request: id, note }),
        };
        let payment = self.refunds.find_payment(&order, paid_by).await?.ok_or(RefundOrderOutcome::NotPaid)?;
        match self.refunds.store.begin(&order, &payment, &new).await? {
            BeginRefundOutcome::Begun(row) => {
                self.refunds.advance_begun(*row).await?;
            }
            // Another operator has approved meanwhile, or the database's answer to this very approval was lost.
            BeginRefundOutcome::AlreadyBegun(_)
            | BeginRefundOutcome::Refused(RefundRefusal::RequestDecided) => {}
            BeginRefundOutcome::Refused(refusal) => {
                return Err(RefundOrderOutcome::Refused(refusal).into());
            }
        }
        let order = self.orders.get(id.order_id).await?.ok_or(Code::NotFound)?;
        let decided = order.refund_request(&id).ok_or(Code::Conflict)?;
        answer_decided(&order, decided, refund_fee)
    }

    pub(crate) async fn reject_request(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let id = request_id(request)?;
        let body: RejectBody = request::json(request)?;
        let note = parse_note(Some(request::required("note", body.note)?))?.unwrap_or_default();
        let operator = request::operator(request)?;
        match self.orders.reject_refund(&id, &note, &operator).await? {
            RejectRefundOutcome::Rejected(order) => Ok(answer(&order)),
            RejectRefundOutcome::Conflict => Err(decided_otherwise()),
            RejectRefundOutcome::Unknown => Err(Code::NotFound.into()),
        }
    }
}

/// The answer to an approval of a request that is decided: a conflict, unless it is approved with the sum that is wanted now.
fn answer_decided(
    order: &Order,
    decided: &RefundRequest,
    refund_fee: Option<Fen>,
) -> Result<Response<Body>, ApiError> {
    let is_same = refund_fee.is_none_or(|fee| fee == decided.refund_fee);
    if decided.state == RefundRequestState::Approved && is_same {
        Ok(answer(order))
    } else {
        Err(decided_otherwise())
    }
}

fn answer(order: &Order) -> Response<Body> {
    response::success(&RequestAnswer { refund_request: RequestView::of(order) })
}

fn decided_otherwise() -> ApiError {
    ApiError::new(Code::Conflict).with_message("该退款申请已处理")
}

fn request_id(request: &Request) -> Result<RefundRequestId, ApiError> {
    Ok(RefundRequestId::parse(&request::path(request, "id")?).ok_or(Code::NotFound)?)
}

fn parse_state(state: Option<String>) -> Result<RefundRequestState, ApiError> {
    let Some(state) = state else { return Ok(RefundRequestState::Requested) };
    let known = RefundRequestState::ALL.into_iter().find(|known| known.as_str() == state);
    known.ok_or_else(|| ApiError::invalid("state", "须为 REQUESTED、APPROVED 或 REJECTED"))
}

fn parse_approval(body: ApproveBody) -> Result<(Option<Fen>, Option<String>), ApiError> {
    let refund_fee = body.refund_fee.map(Fen::new).transpose();
    let refund_fee = refund_fee
        .map_err(|error| ApiError::invalid("refundFee", "须为正整数，单位为分").with_cause(error))?;
    Ok((refund_fee, parse_note(body.note)?))
}

fn parse_note(note: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(note) = note else { return Ok(None) };
    let note = note.trim();
    if note.is_empty() || note.chars().count() > MAX_NOTE {
        return Err(ApiError::invalid("note", "须为 1 到 200 个字"));
    }
    Ok(Some(note.to_owned()))
}

const MAX_NOTE: usize = 200;
/// The reason that the user reads at WeChat Pay.
const REASON: &str = "退款申请已通过";
