//! `GET /api/admin/rid/{rid}`: a request of the last seven days, as WeChat remembers it, without what is secret or personal in it.

use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::{
    error::{ApiError, Code},
    http::{answer, extract},
    runtime::{Body, Request, Response},
    wechat::{PlatformError, Repeat, loose_json},
};

use crate::{QuotaFunction, redaction};

#[derive(Serialize)]
struct PastRequestAnswer {
    request: PastRequest,
}

/// What WeChat tells of a request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PastRequest {
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    invoke_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_in_ms: Option<u64>,
    /// The URL or its query, with the values hidden that are not known to be harmless.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_url: Option<String>,
    /// The bodies, if they are JSON: of anything else nobody can tell what is secret in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_body: Option<Value>,
}

impl QuotaFunction {
    pub(crate) async fn read_past_request(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let rid = extract::path(request, "rid")?;
        if !is_rid(&rid) {
            return Err(Code::NotFound.into());
        }
        let answer = self.platform.post(PATH, &json!({ "rid": rid }), Repeat::Always).await;
        let answer = answer.map_err(not_told)?;
        let told = answer.get("request").and_then(Value::as_object);
        let told = told.ok_or_else(|| ApiError::new(Code::Internal).because("the answer has no request"))?;
        Ok(answer::success(&PastRequestAnswer { request: PastRequest::read(told) }))
    }
}

impl PastRequest {
    fn read(told: &Map<String, Value>) -> Self {
        let number = |name| told.get(name).and_then(loose_json::whole_number);
        let text = |name| told.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        Self {
            invoke_time: number("invoke_time"),
            cost_in_ms: number("cost_in_ms"),
            request_url: text("request_url").map(redaction::of_url),
            request_body: text("request_body").and_then(redaction::of_body),
            response_body: text("response_body").and_then(redaction::of_body),
        }
    }
}

/// `61725984-6126f6f9-040f19c4`, as the log has it beside WeChat's error numbers.
fn is_rid(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn not_told(error: PlatformError) -> ApiError {
    match error.errcode() {
        // Unknown, malformed, another account's, older than seven days.
        Some(76001..=76004) => ApiError::new(Code::NotFound).because(error),
        _ => error.for_operator(),
    }
}

const PATH: &str = "/cgi-bin/openapi/rid/get";
