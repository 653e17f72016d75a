//! WeRun: the steps of the last 31 days, which only the phone passes on.

mod steps;
mod wx;

pub use steps::StepInfo;

use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use self::steps::Steps;
use crate::base::Base;
use crate::core::control::refuse;
use crate::core::lock::lock;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

/// Knows how many steps users walked.
pub(crate) struct WeRunService {
    base: Arc<Base>,
    steps: Mutex<Steps>,
}

impl WeRunService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), steps: Mutex::default() }
    }

    /// From now on the user has exactly these days; `None` makes the user walk by themselves again.
    pub(crate) fn set(&self, openid: &str, steps: Option<Vec<StepInfo>>) {
        self.steps().set(openid, steps);
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        lock(&self.steps)
    }
}

impl Service for WeRunService {
    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![WxApi::new("getWeRunData", &self, wx::get_werun_data)]
    }

    fn control(self: Arc<Self>) -> Router {
        Router::new().route("/werun", post(set_steps)).with_state(self)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StepsBody {
    openid: String,
    /// Absent: the user walks by themselves again.
    step_info_list: Option<Vec<StepInfo>>,
}

async fn set_steps(State(werun): State<Arc<WeRunService>>, body: Bytes) -> Response {
    let StepsBody { openid, step_info_list } = match serde_json::from_slice(&body) {
        Ok(steps) => steps,
        Err(error) => return refuse(&error.to_string()),
    };
    if !werun.base.users.has(&openid) {
        return refuse("unknown openid: create the user first with POST /_wechat/users");
    }
    let now = werun.base.now();
    let mut steps = werun.steps();
    steps.set(&openid, step_info_list);
    Json(json!({"stepInfoList": steps.of(&openid, now)})).into_response()
}
