//! The controls of the simulated WeChat Pay: orders, refunds, the bill, WeChat Pay's keys.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::control::bad_request;
use crate::core::refund_status::RefundStatus;
use crate::pay::ledger::platform_keys::{self, PlatformMode, PlatformSigner};
use crate::pay::refunds;
use crate::pay::service::PayService;

pub(super) fn router(pay: Arc<PayService>) -> Router {
    Router::new()
        .route("/orders", get(list_orders))
        .route("/refunds", get(list_refunds))
        .route("/refunds/finish", post(finish_refund))
        .route("/refunds/console", post(console_refund))
        .route("/bill", post(change_bill))
        .route("/platform_keys", get(list_keys))
        .route("/platform_keys/rotate", post(rotate))
        .route("/platform_keys/switch_to_public_key", post(switch_to_public_key))
        .with_state(pay)
}

async fn list_orders(State(pay): State<Arc<PayService>>) -> Json<Value> {
    let now = pay.now();
    Json(json!({"orders": pay.ledger().orders.entries(now)}))
}

async fn list_refunds(State(pay): State<Arc<PayService>>) -> Json<Value> {
    Json(json!({"refunds": pay.ledger().refunds.entries()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FinishBody {
    out_refund_no: String,
    status: RefundStatus,
}

async fn finish_refund(State(pay): State<Arc<PayService>>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(FinishBody { out_refund_no, status }) => {
            json_or_error(refunds::finish_refund(&pay, &out_refund_no, status).map(|refund| json!(refund)))
        }
        Err(error) => bad_request(&error.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsoleBody {
    transaction_id: String,
    refund_fee: u64,
}

async fn console_refund(State(pay): State<Arc<PayService>>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(ConsoleBody { transaction_id, refund_fee }) => json_or_error(
            refunds::request_console_refund(&pay, &transaction_id, refund_fee).map(|refund| json!(refund)),
        ),
        Err(error) => bad_request(&error.to_string()),
    }
}

async fn change_bill(State(pay): State<Arc<PayService>>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(change) => {
            let now = pay.now();
            pay.ledger().bills.add_change(change, now);
            Json(json!({})).into_response()
        }
        Err(error) => bad_request(&error.to_string()),
    }
}

async fn list_keys(State(pay): State<Arc<PayService>>) -> Json<Value> {
    let keys = pay.ledger().platform_keys;
    Json(json!({
        "mode": keys.mode,
        "certificates": keys.certificates().into_iter().map(PlatformSigner::to_platform_key).collect::<Vec<_>>(),
        "public_key": platform_keys::public_key().to_platform_key(),
    }))
}

async fn rotate(State(pay): State<Arc<PayService>>) -> Json<Value> {
    pay.ledger().platform_keys.rotate();
    list_keys(State(pay)).await
}

async fn switch_to_public_key(State(pay): State<Arc<PayService>>) -> Json<Value> {
    pay.ledger().platform_keys.mode = PlatformMode::PublicKey;
    list_keys(State(pay)).await
}

fn json_or_error(result: Result<Value, String>) -> Response {
    match result {
        Ok(body) => Json(body).into_response(),
        Err(why) => bad_request(&why),
    }
}
