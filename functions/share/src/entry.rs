//! `POST /api/share/entry`: somebody has opened a card. No token is needed.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    service::ShareIdOutcome,
    types::Day,
};

use crate::{ShareFunction, visitor::Visitor};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryBody {
    share_id: Option<String>,
}

#[derive(Serialize)]
struct EntryAnswer {}

impl ShareFunction {
    /// Counts the visitor, unless the visitor was counted today. A visitor who is not counted gets the same answer.
    pub(crate) async fn count_entry(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let body: EntryBody = request::json(request)?;
        let share_id = request::required("shareId", body.share_id)?;
        let kind = match self.share_ids.read(&share_id).await? {
            ShareIdOutcome::Genuine(kind) => kind,
            ShareIdOutcome::Expired => return Ok(response::success(&EntryAnswer {})),
            ShareIdOutcome::Forged => return Err(ApiError::invalid("shareId", "不是本小程序给出的")),
        };
        // A token that is not valid any more must not keep the page from opening.
        let caller = self.sessions.authenticate(request).await.ok();
        let visitor = Visitor::of(request, caller.as_ref());
        let now = self.host.now();
        let today = Day::of(now);
        let mark = self.share_ids.mark_visitor(&share_id, today, &visitor.name).await?;
        if !self.recent_visitors.contain(&mark, today) {
            self.visitors_of_source.count(&visitor.source, now)?;
            self.shares.count_entry(today, &kind, &mark).await?;
            self.recent_visitors.add(mark, today);
        }
        Ok(response::success(&EntryAnswer {}))
    }
}
