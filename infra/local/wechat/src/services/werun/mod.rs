//! WeRun: the steps of the last 31 days. The server gets them only through the phone.

pub(crate) mod service;
pub(crate) mod steps;
mod wx;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use self::service::WeRunService;
use self::steps::StepInfo;
use crate::core::control::bad_request;
use crate::core::persist::Keep;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

impl Service for WeRunService {
    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![WxApi::new("getWeRunData", &self, wx::get_werun_data)]
    }

    fn control(self: Arc<Self>) -> Router {
        Router::new().route("/werun", post(set_steps)).with_state(self)
    }

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("steps", self.kept_state())]
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StepsBody {
    openid: String,
    /// The user's days; if absent, steps are generated again.
    step_info_list: Option<Vec<StepInfo>>,
}

async fn set_steps(State(werun): State<Arc<WeRunService>>, body: Bytes) -> Response {
    let StepsBody { openid, step_info_list } = match serde_json::from_slice(&body) {
        Ok(steps) => steps,
        Err(error) => return bad_request(&error.to_string()),
    };
    if !werun.base.users.has_openid(&openid) {
        return bad_request("unknown openid: create the user first with POST /_wechat/users");
    }
    let now = werun.base.now();
    let mut steps = werun.steps();
    steps.set_steps(&openid, step_info_list);
    Json(json!({"stepInfoList": steps.recent_steps(&openid, now)})).into_response()
}
