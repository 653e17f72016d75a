//! The HTTP response made from a function's response.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header::SET_COOKIE};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::limits::MAX_PAYLOAD_BYTES;

/// A function's response in payload format 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
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

/// The HTTP response; `None` when the function's response is malformed or larger than Lambda allows.
pub(super) fn from_function(value: Value) -> Option<Response<Bytes>> {
    if value.to_string().len() > MAX_PAYLOAD_BYTES {
        return None;
    }
    let response: FunctionResponse = serde_json::from_value(value).ok()?;
    let body = response.body.unwrap_or_default();
    let body = if response.is_base64_encoded { STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let mut http_response = Response::new(Bytes::from(body));
    *http_response.status_mut() = StatusCode::from_u16(response.status_code).ok()?;
    let headers = http_response.headers_mut();
    for (name, value) in response.headers.into_iter().chain(response.multi_value_headers) {
        let name = HeaderName::try_from(name).ok()?;
        for value in header_values(&value) {
            headers.append(&name, HeaderValue::from_str(value).ok()?);
        }
    }
    for cookie in response.cookies {
        headers.append(SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(http_response)
}

/// The values of a header, which is a text or a list of texts.
fn header_values(value: &Value) -> Vec<&str> {
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
        let response = from_function(json!({
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

    #[test]
    fn a_binary_body_arrives_as_it_was() {
        let response =
            from_function(json!({"statusCode": 200, "body": "/9j/", "isBase64Encoded": true, "cookies": []}))
                .unwrap();
        assert_eq!(response.body().as_ref(), [0xff, 0xd8, 0xff]);
    }

    #[test]
    fn a_malformed_or_too_large_answer_makes_no_response() {
        assert!(from_function(json!({"statusCode": 99})).is_none());
        assert!(from_function(json!("hello")).is_none());
        assert!(from_function(json!({"statusCode": 200, "body": "x".repeat(7 * 1024 * 1024)})).is_none());
    }
}
