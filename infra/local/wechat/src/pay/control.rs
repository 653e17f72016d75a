//! The controls of the simulated WeChat Pay: refunds, the bill, WeChat Pay's keys.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{RefundStatus, refunds};
use crate::wechat::WeChat;

/// To be merged into the others.
pub(crate) fn router() -> Router<WeChat> {
    Router::new()
        .route("/refunds", get(list_refunds))
        .route("/refunds/finish", post(finish_refund))
        .route("/refunds/console", post(console_refund))
        .route("/bill", post(change_bill))
        .route("/platform_keys", get(list_keys))
        .route("/platform_keys/rotate", post(rotate))
        .route("/platform_keys/switch_to_public_key", post(switch_to_public_key))
}

async fn list_refunds(State(wechat): State<WeChat>) -> Json<Value> {
    Json(json!({"refunds": wechat.refunds()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FinishBody {
    out_refund_no: String,
    status: RefundStatus,
}

async fn finish_refund(State(wechat): State<WeChat>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(FinishBody { out_refund_no, status }) => {
            answer(refunds::finish(&wechat, &out_refund_no, status).map(|refund| json!(refund)))
        }
        Err(error) => refuse(&error.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsoleBody {
    transaction_id: String,
    refund_fee: u64,
}

async fn console_refund(State(wechat): State<WeChat>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(ConsoleBody { transaction_id, refund_fee }) => {
            answer(wechat.try_console_refund(&transaction_id, refund_fee).map(|refund| json!(refund)))
        }
        Err(error) => refuse(&error.to_string()),
    }
}

async fn change_bill(State(wechat): State<WeChat>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(change) => {
            wechat.change_bill(change);
            Json(json!({})).into_response()
        }
        Err(error) => refuse(&error.to_string()),
    }
}

async fn list_keys(State(wechat): State<WeChat>) -> Json<Value> {
    let mode = wechat.state().platform_keys.mode;
    Json(json!({
        "mode": mode,
        "certificates": wechat.platform_certificates(),
        "public_key": wechat.platform_public_key(),
    }))
}

async fn rotate(State(wechat): State<WeChat>) -> Json<Value> {
    wechat.rotate_platform_certificate();
    list_keys(State(wechat)).await
}

async fn switch_to_public_key(State(wechat): State<WeChat>) -> Json<Value> {
    wechat.switch_to_public_key();
    list_keys(State(wechat)).await
}

fn answer(done: Result<Value, String>) -> Response {
    match done {
        Ok(told) => Json(told).into_response(),
        Err(why) => refuse(&why),
    }
}

fn refuse(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response()
}
