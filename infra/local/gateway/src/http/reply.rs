//! A function's answer becomes an HTTP response.

use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Response, StatusCode, header::SET_COOKIE};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Payload format 2.0 of an answer, as Lambda gives it to API Gateway.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    multi_value_headers: Map<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The response; `None` when the answer is none, or larger than Lambda lets through.
pub(super) fn response(answer: Value) -> Option<Response<Body>> {
    if answer.to_string().len() > super::gateway::LARGEST_PAYLOAD {
        return None;
    }
    let answer: Answer = serde_json::from_value(answer).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded { STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code).ok()?;
    let headers = response.headers_mut();
    for (name, value) in answer.headers.into_iter().chain(answer.multi_value_headers) {
        let name = HeaderName::try_from(name).ok()?;
        for value in texts(&value) {
            headers.append(&name, HeaderValue::from_str(value).ok()?);
        }
    }
    for cookie in answer.cookies {
        headers.append(SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(response)
}

/// A header's one value, or its several.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn headers_and_cookies_become_header_lines() {
        let response = response(json!({
            "statusCode": 201,
            "headers": {"content-type": "text/plain"},
            "multiValueHeaders": {"x-many": ["a", "b"]},
            "cookies": ["c=1", "d=2"],
            "body": "hello",
            "isBase64Encoded": false,
        }))
        .unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["content-type"], "text/plain");
        assert_eq!(response.headers().get_all("x-many").iter().count(), 2);
        assert_eq!(response.headers().get_all(SET_COOKIE).iter().count(), 2);
    }

    #[tokio::test]
    async fn a_binary_body_arrives_as_it_was() {
        let response =
            response(json!({"statusCode": 200, "body": "/9j/", "isBase64Encoded": true, "cookies": []}))
                .unwrap();
        let body = axum::body::to_bytes(response.into_body(), 10).await.unwrap();
        assert_eq!(body.as_ref(), [0xff, 0xd8, 0xff]);
    }

    #[test]
    fn what_is_no_answer_makes_no_response() {
        assert!(response(json!({"statusCode": 99})).is_none());
        assert!(response(json!("hello")).is_none());
        assert!(response(json!({"statusCode": 200, "body": "x".repeat(7 * 1024 * 1024)})).is_none());
    }
}
