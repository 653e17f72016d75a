//! Helpers of the controls below `/_wechat`: JSON bodies are parsed whatever the content type says, and an error is one sentence.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// Parses a JSON object. No body counts as an empty object.
///
/// # Errors
///
/// A sentence for the caller that says what is wrong with the body.
pub(crate) fn parse_object(body: &[u8]) -> Result<Map<String, Value>, String> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|error| format!("the body must be a JSON object: {error}"))
}

/// An answer with status 400 and the reason.
pub(crate) fn bad_request(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response()
}
