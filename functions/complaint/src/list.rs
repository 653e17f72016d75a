//! `GET /api/admin/complaints?state=&cursor=`: the complaints of a state, the oldest first.

use serde::Serialize;
use shared::{
    api::{ApiError, request, response},
    pay::ComplaintState,
    runtime::{Body, Request, Response},
};

use crate::{ComplaintFunction, cursor, view::ComplaintView};

#[derive(Serialize)]
struct ListAnswer {
    complaints: Vec<ComplaintView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

impl ComplaintFunction {
    pub(crate) async fn list_complaints(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let state = parse(request::query(request, "state"))?;
        let cursor = request::query(request, "cursor").map(|text| cursor::parse(&text));
        let cursor =
            cursor.map(|parsed| parsed.ok_or_else(|| ApiError::invalid("cursor", "不是上一页给出的值")));
        let page = self.complaints.store.list(state, cursor.transpose()?.as_ref()).await?;
        let complaints = page.complaints.into_iter().map(ComplaintView::from).collect();
        Ok(response::success(&ListAnswer { complaints, cursor: page.cursor.as_ref().map(cursor::encode) }))
    }
}

/// The state of this name; those that wait for the first reply without one.
fn parse(state: Option<String>) -> Result<ComplaintState, ApiError> {
    let Some(state) = state else { return Ok(ComplaintState::Pending) };
    let known = ComplaintState::ALL.into_iter().find(|known| known.as_str() == state);
    known.ok_or_else(|| ApiError::invalid("state", "须为 PENDING、PROCESSING 或 PROCESSED"))
}
