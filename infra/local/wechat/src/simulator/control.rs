//! The controls of the simulator itself: the `wx` APIs, the log and the faults. A service's own controls are in its folder.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::base::users::UserService;
use crate::core::context::Context;
use crate::core::control::{bad_request, parse_object};
use crate::core::family::RouteTable;
use crate::core::faults::Fault;
use crate::core::wx_api::{self, WxApi, WxFailure};

/// The parts of the simulator that its controls use.
#[derive(Clone)]
pub(super) struct ControlState {
    pub(super) context: Arc<Context>,
    pub(super) users: Arc<UserService>,
    pub(super) routes: RouteTable,
    pub(super) wx_apis: Vec<WxApi>,
}

pub(super) fn router(state: ControlState) -> Router {
    Router::new()
        .route("/wx/{api}", post(call_wx_api))
        .route("/log", get(list_calls))
        .route("/faults", get(list_faults).post(add_faults).delete(clear_faults))
        .with_state(state)
}

async fn call_wx_api(State(state): State<ControlState>, Path(api): Path<String>, body: Bytes) -> Response {
    let answer = match parse_object(&body).map_err(|why| WxFailure::parameter(&why)) {
        Ok(arguments) => {
            wx_api::call_api(&state.wx_apis, |openid| state.users.get(openid), &api, arguments).await
        }
        Err(failure) => Err(failure),
    };
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(WxFailure { status, err_msg, err_code }) => {
            (status, Json(json!({"errMsg": err_msg, "errCode": err_code}))).into_response()
        }
    }
}

async fn list_calls(State(state): State<ControlState>) -> Json<Value> {
    Json(json!({"calls": state.context.log().calls()}))
}

async fn list_faults(State(state): State<ControlState>) -> Json<Value> {
    Json(json!({"faults": state.context.faults().active()}))
}

async fn add_faults(State(state): State<ControlState>, body: Bytes) -> Response {
    let faults = match serde_json::from_slice(&body) {
        Ok(json) => Fault::parse_list(json),
        Err(error) => return bad_request(&error.to_string()),
    };
    if let Err(error) = faults.and_then(|faults| state.context.faults().add_checked(faults, &state.routes)) {
        return bad_request(&error.to_string());
    }
    list_faults(State(state)).await.into_response()
}

async fn clear_faults(State(state): State<ControlState>) -> Json<Value> {
    state.context.faults().clear();
    list_faults(State(state)).await
}
