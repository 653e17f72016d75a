//! Lambda's API `Invoke`, by which one function starts another, in its synchronous form
//! (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>).
//!
//! The caller's signature and statements are checked, as AWS does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderValue, StatusCode};
use local_dynamo::{Dynamo, Permission};
use local_phone::Timeline;
use local_template::{PseudoParameters, Stack};
use serde_json::{Value, json};

use crate::{
    error::CallError,
    function::{DeployedFunction, Trigger},
    functions::DeployedFunctions,
};

/// The router with the one route `POST /2015-03-31/functions/{name}/invocations`.
pub(crate) fn router(
    stack: &Stack,
    functions: &DeployedFunctions,
    dynamo: &Dynamo,
    timeline: &Timeline,
) -> Router {
    let by_name = stack.functions.iter().filter_map(|function| {
        Some((function.name.clone(), Arc::clone(functions.by_folder(&function.folder)?)))
    });
    let folders = stack.functions.iter().map(|one| (one.logical_id.clone(), one.folder.clone()));
    let api = InvokeApi {
        functions: by_name.collect(),
        folders: folders.collect(),
        dynamo: dynamo.clone(),
        timeline: timeline.clone(),
        calls: AtomicU64::new(1),
    };
    Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke)).with_state(Arc::new(api))
}

struct InvokeApi {
    /// By name.
    functions: BTreeMap<String, Arc<DeployedFunction>>,
    /// By logical id, which is the access key of a caller.
    folders: BTreeMap<String, String>,
    dynamo: Dynamo,
    timeline: Timeline,
    /// The number of the next call, for request ids.
    calls: AtomicU64,
}

impl InvokeApi {
    /// The request id of the caller's call, if only one of its calls is open.
    fn calling_request(&self, caller: &str) -> Option<String> {
        let folder = self.folders.get(caller)?;
        self.timeline.running_invocation(Some(folder)).map(|(_, request_id)| request_id)
    }
}

async fn invoke(State(api): State<Arc<InvokeApi>>, Path(name): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_PAYLOAD_BYTES).await else {
        return error_response(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", "more than 6 MB");
    };
    let PseudoParameters { region, account, .. } = PseudoParameters::default();
    let permission = Permission {
        action: "lambda:InvokeFunction".to_owned(),
        resource: format!("arn:aws:lambda:{region}:{account}:function:{name}"),
    };
    let wire_request = local_dynamo::sigv4::WireRequest {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.headers,
        body: &body,
    };
    let caller = match api.dynamo.authorize_request(&wire_request, "lambda", permission) {
        Ok(caller) => caller,
        Err(error) => return error_response(StatusCode::FORBIDDEN, error.code, &error.message),
    };
    let Some(function) = api.functions.get(&name) else {
        return error_response(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &format!("Function not found: {name}"),
        );
    };
    let Ok(event) = parse_event(&body) else {
        return error_response(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContentException",
            "the payload is not JSON",
        );
    };
    let request_id = format!("invoke-{name}-{}", api.calls.fetch_add(1, Ordering::Relaxed));
    let trigger = Trigger::Invoke { parent: api.calling_request(&caller) };
    match function.run_task(event, request_id, trigger).await {
        Ok(report) => success_response(&report),
        Err(error) => failure_response(&error),
    }
}

fn parse_event(body: &Bytes) -> serde_json::Result<Value> {
    if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) }
}

fn success_response(report: &Value) -> Response {
    ([(EXECUTED_VERSION, HeaderValue::from_static("$LATEST"))], report.to_string()).into_response()
}

/// The response for a function that failed. Its status is 200; only the header `X-Amz-Function-Error` marks the failure.
fn failure_response(error: &CallError) -> Response {
    let body = failure_payload(error).to_string();
    ([(FUNCTION_ERROR, HeaderValue::from_static("Unhandled"))], body).into_response()
}

/// Lambda's payload for a function that failed.
pub(crate) fn failure_payload(error: &CallError) -> Value {
    json!({ "errorType": "Error", "errorMessage": error.to_string() })
}

fn error_response(status: StatusCode, code: &'static str, message: &str) -> Response {
    let body = json!({ "Type": "User", "message": message });
    (status, [("x-amzn-errortype", HeaderValue::from_static(code))], body.to_string()).into_response()
}

const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
const EXECUTED_VERSION: &str = "x-amz-executed-version";
const FUNCTION_ERROR: &str = "x-amz-function-error";
