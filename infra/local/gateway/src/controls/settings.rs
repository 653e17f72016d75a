//! Says how the functions are deployed.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::Controls;

pub(super) async fn read(State(controls): State<Arc<Controls>>) -> Json<Value> {
    Json(json!({ "payApi": controls.pay_api }))
}
