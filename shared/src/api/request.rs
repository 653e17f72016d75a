//! What a handler takes out of a request.

use lambda_http::{Body, Request, RequestExt, request::RequestContext};
use serde::de::DeserializeOwned;

use crate::{
    api::{ApiError, Code},
    types::OperatorArn,
};

/// The largest JSON body a route takes, in bytes.
pub const MAX_JSON: usize = 64 * 1024;

/// The route that API Gateway matched, as the template names it: `POST /api/orders/{orderId}/cancel`.
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

/// The caller's address as the gateway saw it. `X-Forwarded-For` is not looked at: a caller can write what it likes there.
#[must_use]
pub fn source_ip(request: &Request) -> Option<&str> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    }
}

/// The host name the API was called by, verified by API Gateway.
#[must_use]
pub fn domain_name(request: &Request) -> Option<&str> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.as_deref(),
        _ => None,
    }
}

/// Who signed the request, as API Gateway has found out. On routes of operators it always says so.
///
/// # Errors
/// It does not: `FORBIDDEN`. Then the route is no operators' route, or something else than API Gateway has sent the request.
pub fn operator(request: &Request) -> Result<OperatorArn, ApiError> {
    let arn = operator_arn(request).ok_or(Code::Forbidden)?;
    OperatorArn::parse(arn).map_err(|error| ApiError::new(Code::Forbidden).with_cause(error))
}

/// The same as text, for the log; `None` on routes of users.
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
/// The route has none: `NOT_FOUND`.
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
/// It is not visible ASCII: `INVALID_INPUT`.
pub fn header<'a>(request: &'a Request, name: &str) -> Result<Option<&'a str>, ApiError> {
    let value = request.headers().get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| ApiError::invalid(name, "含有非法字符"))
}

/// The exact bytes of the body: WeChat's signatures are over them.
#[must_use]
pub fn bytes(request: &Request) -> &[u8] {
    match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    }
}

/// The JSON body as a `T`, in which every field is known.
///
/// # Errors
/// `PAYLOAD_TOO_LARGE`, or `INVALID_INPUT` that names the field.
pub fn json<T: DeserializeOwned>(request: &Request) -> Result<T, ApiError> {
    let bytes = bytes(request);
    if bytes.len() > MAX_JSON {
        return Err(Code::PayloadTooLarge.into());
    }
    if bytes.is_empty() {
        return Err(ApiError::invalid("body", "不能为空"));
    }
    // serde would take an array as the fields in their order.
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
            // The caller's own words, so they are cut; and without the marks of optional values.
            let field: String = field.replace(".?", "").trim_start_matches("?.").chars().take(64).collect();
            Err(ApiError::invalid(&field, "不是已知字段"))
        }
        None => Ok(body),
    }
}

/// The field `name` of a body, which must be there.
///
/// # Errors
/// It is not: `INVALID_INPUT`.
pub fn required<T>(name: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::invalid(name, "不能为空"))
}

fn not_as_expected(path: &str, error: serde_json::Error) -> ApiError {
    let (field, problem) = match path {
        _ if !error.is_data() => ("body", "不是有效的 JSON"),
        // A field that stands twice has no place of its own.
        "." | "?" => ("body", "格式不正确"),
        path => (path, "格式不正确"),
    };
    // serde's own text can quote the value, so it stays out of the log: the place is enough.
    ApiError::invalid(field, problem).with_cause(format!("line {} column {}", error.line(), error.column()))
}
