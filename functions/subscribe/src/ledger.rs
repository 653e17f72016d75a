//! `POST /api/subscribe`: counts the templates that the user has accepted.
//! `GET /api/subscribe`: lists how many messages the user still takes, by template.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::{ReportOutcome, Subscription},
    types::TemplateId,
};

use crate::SubscribeFunction;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReportBody {
    tmpl_ids: Option<Vec<String>>,
}

#[derive(Serialize)]
struct LedgerAnswer {
    subscriptions: Vec<SubscriptionView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionView {
    template_id: TemplateId,
    remaining: u32,
}

impl From<Vec<Subscription>> for LedgerAnswer {
    fn from(subscriptions: Vec<Subscription>) -> Self {
        let views = subscriptions.into_iter();
        let views =
            views.map(|Subscription { template_id, remaining }| SubscriptionView { template_id, remaining });
        Self { subscriptions: views.collect() }
    }
}

impl SubscribeFunction {
    pub(crate) async fn report_accepted(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let templates = parse(request::json(request)?)?;
        match self.sender.ledger().report(&caller, &templates).await? {
            ReportOutcome::Counted(subscriptions) => {
                Ok(response::success(&LedgerAnswer::from(subscriptions)))
            }
            ReportOutcome::TooOften => Err(Code::RateLimited.into()),
            ReportOutcome::TooMany => Err(ApiError::invalid("tmplIds", "超出模板总数")),
        }
    }

    pub(crate) async fn list_subscriptions(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let subscriptions = self.sender.ledger().list_for_user(&caller.openid).await?;
        if subscriptions.is_empty() {
            // An erased user has none.
            self.session_rows.check(&caller).await?;
        }
        Ok(response::success(&LedgerAnswer::from(subscriptions)))
    }
}

fn parse(body: ReportBody) -> Result<Vec<TemplateId>, ApiError> {
    let ids = request::required("tmplIds", body.tmpl_ids)?;
    if ids.is_empty() || ids.len() > MAX_TEMPLATES {
        return Err(ApiError::invalid("tmplIds", "须为 1 到 5 个模板"));
    }
    let mut templates = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        let template = TemplateId::parse(id).map_err(|error| {
            ApiError::invalid(&format!("tmplIds[{index}]"), "不是模板 ID").with_cause(error)
        })?;
        if templates.contains(&template) {
            return Err(ApiError::invalid("tmplIds", "有重复的模板"));
        }
        templates.push(template);
    }
    Ok(templates)
}

/// The most templates that one call of `wx.requestSubscribeMessage` can ask for.
const MAX_TEMPLATES: usize = 5;
