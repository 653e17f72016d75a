//! `POST /api/admin/complaints/{complaintId}/reply` and `…/complete`: what the merchant answers the buyer.
//!
//! A reply is never sent twice: WeChat Pay is asked for the history before it, and after a lost answer.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    pay::{ComplaintState, PayError},
    runtime::{Body, Request, Response},
    store::{ComplaintRow, OperatorAct},
    types::ComplaintId,
};

use crate::{ComplaintFunction, complaint_id, for_operator, view::ComplaintView};

#[derive(Deserialize)]
struct ReplyBody {
    content: Option<String>,
}

#[derive(Serialize)]
struct ComplaintAnswer {
    complaint: ComplaintView,
}

impl ComplaintFunction {
    pub(crate) async fn reply(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let id = complaint_id(request)?;
        let content = parse(request::json(request)?)?;
        let act = OperatorAct { at: self.host.now(), by: request::operator(request)? };
        self.fetch_row(&id).await?;
        if !self.has_reply(&id, &content).await? {
            self.send_reply(&id, &content).await?;
        }
        self.fetch_row(&id).await?;
        let replied = self.complaints.store.change(&id, |row| row.replied = Some(act.clone())).await?;
        Ok(answer(replied.ok_or(Code::NotFound)?))
    }

    pub(crate) async fn complete(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let id = complaint_id(request)?;
        let operator = request::operator(request)?;
        let act = OperatorAct { at: self.host.now(), by: operator.clone() };
        let before = self.fetch_row(&id).await?;
        if before.state != ComplaintState::Processed {
            let completed = self.complaints.pay.complete_complaint(&id).await;
            // After a lost answer the repetition is refused, because the complaint is completed.
            if let Err(error) = completed
                && self.fetch_row(&id).await?.state != ComplaintState::Processed
            {
                return Err(for_operator(error));
            }
            self.fetch_row(&id).await?;
        }
        let completed = self.complaints.store.change(&id, |row| {
            row.completed.get_or_insert_with(|| act.clone());
        });
        let row = completed.await?.ok_or(Code::NotFound)?;
        self.complaints.close_case(&row, &operator).await?;
        Ok(answer(row))
    }

    /// The complaint as WeChat Pay has it now.
    pub(crate) async fn fetch_row(&self, id: &ComplaintId) -> Result<ComplaintRow, ApiError> {
        let (_, row) = self.complaints.fetch(id).await?.ok_or(Code::NotFound)?;
        Ok(row)
    }

    /// Sends the reply once.
    async fn send_reply(&self, id: &ComplaintId, content: &str) -> Result<(), ApiError> {
        match self.complaints.pay.reply_to_complaint(id, content).await {
            Err(error) if error.is_transient() => {
                if self.has_reply(id, content).await? {
                    Ok(())
                } else {
                    Err(error.into())
                }
            }
            // The reply has been made, and only the answer to it is not believed.
            Err(error @ PayError::NotVerified { .. }) => {
                if self.has_reply(id, content).await? {
                    Ok(())
                } else {
                    Err(error.into())
                }
            }
            other => other.map_err(for_operator),
        }
    }

    /// Whether the last thing that happened is that the merchant has written exactly this.
    async fn has_reply(&self, id: &ComplaintId, content: &str) -> Result<bool, ApiError> {
        let history = self.complaints.pay.complaint_history(id).await?;
        Ok(history.first().is_some_and(|step| step.is_reply(content)))
    }
}

/// 200 with the complaint.
pub(crate) fn answer(row: ComplaintRow) -> Response<Body> {
    response::success(&ComplaintAnswer { complaint: row.into() })
}

fn parse(body: ReplyBody) -> Result<String, ApiError> {
    let content = request::required("content", body.content)?;
    let content = content.trim();
    if content.is_empty() || content.chars().count() > MAX_CONTENT {
        return Err(ApiError::invalid("content", "须为 1 到 200 个字"));
    }
    Ok(content.to_owned())
}

const MAX_CONTENT: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_has_1_to_200_characters() {
        let content = |text: &str| parse(ReplyBody { content: Some(text.to_owned()) });
        assert_eq!(content(" 马上处理 ").unwrap(), "马上处理");
        assert!(content(&"字".repeat(200)).is_ok());
        for wrong in ["", " \n", &"字".repeat(201)] {
            assert_eq!(content(wrong).unwrap_err().message(), "参数有误：content 须为 1 到 200 个字");
        }
        assert!(parse(ReplyBody { content: None }).is_err());
    }
}
