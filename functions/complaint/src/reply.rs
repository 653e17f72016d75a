//! `POST /api/admin/complaints/{complaintId}/reply`: what the merchant writes to the buyer.
//!
//! A reply is never sent twice: it is claimed first, so that two operators with the same text do not both send it, and WeChat Pay is asked
//! for the history before it is sent, and after a lost answer.

use serde::Deserialize;
use shared::{
    api::{ApiError, Code, request},
    pay::PayError,
    runtime::{Body, Request, Response},
    store::OperatorAct,
    types::ComplaintId,
};

use crate::{ComplaintFunction, complaint_id, for_operator, view};

#[derive(Deserialize)]
struct ReplyBody {
    content: Option<String>,
}

impl ComplaintFunction {
    pub(crate) async fn reply(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let id = complaint_id(request)?;
        let ReplyBody { content } = request::json(request)?;
        let content = written("content", content)?;
        let act = OperatorAct { at: self.host.now(), by: request::operator(request)? };
        self.fetch_row(&id).await?;
        let claimed = self.complaints.store.claim_reply(&id, &content).await?;
        if !self.has_reply(&id, &content).await? {
            if !claimed {
                return Err(ApiError::new(Code::Conflict).with_message("同样的回复正在发送，请稍后查看"));
            }
            self.send_reply(&id, &content).await?;
        }
        self.fetch_row(&id).await?;
        let replied = self.complaints.store.change(&id, |row| row.replied = Some(act.clone())).await?;
        Ok(view::answer(replied.ok_or(Code::NotFound)?))
    }

    /// Sends the claimed reply once. The claim ends with a failure, so that the operator can try again.
    async fn send_reply(&self, id: &ComplaintId, content: &str) -> Result<(), ApiError> {
        let Err(error) = self.complaints.pay.reply_to_complaint(id, content).await else { return Ok(()) };
        // The reply may have been made, and only the answer to it be lost or not believed.
        let is_unknown = error.is_transient() || matches!(error, PayError::NotVerified { .. });
        if is_unknown && self.has_reply(id, content).await? {
            return Ok(());
        }
        self.complaints.store.change(id, |row| row.reply_claim = None).await?;
        Err(if is_unknown { error.into() } else { for_operator(error) })
    }

    /// Whether the last thing that happened is that the merchant has written exactly this.
    async fn has_reply(&self, id: &ComplaintId, content: &str) -> Result<bool, ApiError> {
        let history = self.complaints.pay.complaint_history(id).await?;
        Ok(history.first().is_some_and(|step| step.is_reply(content)))
    }
}

/// What an operator writes to the buyer in the field `name`.
pub(crate) fn written(name: &'static str, text: Option<String>) -> Result<String, ApiError> {
    let text = request::required(name, text)?;
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_CHARACTERS {
        return Err(ApiError::invalid(name, "须为 1 到 200 个字"));
    }
    Ok(text.to_owned())
}

const MAX_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_has_1_to_200_characters() {
        let content = |text: &str| written("content", Some(text.to_owned()));
        assert_eq!(content(" 马上处理 ").unwrap(), "马上处理");
        assert!(content(&"字".repeat(200)).is_ok());
        for wrong in ["", " \n", &"字".repeat(201)] {
            assert_eq!(content(wrong).unwrap_err().message(), "参数有误：content 须为 1 到 200 个字");
        }
        assert!(written("content", None).is_err());
    }
}
