//! Lambda's API `Invoke`, by which one function starts another or itself
//! (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>).
//!
//! The caller's signature and statements are checked, as AWS does. A failed asynchronous invocation is not repeated, because the one
//! function that is started so has `MaximumRetryAttempts: 0` in the template.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
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
use tokio::task::JoinHandle;

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
    background: &Arc<AsyncInvocations>,
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
        background: Arc::clone(background),
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
    background: Arc<AsyncInvocations>,
}

/// The asynchronous invocations that nobody has waited for yet.
#[derive(Default)]
pub(crate) struct AsyncInvocations(Mutex<Vec<AsyncInvocation>>);

struct AsyncInvocation {
    folder: &'static str,
    run: JoinHandle<Result<Value, CallError>>,
}

impl AsyncInvocations {
    fn spawn(&self, function: Arc<DeployedFunction>, event: Value, request_id: String, trigger: Trigger) {
        let folder = function.folder();
        let run = async move { function.run_task(event, request_id, trigger).await };
        let mut running = self.lock();
        // Nobody waits in `cargo run`.
        if running.len() >= MAX_KEPT {
            running.retain(|invocation| !invocation.run.is_finished());
        }
        running.push(AsyncInvocation { folder, run: tokio::spawn(run) });
    }

    /// Waits until the invocations of the function in this folder have ended, also those that are added meanwhile. Returns their
    /// results.
    pub(crate) async fn wait_for(&self, folder: &str) -> Vec<Result<Value, CallError>> {
        let mut results = Vec::new();
        loop {
            let (waited_for, others): (Vec<_>, Vec<_>) = std::mem::take(&mut *self.lock())
                .into_iter()
                .partition(|invocation| invocation.folder == folder);
            self.lock().extend(others);
            if waited_for.is_empty() {
                return results;
            }
            for AsyncInvocation { run, .. } in waited_for {
                results.push(run.await.unwrap_or(Err(CallError::Panicked)));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<AsyncInvocation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    match parts.headers.get(INVOCATION_TYPE).map(HeaderValue::as_bytes) {
        None | Some(b"RequestResponse") => {}
        Some(b"Event") => {
            api.background.spawn(Arc::clone(function), event, request_id, trigger);
            return StatusCode::ACCEPTED.into_response();
        }
        Some(_) => {
            let message = "InvocationType is RequestResponse or Event here";
            return error_response(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message);
        }
    }
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
/// Finished invocations that are kept for whoever waits for their results, before they are forgotten.
const MAX_KEPT: usize = 1000;
const INVOCATION_TYPE: &str = "x-amz-invocation-type";
const EXECUTED_VERSION: &str = "x-amz-executed-version";
const FUNCTION_ERROR: &str = "x-amz-function-error";
