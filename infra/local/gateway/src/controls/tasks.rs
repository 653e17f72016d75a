//! Lists the scheduled functions, and runs one now.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};
use shared::{host::Clock, types::error_chain};

use super::{Controls, refuse};
use crate::function::Trigger;

pub(super) async fn list(State(controls): State<Arc<Controls>>) -> Json<Value> {
    let tasks = controls.schedules.iter();
    let tasks: Vec<Value> =
        tasks.map(|task| json!({ "name": task.folder, "schedule": task.schedule.expression_text })).collect();
    Json(json!({ "tasks": tasks }))
}

pub(super) async fn run(State(controls): State<Arc<Controls>>, Path(name): Path<String>) -> Response {
    let Some(task) = controls.schedules.iter().find(|task| task.folder == name) else {
        return refuse(StatusCode::NOT_FOUND, &format!("no function with a schedule is named {name}"));
    };
    match task.run(controls.clock.now_millis(), Trigger::Page).await {
        Ok(report) => Json(json!({ "report": report })).into_response(),
        Err(failure) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error_chain(&failure)),
    }
}
