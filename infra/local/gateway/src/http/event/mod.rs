//! The event that API Gateway sends to Lambda: payload format 2.0.

use std::collections::BTreeMap;

use axum::extract::Query;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use local_template::Pseudo;
use serde_json::{Map, Value, json};

use super::{
    iam::Caller,
    incoming::Incoming,
    routes::{self, Matched},
};
use crate::moment;

/// What API Gateway itself adds to a request.
pub(super) struct Stamp {
    pub(super) request_id: String,
    /// Where the gateway listens.
    pub(super) port: u16,
    pub(super) now_millis: u64,
    /// Who signed the request, if the route demands it.
    pub(super) caller: Option<Caller>,
}

/// The event of a request.
pub(super) fn build(incoming: &Incoming, matched: &Matched, stamp: &Stamp) -> Value {
    let mut event = Map::new();
    event.insert("version".to_owned(), "2.0".into());
    event.insert("routeKey".to_owned(), matched.endpoint.route_key.as_str().into());
    event.insert("rawPath".to_owned(), raw_path(incoming).into());
    event.insert("rawQueryString".to_owned(), incoming.query().unwrap_or_default().into());
    let cookies = cookies(&incoming.head.headers);
    if !cookies.is_empty() {
        event.insert("cookies".to_owned(), cookies.into());
    }
    event.insert("headers".to_owned(), headers(incoming, stamp.port).into());
    let query = query(incoming);
    if !query.is_empty() {
        event.insert("queryStringParameters".to_owned(), json!(query));
    }
    if !matched.parameters.is_empty() {
        event.insert("pathParameters".to_owned(), json!(matched.parameters));
    }
    event.insert("requestContext".to_owned(), context(incoming, matched, stamp));
    let (body, is_base64) = body(incoming);
    if let Some(body) = body {
        event.insert("body".to_owned(), body.into());
    }
    event.insert("isBase64Encoded".to_owned(), is_base64.into());
    Value::Object(event)
}

/// The path, percent-decoded, as HTTP APIs give it in payload format 2.0 whatever its name says; a question mark that was encoded
/// ends it there.
fn raw_path(incoming: &Incoming) -> String {
    let path = routes::decode(incoming.path());
    path.split_once('?').map_or(path.as_str(), |(before, _)| before).to_owned()
}

/// Lower-case names, one value each; cookies stand elsewhere.
fn headers(incoming: &Incoming, port: u16) -> Map<String, Value> {
    let all = &incoming.head.headers;
    let mut headers: BTreeMap<&str, String> = all
        .keys()
        .filter(|name| *name != header::COOKIE)
        .map(|name| (name.as_str(), joined(all, name.as_str(), ",")))
        .collect();
    // Like API Gateway, which is a proxy: the caller's own entries stay in front.
    let source_ip = incoming.source_ip.to_string();
    headers
        .entry("x-forwarded-for")
        .and_modify(|others| *others = format!("{others}, {source_ip}"))
        .or_insert(source_ip);
    // These two are the gateway's alone: what a caller wrote there would be believed.
    headers.insert("x-forwarded-port", port.to_string());
    headers.insert("x-forwarded-proto", "http".to_owned());
    headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let all = joined(headers, header::COOKIE.as_str(), "; ");
    all.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()).map(str::to_owned).collect()
}

fn joined(headers: &HeaderMap, name: &str, separator: &str) -> String {
    let values = headers.get_all(name).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(separator)
}

/// Decoded; the values of a repeated name are joined by commas.
fn query(incoming: &Incoming) -> BTreeMap<String, String> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&incoming.head.uri);
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs.map(|Query(pairs)| pairs).unwrap_or_default() {
        parameters
            .entry(name)
            .and_modify(|others| *others = format!("{others},{value}"))
            .or_insert_with(|| value.clone());
    }
    parameters
}

fn context(incoming: &Incoming, matched: &Matched, stamp: &Stamp) -> Value {
    let host = incoming.header("host").unwrap_or("localhost");
    let domain = host.rsplit_once(':').map_or(host, |(domain, _)| domain);
    let Pseudo { account, .. } = Pseudo::default();
    let mut context = json!({
        "accountId": account,
        "apiId": "local",
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "http": {
            "method": incoming.method(),
            "path": raw_path(incoming),
            "protocol": "HTTP/1.1",
            "sourceIp": incoming.source_ip.to_string(),
            "userAgent": incoming.header("user-agent").unwrap_or_default(),
        },
        "requestId": stamp.request_id,
        "routeKey": matched.endpoint.route_key,
        "stage": "$default",
        "time": moment::access_log(stamp.now_millis),
        "timeEpoch": stamp.now_millis,
    });
    if let (Some(caller), Some(context)) = (&stamp.caller, context.as_object_mut()) {
        context.insert("authorizer".to_owned(), json!({"iam": caller.describe(&account)}));
    }
    context
}

/// Text of known types stays text; everything else, forms included, is Base64.
fn body(incoming: &Incoming) -> (Option<String>, bool) {
    if incoming.body.is_empty() {
        return (None, false);
    }
    let text = std::str::from_utf8(&incoming.body).ok().filter(|_| is_text(incoming.header("content-type")));
    match text {
        Some(text) => (Some(text.to_owned()), false),
        None => (Some(STANDARD.encode(&incoming.body)), true),
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
