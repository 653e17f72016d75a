//! What all controls share: they read JSON whatever the content type says, and bad_request with one sentence.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// A JSON object; no body is an empty object.
///
/// # Errors
///
/// What is wrong with the body, for who sent it.
pub(crate) fn parse_object(body: &[u8]) -> Result<Map<String, Value>, String> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|error| format!("the body must be a JSON object: {error}"))
}

/// Status 400 and the reason.
pub(crate) fn bad_request(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response()
}
