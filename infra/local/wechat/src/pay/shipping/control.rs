//! The controls of the order-shipping management.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::query::PaymentName;
use super::{business_view, run_due};
use crate::core::control::bad_request;
use crate::pay::service::PayService;

pub(super) fn router(pay: Arc<PayService>) -> Router {
    Router::new()
        .route("/shipping", get(list))
        .route("/shipping/settings", put(change_settings))
        .route("/shipping/confirm", post(confirm_receipt))
        .route("/shipping/run", post(run))
        .with_state(pay)
}

async fn list(State(pay): State<Arc<PayService>>) -> Json<Value> {
    run_due(&pay);
    let now = pay.now();
    let ledger = pay.ledger();
    Json(json!({
        "settings": ledger.shipping.settings,
        "messagePath": ledger.shipping.message_path,
        "orderDetailPath": ledger.shipping.order_detail_path,
        "orders": ledger.shipping_entries(now),
    }))
}

/// Changes the settings; absent ones stay as they are.
async fn change_settings(State(pay): State<Arc<PayService>>, body: Bytes) -> Response {
    let changes: serde_json::Map<String, Value> = match serde_json::from_slice(&body) {
        Ok(changes) => changes,
        Err(error) => return bad_request(&error.to_string()),
    };
    let mut settings = json!(pay.ledger().shipping.settings);
    if let Some(settings) = settings.as_object_mut() {
        settings.extend(changes);
    }
    match serde_json::from_value(settings) {
        Ok(settings) => pay.ledger().shipping.change_settings(settings),
        Err(error) => return bad_request(&error.to_string()),
    }
    list(State(pay)).await.into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
    transaction_id: String,
}

/// The buyer confirms the receipt in WeChat's own message.
async fn confirm_receipt(State(pay): State<Arc<PayService>>, body: Bytes) -> Response {
    let ConfirmBody { transaction_id } = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return bad_request(&error.to_string()),
    };
    match business_view::confirm(&pay, &PaymentName::of_transaction(transaction_id), None) {
        Ok(()) => list(State(pay)).await.into_response(),
        Err(why) => bad_request(&why),
    }
}

async fn run(State(pay): State<Arc<PayService>>) -> Json<Value> {
    list(State(pay)).await
}
