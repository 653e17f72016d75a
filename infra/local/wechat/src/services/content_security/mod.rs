//! Content security: WeChat judges texts at once, and pictures and sounds by a push.
//!
//! Documentation: "Content security" (内容安全). The verdict depends on markers in the content (`core/verdict.rs`) or on a fault, so that
//! tests and people can choose it.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/security.html>

mod checks;
mod errcodes;
mod file_kind;
mod media;
pub(crate) mod media_check;
pub(crate) mod service;
mod text;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use self::service::ContentSecurityService;
use crate::base::platform::token_route;
use crate::core::control::bad_request;
use crate::core::exchange::Route;
use crate::core::service::Service;

impl Service for ContentSecurityService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            token_route("/wxa/msg_sec_check", &self, text::handle_check),
            token_route("/wxa/media_check_async", &self, media::handle_check),
        ]
    }

    fn control(self: Arc<Self>) -> Router {
        Router::new()
            .route("/media_checks", get(list_checks))
            .route("/media_checks/finish", post(finish_check))
            .with_state(self)
    }
}

async fn list_checks(State(security): State<Arc<ContentSecurityService>>) -> Json<Value> {
    Json(json!({"checks": security.checks.list()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FinishBody {
    trace_id: String,
}

async fn finish_check(State(security): State<Arc<ContentSecurityService>>, body: Bytes) -> Response {
    let FinishBody { trace_id } = match serde_json::from_slice(&body) {
        Ok(finish) => finish,
        Err(error) => return bad_request(&error.to_string()),
    };
    match security.checks.start(&trace_id) {
        Ok(()) => Json(json!({})).into_response(),
        Err(why) => bad_request(&why),
    }
}
