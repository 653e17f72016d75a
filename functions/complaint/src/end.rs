//! `POST /api/admin/complaints/{complaintId}/complete` and `…/reject`: the merchant says that it has dealt with the complaint, or that it
//! does not give the money back. Either ends the complaint, and its case.

use serde::Deserialize;
use shared::{
    api::{ApiError, Code, request},
    pay::{ComplaintState, PayError},
    runtime::{Body, Request, Response},
    store::{ComplaintRow, OperatorAct},
    types::ComplaintId,
};

use crate::{ComplaintFunction, complaint_id, for_operator, reply::written, view};

#[derive(Deserialize)]
struct RejectBody {
    reason: Option<String>,
}

impl ComplaintFunction {
    pub(crate) async fn complete(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let id = complaint_id(request)?;
        let act = OperatorAct { at: self.host.now(), by: request::operator(request)? };
        let row = self.fetch_row(&id).await?;
        if row.state != ComplaintState::Processed {
            let sent = self.complaints.pay.complete_complaint(&id).await;
            self.end(&row, sent, "the complaint is completed", &act).await?;
        }
        let completed = self.complaints.store.change(&id, |row| {
            row.completed.get_or_insert_with(|| act.clone());
        });
        Ok(view::answer(completed.await?.ok_or(Code::NotFound)?))
    }

    pub(crate) async fn reject(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let id = complaint_id(request)?;
        let RejectBody { reason } = request::json(request)?;
        let reason = written("reason", reason)?;
        let act = OperatorAct { at: self.host.now(), by: request::operator(request)? };
        let row = self.fetch_row(&id).await?;
        if row.rejected.is_some() && row.state == ComplaintState::Processed {
            return Ok(view::answer(row));
        }
        can_reject(&row)?;
        let sent = self.complaints.pay.reject_complaint_refund(&id, &reason).await;
        self.end(&row, sent, "the refund is rejected", &act).await?;
        let rejected = self.complaints.store.change(&id, |row| row.rejected = Some(act.clone()));
        Ok(view::answer(rejected.await?.ok_or(Code::NotFound)?))
    }

    /// Closes the case, if the complaint has ended by what was `sent`: after a lost answer the repetition is refused, because the
    /// complaint has ended.
    async fn end(
        &self,
        row: &ComplaintRow,
        sent: Result<(), PayError>,
        note: &str,
        act: &OperatorAct,
    ) -> Result<(), ApiError> {
        if let Err(error) = sent
            && self.fetch_row(&row.complaint_id).await?.state != ComplaintState::Processed
        {
            return Err(for_operator(error));
        }
        self.complaints.close_case(row, note, &act.by).await?;
        self.fetch_row(&row.complaint_id).await.map(drop)
    }

    /// The complaint as WeChat Pay has it now.
    pub(crate) async fn fetch_row(&self, id: &ComplaintId) -> Result<ComplaintRow, ApiError> {
        let (_, row) = self.complaints.fetch(id).await?.ok_or(Code::NotFound)?;
        Ok(row)
    }
}

/// A refund can be rejected once, while the buyer waits for it and none is under way.
fn can_reject(row: &ComplaintRow) -> Result<(), ApiError> {
    let reason = if row.state == ComplaintState::Processed {
        "该投诉已处理完成，不能再拒绝退款"
    } else if row.problem_type.as_deref() != Some("REFUND") {
        "该投诉不是申请退款，请回复或完结"
    } else if row.out_refund_no.is_some() {
        "该投诉已发起退款，不能再拒绝"
    } else {
        return Ok(());
    };
    Err(ApiError::new(Code::Conflict).with_message(reason))
}
