//! Reads the parts of a request that handlers need.

use lambda_http::{Body, Request, RequestExt, request::RequestContext};
use serde::de::DeserializeOwned;

use crate::{
    api::{ApiError, Code},
    host::Host,
    types::OperatorArn,
};

/// The size in bytes of the largest JSON body that a route accepts.
pub const MAX_JSON: usize = 64 * 1024;

/// The route that API Gateway matched, by its name in the template: `POST /api/orders/{orderId}/cancel`.
#[must_use]
pub fn route(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref().unwrap_or_default(),
        _ => "",
    }
}

/// API Gateway's id of the request.
#[must_use]
pub fn request_id(request: &Request) -> String {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

/// The address from which API Gateway received the request. `X-Forwarded-For` is not read, because a caller can write any text there.
#[must_use]
pub fn source_ip(request: &Request) -> Option<&str> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    }
}

/// The host name by which the API was called. API Gateway has verified it.
#[must_use]
pub fn domain_name(request: &Request) -> Option<&str> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.as_deref(),
        _ => None,
    }
}

/// The address by which WeChat reaches this stack: `PUBLIC_BASE_URL`, or the host name by which the API was called.
#[must_use]
pub fn base_url(host: &Host, request: &Request) -> Option<String> {
    match (host.optional_var("PUBLIC_BASE_URL"), domain_name(request)) {
        (Some(base_url), _) => Some(base_url.to_owned()),
        (None, domain) => Some(format!("https://{}", domain?)),
    }
}

/// The operator who signed the request. API Gateway verifies the signature and names the operator on every operators' route.
///
/// # Errors
/// `FORBIDDEN`: no operator is named, so the route is no operators' route, or the request did not come through API Gateway.
pub fn operator(request: &Request) -> Result<OperatorArn, ApiError> {
    let arn = operator_arn(request).ok_or(Code::Forbidden)?;
    OperatorArn::parse(arn).map_err(|error| ApiError::new(Code::Forbidden).with_cause(error))
}

/// The ARN of the operator who signed the request, as a text for the log; `None` on routes of users.
#[must_use]
pub fn operator_arn(request: &Request) -> Option<&str> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.authorizer.as_ref()?.iam.as_ref()?.user_arn.as_deref()
        }
        _ => None,
    }
}

/// The variable `name` of the route's path.
///
/// # Errors
/// `NOT_FOUND`: the route's path has no such variable.
pub fn path(request: &Request, name: &str) -> Result<String, ApiError> {
    let parameters = request.path_parameters_ref().ok_or(Code::NotFound)?;
    Ok(parameters.first(name).ok_or(Code::NotFound)?.to_owned())
}

/// The query parameter `name`; the first one if it is repeated.
#[must_use]
pub fn query(request: &Request, name: &str) -> Option<String> {
    request.query_string_parameters_ref().and_then(|parameters| parameters.first(name)).map(str::to_owned)
}

/// The header `name`.
///
/// # Errors
/// `INVALID_INPUT`: the value is not visible ASCII.
pub fn header<'a>(request: &'a Request, name: &str) -> Result<Option<&'a str>, ApiError> {
    let value = request.headers().get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| ApiError::invalid(name, "含有非法字符"))
}

/// The `Idempotency-Key`, which names the request, so that it has no second effect when it is sent again.
///
/// # Errors
/// `INVALID_INPUT`: it is missing, or does not have 1 to 128 characters of visible ASCII.
pub fn idempotency_key(request: &Request) -> Result<&str, ApiError> {
    optional_idempotency_key(request)?.ok_or_else(wrong_key)
}

/// As [`idempotency_key`], of a request that may come without one.
///
/// # Errors
/// `INVALID_INPUT`: it does not have 1 to 128 characters of visible ASCII.
pub fn optional_idempotency_key(request: &Request) -> Result<Option<&str>, ApiError> {
    let key = header(request, IDEMPOTENCY_KEY)?;
    match key {
        Some(key) if !(1..=128).contains(&key.len()) => Err(wrong_key()),
        key => Ok(key),
    }
}

fn wrong_key() -> ApiError {
    ApiError::invalid(IDEMPOTENCY_KEY, "须为 1 到 128 个字符")
}

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The exact bytes of the body, over which WeChat's signatures are made.
#[must_use]
pub fn bytes(request: &Request) -> &[u8] {
    match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    }
}

/// Reads the JSON body as a `T`. An unknown field is an error.
///
/// # Errors
/// `PAYLOAD_TOO_LARGE`, or `INVALID_INPUT` with the name of the wrong field.
pub fn json<T: DeserializeOwned>(request: &Request) -> Result<T, ApiError> {
    let bytes = bytes(request);
    if bytes.len() > MAX_JSON {
        return Err(Code::PayloadTooLarge.into());
    }
    if bytes.is_empty() {
        return Err(ApiError::invalid("body", "不能为空"));
    }
    // serde would read an array as the fields in their order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::invalid("body", "不是 JSON 对象"));
    }
    let mut unknown = None;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    let body = serde_ignored::deserialize(tracked, |path| {
        unknown.get_or_insert_with(|| path.to_string());
    });
    let body: T = body.map_err(|error| not_as_expected(&track.path().to_string(), error))?;
    reader.end().map_err(|error| not_as_expected(".", error))?;
    match unknown {
        Some(field) => {
            // The caller chose the name, so its length is limited. `?` marks an optional value and says nothing to the caller.
            let field: String = field.replace(".?", "").trim_start_matches("?.").chars().take(64).collect();
            Err(ApiError::invalid(&field, "不是已知字段"))
        }
        None => Ok(body),
    }
}

/// The value of the required field `name` of a body.
///
/// # Errors
/// `INVALID_INPUT`: the field is missing.
pub fn required<T>(name: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::invalid(name, "不能为空"))
}

fn not_as_expected(path: &str, error: serde_json::Error) -> ApiError {
    let (field, problem) = match path {
        _ if !error.is_data() => ("body", "不是有效的 JSON"),
        // For a field that occurs twice serde names no path.
        "." | "?" => ("body", "格式不正确"),
        path => (path, "格式不正确"),
    };
    // serde's message can quote the value, so the log gets the position only.
    ApiError::invalid(field, problem).with_cause(format!("line {} column {}", error.line(), error.column()))
}
