//! What a developer does to the local world: moves its clock, runs its scheduled functions, calls it as an operator.

mod clock;
mod operator;
mod settings;
mod tasks;

use std::sync::Arc;

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use serde_json::json;

use crate::{clock::MovableClock, http::Gateway, schedule::ScheduledTask};

/// What the controls use.
pub(crate) struct Controls {
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) schedules: Arc<[ScheduledTask]>,
    /// Which of WeChat Pay's interfaces the functions call, `v2` or `v3`. `None` if no function calls any.
    pub(crate) pay_api: Option<String>,
}

/// The routes of the controls, to be mounted at `/_wechat`.
pub(crate) fn router(controls: Controls) -> Router {
    Router::new()
        .route("/clock", get(clock::read).post(clock::advance))
        .route("/settings", get(settings::read))
        .route("/tasks", get(tasks::list))
        .route("/tasks/{name}", post(tasks::run))
        .route("/operator", post(operator::call))
        .with_state(Arc::new(controls))
}

/// The answer to a request that can't be done. It says why.
fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}
