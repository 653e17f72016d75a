//! The shapes of an answer: success and failure in JSON, and bytes.

use http::{StatusCode, header};
use lambda_http::{Body, Response};
use serde::Serialize;

use super::ApiError;

/// A function that makes the answer to a failure.
pub type FailureFormat = fn(&ApiError, &FailureContext) -> Response<Body>;

/// What the answer to a failure can depend on.
pub struct FailureContext {
    /// The route, as the template names it.
    pub route: String,
    /// API Gateway's id of the request.
    pub request_id: String,
}

/// 200 and `{"success":true, …}` with the fields of `body`.
#[must_use]
pub fn success(body: &impl Serialize) -> Response<Body> {
    json(StatusCode::OK, &Success { success: true, body })
}

/// The code's status and `{"success":false,"code","message","requestId"}`.
#[must_use]
pub fn failure(error: &ApiError, request_id: &str) -> Response<Body> {
    let body = Failure { success: false, code: error.code().name(), message: error.message(), request_id };
    let mut response = json(error.code().status(), &body);
    if let Some(seconds) = error.retry_after_seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// 200 and bytes that any cache may keep for a day, such as a picture: the same request gets the same bytes, whoever sends it.
#[must_use]
pub fn cacheable(content_type: &'static str, bytes: Vec<u8>) -> Response<Body> {
    let mut response = with_content_type(StatusCode::OK, content_type, bytes);
    let cache_control = header::HeaderValue::from_static("public, max-age=86400, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, cache_control);
    response
}

/// The answer, which a script of a web page at `origin` may read.
#[must_use]
pub fn readable_by(mut response: Response<Body>, origin: &str) -> Response<Body> {
    // What is no header's value is no browser's origin either, and then no page may read the answer.
    if let Ok(origin) = header::HeaderValue::from_str(origin) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

/// Any status, with a body of `content_type` that no cache may keep.
#[must_use]
pub fn with_content_type(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Body>,
) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    // An answer is meant for one user at one time, so no cache on the way to the phone may keep it.
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// A status without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // Our own types serialize; if one ever did not, an empty object is still JSON to the caller.
    let text = serde_json::to_string(body).unwrap_or_else(|_| "{}".to_owned());
    with_content_type(status, "application/json; charset=utf-8", escape_line_ends(text))
}

/// The same JSON with U+2028 and U+2029 as escapes. JSON takes them raw within texts, but they end a line of JavaScript, so a
/// phone that evaluates the answer gets a syntax error, or a text instead of an object.
fn escape_line_ends(json: String) -> String {
    // Outside of texts JSON has neither.
    if json.contains(['\u{2028}', '\u{2029}']) {
        return json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    }
    json
}

#[derive(Serialize)]
struct Success<'a, T> {
    success: bool,
    #[serde(flatten)]
    body: &'a T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    success: bool,
    code: &'static str,
    message: &'a str,
    request_id: &'a str,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::ApiError;

    fn text(response: &Response<Body>) -> &str {
        let Body::Text(text) = response.body() else { panic!("not a text") };
        text
    }

    #[test]
    fn line_separators_of_javascript_are_escaped_in_every_response() {
        let words = "行\u{2028}分\u{2029}隔";
        let told = success(&json!({ "nickName": words, words: [words] }));
        let refused = failure(&ApiError::invalid(words, "不是已知字段"), words);
        for response in [&told, &refused] {
            assert!(!text(response).contains(['\u{2028}', '\u{2029}']), "{}", text(response));
            assert!(text(response).contains("\\u2028") && text(response).contains("\\u2029"));
        }
        let read: Value = serde_json::from_str(text(&told)).unwrap();
        assert_eq!(read, json!({ "success": true, "nickName": words, words: [words] }));
    }
}
