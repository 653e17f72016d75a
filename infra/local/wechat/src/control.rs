//! The routes the host mounts under `/_wechat`: users, their steps and phones, the cards, the ledger, the
//! messages, the log and the faults; those of WeChat Pay are in `pay/control.rs`.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::Fault;
use crate::pay;
use crate::phone::{self, Arguments, Failure};
use crate::users::{self, NewUser};
use crate::wechat::WeChat;
use crate::werun::StepInfo;

pub(crate) fn router(wechat: WeChat) -> Router {
    Router::new()
        .route("/users", post(create_user))
        .route("/werun", post(set_steps))
        .route("/wx/{api}", post(call_phone))
        .route("/cards", get(list_cards).post(create_card))
        .route("/orders", get(list_orders))
        .route("/messages", get(list_messages))
        .route("/log", get(list_calls))
        .route("/faults", get(list_faults).post(add_faults).delete(clear_faults))
        .merge(pay::control())
        .with_state(wechat)
}

async fn create_user(State(wechat): State<WeChat>, body: Bytes) -> Response {
    let new: NewUser = match read_object(&body).map(Value::Object).map(serde_json::from_value) {
        Ok(Ok(new)) => new,
        Ok(Err(error)) => return refuse(&error.to_string()),
        Err(why) => return refuse(&why),
    };
    if new.openid.as_deref().is_some_and(|openid| !users::is_openid(openid)) {
        return refuse("an openid has 28 characters, begins with o and consists of A-Z a-z 0-9 - _");
    }
    match wechat.try_create_user(new) {
        Ok(user) => Json(user).into_response(),
        Err(error) => refuse(&error.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StepsBody {
    openid: String,
    /// Absent: the user walks by themselves again.
    step_info_list: Option<Vec<StepInfo>>,
}

async fn set_steps(State(wechat): State<WeChat>, body: Bytes) -> Response {
    let StepsBody { openid, step_info_list } = match serde_json::from_slice(&body) {
        Ok(steps) => steps,
        Err(error) => return refuse(&error.to_string()),
    };
    let now = wechat.now();
    let state = &mut *wechat.state();
    if state.users.get(&openid).is_none() {
        return refuse("unknown openid: create the user first with POST /_wechat/users");
    }
    state.steps.set(&openid, step_info_list);
    Json(json!({"stepInfoList": state.steps.of(&openid, now)})).into_response()
}

async fn call_phone(State(wechat): State<WeChat>, Path(api): Path<String>, body: Bytes) -> Response {
    let answer = read_object(&body)
        .map_err(|why| Failure::parameter(&why))
        .and_then(|arguments| phone::call(&wechat, &api, arguments));
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(Failure { status, err_msg, err_code }) => {
            (status, Json(json!({"errMsg": err_msg, "errCode": err_code}))).into_response()
        }
    }
}

async fn create_card(State(wechat): State<WeChat>, body: Bytes) -> Response {
    match read_object(&body).map(Value::Object).map(serde_json::from_value) {
        Ok(Ok(new)) => Json(json!({"card_id": wechat.create_card(new)})).into_response(),
        Ok(Err(error)) => refuse(&error.to_string()),
        Err(why) => refuse(&why),
    }
}

async fn list_cards(State(wechat): State<WeChat>) -> Json<Value> {
    Json(json!({"cards": wechat.state().cards.list()}))
}

async fn list_orders(State(wechat): State<WeChat>) -> Json<Value> {
    Json(json!({"orders": wechat.ledger()}))
}

async fn list_messages(State(wechat): State<WeChat>) -> Json<Value> {
    Json(json!({"messages": wechat.messages()}))
}

async fn list_calls(State(wechat): State<WeChat>) -> Json<Value> {
    Json(json!({"calls": wechat.state().log.calls()}))
}

async fn list_faults(State(wechat): State<WeChat>) -> Json<Value> {
    Json(json!({"faults": wechat.state().faults.active()}))
}

async fn add_faults(State(wechat): State<WeChat>, body: Bytes) -> Response {
    let faults = match serde_json::from_slice(&body) {
        Ok(json) => Fault::read(json),
        Err(error) => return refuse(&error.to_string()),
    };
    match faults {
        Ok(faults) => faults.into_iter().for_each(|fault| wechat.set_fault(fault)),
        Err(error) => return refuse(&error.to_string()),
    }
    list_faults(State(wechat)).await.into_response()
}

async fn clear_faults(State(wechat): State<WeChat>) -> Json<Value> {
    wechat.clear_faults();
    list_faults(State(wechat)).await
}

/// A JSON object whatever the content type says; no body is an empty object.
fn read_object(body: &[u8]) -> Result<Arguments, String> {
    if body.is_empty() {
        return Ok(Arguments::new());
    }
    serde_json::from_slice(body).map_err(|error| format!("the body must be a JSON object: {error}"))
}

fn refuse(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response()
}
