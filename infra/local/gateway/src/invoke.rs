//! The part of Lambda's own API by which one function starts another: `Invoke`
//! (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>), synchronously.
//!
//! The caller's signature and statements are checked, so that the deployed path is the tested one.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderValue, StatusCode};
use local_dynamo::{Dynamo, Permission};
use local_template::{Pseudo, Stack};
use serde_json::{Value, json};

use crate::{error::CallError, function::Deployed, functions::Functions};

/// `POST /2015-03-31/functions/{name}/invocations`
pub(crate) fn router(stack: &Stack, functions: &Functions, dynamo: &Dynamo) -> Router {
    let by_name = stack
        .functions
        .iter()
        .filter_map(|function| Some((function.name.clone(), Arc::clone(functions.of(&function.folder)?))));
    let lambda = Lambda { functions: by_name.collect(), dynamo: dynamo.clone() };
    Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke)).with_state(Arc::new(lambda))
}

struct Lambda {
    functions: BTreeMap<String, Arc<Deployed>>,
    dynamo: Dynamo,
}

async fn invoke(State(lambda): State<Arc<Lambda>>, Path(name): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_PAYLOAD).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", "more than 6 MB");
    };
    let Pseudo { region, account, .. } = Pseudo::default();
    let permission = Permission {
        action: "lambda:InvokeFunction".to_owned(),
        resource: format!("arn:aws:lambda:{region}:{account}:function:{name}"),
    };
    let received = local_dynamo::sigv4::WireRequest {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.headers,
        body: &body,
    };
    if let Err(refused) = lambda.dynamo.authorize_request(&received, "lambda", permission) {
        return refusal(StatusCode::FORBIDDEN, refused.code, &refused.message);
    }
    let Some(function) = lambda.functions.get(&name) else {
        return refusal(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &format!("Function not found: {name}"),
        );
    };
    let Ok(event) = payload(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "InvalidRequestContentException", "the payload is not JSON");
    };
    let request_id = format!("invoke-{name}");
    match function.run(event, request_id).await {
        Ok(answer) => answered(&answer),
        Err(failure) => failed(&failure),
    }
}

fn payload(body: &Bytes) -> serde_json::Result<Value> {
    if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) }
}

fn answered(answer: &Value) -> Response {
    ([(EXECUTED_VERSION, HeaderValue::from_static("$LATEST"))], answer.to_string()).into_response()
}

/// A function's failure is a success of `Invoke`, with a header that says so.
fn failed(failure: &CallError) -> Response {
    let body = function_error(failure).to_string();
    ([(FUNCTION_ERROR, HeaderValue::from_static("Unhandled"))], body).into_response()
}

/// What Lambda answers for a function that failed.
pub(crate) fn function_error(failure: &CallError) -> Value {
    json!({ "errorType": "Error", "errorMessage": failure.to_string() })
}

fn refusal(status: StatusCode, code: &'static str, message: &str) -> Response {
    let body = json!({ "Type": "User", "message": message });
    (status, [("x-amzn-errortype", HeaderValue::from_static(code))], body.to_string()).into_response()
}

const LARGEST_PAYLOAD: usize = 6 * 1024 * 1024;
const EXECUTED_VERSION: &str = "x-amz-executed-version";
const FUNCTION_ERROR: &str = "x-amz-function-error";
