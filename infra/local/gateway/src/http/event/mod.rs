//! The event that API Gateway sends to Lambda, in payload format 2.0.

use std::collections::BTreeMap;

use axum::extract::Query;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use local_template::PseudoParameters;
use serde_json::{Map, Value, json};

use super::{
    iam::IamCaller,
    request::GatewayRequest,
    routes::{self, RouteMatch},
};
use crate::aws_time;

/// The data that API Gateway adds to a request.
pub(super) struct RequestMetadata {
    pub(super) request_id: String,
    /// The port that the gateway listens on.
    pub(super) port: u16,
    pub(super) now_millis: u64,
    /// The signer of the request, if the route requires one.
    pub(super) caller: Option<IamCaller>,
}

/// Builds the event of a request.
pub(super) fn build(request: &GatewayRequest, route: &RouteMatch, metadata: &RequestMetadata) -> Value {
    let mut event = Map::new();
    event.insert("version".to_owned(), "2.0".into());
    event.insert("routeKey".to_owned(), route.endpoint.route_key.as_str().into());
    event.insert("rawPath".to_owned(), raw_path(request).into());
    event.insert("rawQueryString".to_owned(), request.query().unwrap_or_default().into());
    let cookies = cookies(&request.head.headers);
    if !cookies.is_empty() {
        event.insert("cookies".to_owned(), cookies.into());
    }
    event.insert("headers".to_owned(), headers(request, metadata.port).into());
    let query = query(request);
    if !query.is_empty() {
        event.insert("queryStringParameters".to_owned(), json!(query));
    }
    if !route.parameters.is_empty() {
        event.insert("pathParameters".to_owned(), json!(route.parameters));
    }
    event.insert("requestContext".to_owned(), context(request, route, metadata));
    let (body, is_base64) = body(request);
    if let Some(body) = body {
        event.insert("body".to_owned(), body.into());
    }
    event.insert("isBase64Encoded".to_owned(), is_base64.into());
    Value::Object(event)
}

/// `rawPath`. HTTP APIs percent-decode it in payload format 2.0, in spite of its name, and end it at an encoded question mark.
fn raw_path(request: &GatewayRequest) -> String {
    let path = routes::percent_decode(request.path());
    path.split_once('?').map_or(path.as_str(), |(before, _)| before).to_owned()
}

/// The headers with lower-case names and one value each. Cookies are left out, because the event has them in `cookies`.
fn headers(request: &GatewayRequest, port: u16) -> Map<String, Value> {
    let all = &request.head.headers;
    let mut headers: BTreeMap<&str, String> = all
        .keys()
        .filter(|name| *name != header::COOKIE)
        .map(|name| (name.as_str(), join_values(all, name.as_str(), ",")))
        .collect();
    // API Gateway appends its entry to those of the caller.
    let source_ip = request.source_ip.to_string();
    headers
        .entry("x-forwarded-for")
        .and_modify(|others| *others = format!("{others}, {source_ip}"))
        .or_insert(source_ip);
    // Replaced and not appended, because functions trust these two headers.
    headers.insert("x-forwarded-port", port.to_string());
    headers.insert("x-forwarded-proto", "http".to_owned());
    headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let all = join_values(headers, header::COOKIE.as_str(), "; ");
    all.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()).map(str::to_owned).collect()
}

fn join_values(headers: &HeaderMap, name: &str, separator: &str) -> String {
    let values = headers.get_all(name).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(separator)
}

/// The decoded parameters. The values of a repeated name are joined by commas.
fn query(request: &GatewayRequest) -> BTreeMap<String, String> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&request.head.uri);
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs.map(|Query(pairs)| pairs).unwrap_or_default() {
        parameters
            .entry(name)
            .and_modify(|others| *others = format!("{others},{value}"))
            .or_insert_with(|| value.clone());
    }
    parameters
}

fn context(request: &GatewayRequest, route: &RouteMatch, metadata: &RequestMetadata) -> Value {
    let host = request.header("host").unwrap_or("localhost");
    let domain = host.rsplit_once(':').map_or(host, |(domain, _)| domain);
    let PseudoParameters { account, .. } = PseudoParameters::default();
    let mut context = json!({
        "accountId": account,
        "apiId": "local",
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "http": {
            "method": request.method(),
            "path": raw_path(request),
            "protocol": "HTTP/1.1",
            "sourceIp": request.source_ip.to_string(),
            "userAgent": request.header("user-agent").unwrap_or_default(),
        },
        "requestId": metadata.request_id,
        "routeKey": route.endpoint.route_key,
        "stage": "$default",
        "time": aws_time::format_access_log(metadata.now_millis),
        "timeEpoch": metadata.now_millis,
    });
    if let (Some(caller), Some(context)) = (&metadata.caller, context.as_object_mut()) {
        context.insert("authorizer".to_owned(), json!({"iam": caller.to_event_value(&account)}));
    }
    context
}

/// The body and whether it is Base64. Text of a known content type stays text; all other content, also of forms, is Base64.
fn body(request: &GatewayRequest) -> (Option<String>, bool) {
    if request.body.is_empty() {
        return (None, false);
    }
    let text = std::str::from_utf8(&request.body).ok().filter(|_| is_text(request.header("content-type")));
    match text {
        Some(text) => (Some(text.to_owned()), false),
        None => (Some(STANDARD.encode(&request.body)), true),
    }
}

fn is_text(content_type: Option<&str>) -> bool {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || ["application/javascript", "application/json", "application/xml"].contains(&essence.as_str())
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
}

#[cfg(test)]
mod tests;
