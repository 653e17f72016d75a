//! Events as API Gateway sends them: payload format 2.0.

use serde_json::{Map, Value, json};

/// The event of a request to `route`, such as `POST /api/pay/notify`, with the given headers and body and the fields that API
/// Gateway adds.
#[must_use]
pub fn http_event(route: &str, headers: &[(&str, &str)], body: Option<&str>) -> String {
    let (method, path) = route.split_once(' ').unwrap_or(("GET", route));
    let mut all: Map<String, Value> = [
        ("accept", "*/*"),
        ("accept-encoding", "gzip, deflate, br"),
        ("content-length", body.map_or(0, str::len).to_string().as_str()),
        ("host", "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"),
        (
            "user-agent",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) MicroMessenger/8.0.50 NetType/WIFI",
        ),
        ("x-amzn-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
    ]
    .map(|(name, value)| (name.to_owned(), value.into()))
    .into_iter()
    .collect();
    all.extend(headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).into())));
    let mut event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": all,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "a1b2c3d4e5",
            "domainName": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "Mozilla/5.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route,
            "stage": "$default",
            "time": "21/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_262_400_000_u64,
        },
        "isBase64Encoded": false,
    });
    if let (Some(body), Some(event)) = (body, event.as_object_mut()) {
        event.insert("body".to_owned(), body.into());
    }
    event.to_string()
}
