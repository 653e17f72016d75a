//! `GET /api/admin/rid/{rid}`: reads what WeChat has recorded about a request of the last seven days, without secrets and personal data.

use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::{
    api::{ApiError, Code, request, response},
    host::RetryPolicy,
    runtime::{Body, Request, Response},
    service::PlatformError,
    wechat::loose_json,
};

use crate::{QuotaFunction, redaction};

#[derive(Serialize)]
struct PastRequestAnswer {
    request: PastRequest,
}

/// WeChat's record of a request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PastRequest {
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    invoke_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_in_ms: Option<u64>,
    /// The URL or its query. Values of parameters that are not known to be harmless are hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_url: Option<String>,
    /// The request's body, if it is JSON. In another format its secrets could not be found, so it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<Value>,
    /// The response's body, by the same rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_body: Option<Value>,
}

impl QuotaFunction {
    pub(crate) async fn read_past_request(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let rid = request::path(request, "rid")?;
        if !is_rid(&rid) {
            return Err(Code::NotFound.into());
        }
        let answer = self.platform.post(PATH, &json!({ "rid": rid }), RetryPolicy::AnyFailure).await;
        let answer = answer.map_err(map_rid_error)?;
        let record = answer.get("request").and_then(Value::as_object);
        let record =
            record.ok_or_else(|| ApiError::new(Code::Internal).with_cause("the answer has no request"))?;
        Ok(response::success(&PastRequestAnswer { request: PastRequest::read(record) }))
    }
}

impl PastRequest {
    fn read(record: &Map<String, Value>) -> Self {
        let number = |name| record.get(name).and_then(loose_json::whole_number);
        let text = |name| record.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        Self {
            invoke_time: number("invoke_time"),
            cost_in_ms: number("cost_in_ms"),
            request_url: text("request_url").map(redaction::redact_url),
            request_body: text("request_body").and_then(redaction::redact_body),
            response_body: text("response_body").and_then(redaction::redact_body),
        }
    }
}

/// Whether the text can be a rid, such as `61725984-6126f6f9-040f19c4`. The log has it beside WeChat's errcode.
fn is_rid(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn map_rid_error(error: PlatformError) -> ApiError {
    match error.errcode() {
        // The rid is unknown or malformed, or the request is another account's, or older than seven days.
        Some(76001..=76004) => ApiError::new(Code::NotFound).with_cause(error),
        _ => error.for_operator(),
    }
}

const PATH: &str = "/cgi-bin/openapi/rid/get";
