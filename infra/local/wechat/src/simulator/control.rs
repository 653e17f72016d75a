//! The controls of the simulator itself: the phone's side, the log and the faults. Those of a service are in its folder.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Simulator;
use crate::core::control::{read_object, refuse};
use crate::core::faults::Fault;
use crate::core::wx_api::{self, WxFailure};

pub(super) fn router(simulator: Simulator) -> Router {
    Router::new()
        .route("/wx/{api}", post(call_wx_api))
        .route("/log", get(list_calls))
        .route("/faults", get(list_faults).post(add_faults).delete(clear_faults))
        .with_state(simulator)
}

async fn call_wx_api(State(simulator): State<Simulator>, Path(api): Path<String>, body: Bytes) -> Response {
    let inner = &simulator.inner;
    let answer = read_object(&body).map_err(|why| WxFailure::parameter(&why)).and_then(|arguments| {
        wx_api::call(&inner.wx_apis, |openid| inner.base.users.get(openid), &api, arguments)
    });
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(WxFailure { status, err_msg, err_code }) => {
            (status, Json(json!({"errMsg": err_msg, "errCode": err_code}))).into_response()
        }
    }
}

async fn list_calls(State(simulator): State<Simulator>) -> Json<Value> {
    Json(json!({"calls": simulator.context().log().calls()}))
}

async fn list_faults(State(simulator): State<Simulator>) -> Json<Value> {
    Json(json!({"faults": simulator.context().faults().active()}))
}

async fn add_faults(State(simulator): State<Simulator>, body: Bytes) -> Response {
    let faults = match serde_json::from_slice(&body) {
        Ok(json) => Fault::read(json),
        Err(error) => return refuse(&error.to_string()),
    };
    if let Err(error) = faults.and_then(|faults| simulator.try_set_faults(faults)) {
        return refuse(&error.to_string());
    }
    list_faults(State(simulator)).await.into_response()
}

async fn clear_faults(State(simulator): State<Simulator>) -> Json<Value> {
    simulator.clear_faults();
    list_faults(State(simulator)).await
}
