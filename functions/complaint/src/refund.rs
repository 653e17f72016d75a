//! `POST /api/admin/complaints/{complaintId}/refund`: the buyer gets money back, and WeChat Pay hears that the merchant approves.
//!
//! The refund is one of ours like any other. Its number follows from the complaint, so the request can be repeated: there is one refund
//! for a complaint, however often it is asked for. WeChat Pay's approval refunds nothing, so it comes after the refund has begun.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    pay::{Complaint, PayError},
    runtime::{Body, Request, Response},
    service::RefundOrderOutcome,
    store::NewRefund,
    telemetry,
    types::{Fen, OutRefundNo},
};

use crate::{
    ComplaintFunction, complaint_id,
    view::{ComplaintView, RefundView},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefundBody {
    refund_fee: Option<u64>,
}

#[derive(Serialize)]
struct RefundAnswer {
    complaint: ComplaintView,
    refund: RefundView,
}

impl ComplaintFunction {
    pub(crate) async fn refund(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let id = complaint_id(request)?;
        let refund_fee = parse(request::json(request)?)?;
        let requested_by = request::operator(request)?;
        let (complaint, _) = self.complaints.fetch(&id).await?.ok_or(Code::NotFound)?;
        let out_trade_no = complaint.out_trade_no.ok_or_else(|| {
            ApiError::new(Code::Conflict).with_message("该投诉的订单不在本系统中，请到商户平台退款")
        })?;
        let new = NewRefund {
            out_refund_no: OutRefundNo::of(out_trade_no, &format!("complaint {id}")),
            refund_fee: refund_fee.or(complaint.apply_refund_amount),
            reason: Some(REASON.to_owned()),
            requested_by,
            notify_url: request::base_url(&self.host, request)
                .map(|base_url| format!("{base_url}/api/pay/refund-notify")),
            approval: None,
        };
        let refund = match self.refunds.order_refund(out_trade_no, &new).await? {
            RefundOrderOutcome::Refund(refund) => *refund,
            outcome => return Err(outcome.into()),
        };
        let number = refund.out_refund_no.clone();
        let change = self.complaints.store.change(&id, |row| row.out_refund_no = Some(number.clone()));
        change.await?.ok_or(Code::NotFound)?;
        self.approve(&complaint).await?;
        let (_, row) = self.complaints.fetch(&id).await?.ok_or(Code::NotFound)?;
        Ok(response::success(&RefundAnswer { complaint: row.into(), refund: refund.into() }))
    }

    /// Says that the refund is approved. WeChat Pay may refuse that, because it was said before or the complaint has ended meanwhile; the
    /// refund is under way in any case.
    async fn approve(&self, complaint: &Complaint) -> Result<(), ApiError> {
        if !complaint.awaits_refund() {
            return Ok(());
        }
        match self.complaints.pay.approve_complaint_refund(&complaint.complaint_id).await {
            Err(error @ PayError::Business { transient: false, .. }) => {
                telemetry::handled_error("approve-complaint-refund", &error);
                Ok(())
            }
            other => Ok(other?),
        }
    }
}

fn parse(body: RefundBody) -> Result<Option<Fen>, ApiError> {
    let refund_fee = body.refund_fee.map(Fen::new).transpose();
    refund_fee.map_err(|error| ApiError::invalid("refundFee", "须为正整数，单位为分").with_cause(error))
}

/// The reason that the user reads at WeChat Pay.
const REASON: &str = "投诉退款";
