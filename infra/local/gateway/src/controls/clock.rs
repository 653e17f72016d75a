//! Moves the clock forward, and runs what is due by then.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{host::Clock, types::error_chain};

use super::{Controls, refuse};
use crate::{function::Trigger, schedule};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockBody {
    advance_seconds: u64,
}

pub(super) async fn read(State(controls): State<Arc<Controls>>) -> Json<Value> {
    Json(json!({ "now": controls.clock.now_millis() }))
}

/// Answers when everything that was due has run.
pub(super) async fn advance(State(controls): State<Arc<Controls>>, body: Bytes) -> Response {
    let body: ClockBody = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if !(1..=MAX_ADVANCE_SECONDS).contains(&body.advance_seconds) {
        let why = format!("advanceSeconds is from 1 to {MAX_ADVANCE_SECONDS}, which are 40 days");
        return refuse(StatusCode::BAD_REQUEST, &why);
    }
    let before = controls.clock.now_millis();
    controls.clock.advance(Duration::from_secs(body.advance_seconds));
    let now = controls.clock.now_millis();
    // In a task of its own, so that all of it runs even if the client goes away.
    let ran = tokio::spawn(async move { run_due(&controls, before, now).await }).await.unwrap_or_default();
    Json(json!({ "now": now, "ran": ran })).into_response()
}

/// Runs once each scheduled function whose time passed, in the order of these times. Returns their names.
async fn run_due(controls: &Controls, before: u64, now: u64) -> Vec<String> {
    let mut ran = Vec::new();
    for due in schedule::due_between(&controls.schedules, before, now) {
        if let Err(failure) = due.run(now, Trigger::Schedule).await {
            let chain = error_chain(&failure);
            tracing::error!(schedule = due.schedule.name, error.chain = chain, "scheduled run failed");
        }
        ran.push(due.folder.clone());
    }
    ran
}

const MAX_ADVANCE_SECONDS: u64 = 40 * 24 * 60 * 60;
