//! `POST /api/record-share`: the user is about to share a page, and gets a share id for its address.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    service::ShareIdOutcome,
    types::{Day, PagePath, ShareKind, ShareType},
};

use crate::ShareFunction;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntentBody {
    #[serde(rename = "type")]
    share_type: Option<String>,
    page: Option<String>,
    share_id: Option<String>,
    #[expect(dead_code, reason = "a phone's clock says nothing; mini programs send it")]
    timestamp: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IntentAnswer<'a> {
    share_id: &'a str,
}

impl ShareFunction {
    pub(crate) async fn record_intent(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let body: IntentBody = request::json(request)?;
        let given = body.share_id.clone();
        let mut kind = parse(body)?;
        let now = self.host.now();
        self.intents_of_user.count(&caller.user_id, now)?;
        let today = Day::of(now);
        kind.page = self.known_pages.known_or_other(kind.page, today);
        let share_id = self.share_id(given, &kind).await?;
        self.shares.count_intent(today, &kind).await?;
        Ok(response::success(&IntentAnswer { share_id: &share_id }))
    }

    /// The given id, if it is for this page and way, because then it may stand in the card's address already; otherwise a new one.
    async fn share_id(&self, given: Option<String>, kind: &ShareKind) -> Result<String, ApiError> {
        if let Some(given) = given {
            match self.share_ids.read(&given).await? {
                ShareIdOutcome::Genuine(known) if known == *kind => return Ok(given),
                ShareIdOutcome::Genuine(_) | ShareIdOutcome::Expired => {}
                ShareIdOutcome::Forged => return Err(ApiError::invalid("shareId", "不是本小程序给出的")),
            }
        }
        Ok(self.share_ids.issue(kind, self.host.random()?).await?)
    }
}

fn parse(body: IntentBody) -> Result<ShareKind, ApiError> {
    let share_type = request::required("type", body.share_type)?;
    let share_type = ShareType::parse(&share_type)
        .ok_or_else(|| ApiError::invalid("type", "须为 appMessage 或 timeline"))?;
    let page = request::required("page", body.page)?;
    let page = PagePath::parse(&page)
        .map_err(|error| ApiError::invalid("page", "不是页面路径").with_cause(error))?;
    Ok(ShareKind { share_type, page })
}
