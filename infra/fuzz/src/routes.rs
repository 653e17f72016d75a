//! Whole functions: any request to any route, from the event of API Gateway to the answer.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
use local_gateway::StartedFunction;
use serde_json::{Map, Value, json};
use shared::types::OrderId;

use crate::{
    exchange::{FuzzedRequest, FuzzedRoute, Names},
    notices::{self, V3Signer},
    pushes,
    reader::Reader,
    services::Services,
    tokens,
};

/// Any request, of a user or of an operator, as the route is for. Notices and pushes are signed.
pub(crate) fn answer() -> Reader {
    let services = Services::shared();
    let routes = FuzzedRoute::all(&services.stack);
    let functions = routes.iter().map(|route| {
        let folder = route.folder.clone();
        let function = services.run(StartedFunction::start(&folder, services.host(&folder, &[])));
        (folder, function.expect("its settings"))
    });
    let functions: BTreeMap<_, _> = functions.collect();
    let token = tokens::issue(&services);
    let (names, signer) = (names(), V3Signer::new());
    Box::new(move |input| {
        let request = FuzzedRequest::read(&routes, &names, input);
        let function = functions.get(&request.route.folder).expect("a function");
        let calls = services.upstream.calls();
        let (event, is_genuine) = event(request, &token, &signer);
        let answer = services.run(function.answer(event));
        let answer = answer.expect("an event that is one");
        let status = answer.get("statusCode").and_then(Value::as_u64).expect("a status");
        let has_called = services.upstream.calls() > calls;
        // 501 says that the stack has switched the feature off, and 500 that an operator must look at what WeChat Pay has signed and nobody
        // can read.
        let may_fail = status == 501 || (status == 500 && is_genuine) || has_called;
        assert!(status < 500 || may_fail, "{status} without a call: {answer}");
    })
}

/// The user's things, as no table knows them.
fn names() -> Names {
    let caller = tokens::caller();
    let order_id = "01K9ZZZZZZZZZZZZZZZZZZZZZZ";
    assert!(OrderId::parse(order_id).is_ok());
    Names {
        order_id: order_id.to_owned(),
        out_trade_no: format!("{order_id}01"),
        user_id: caller.user_id.as_str().to_owned(),
        openid: caller.openid.as_str().to_owned(),
    }
}

/// The event of API Gateway, payload format 2.0, and whether it is a genuine notice of WeChat Pay.
fn event(mut request: FuzzedRequest<'_>, token: &str, signer: &V3Signer) -> (String, bool) {
    let is_genuine = sign(&mut request, signer);
    let (route, path) = (request.route.key(), request.path());
    let mut headers: Map<String, Value> = [
        ("content-type", "application/json".to_owned()),
        ("host", "api.example.com".to_owned()),
        ("authorization", format!("Bearer {token}")),
    ]
    .map(|(name, value)| (name.to_owned(), value.into()))
    .into_iter()
    .collect();
    headers.extend(request.headers.into_iter().map(|(name, value)| (name, value.into())));
    let mut event = json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": request.query, "headers": headers,
        "requestContext": {
            "accountId": "000000000000", "apiId": "a1b2c3d4e5", "domainName": "api.example.com", "domainPrefix": "api",
            "http": {
                "method": request.route.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7",
                "userAgent": "-",
            },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": route, "stage": "$default",
            "time": "21/Nov/2026:12:00:00 +0000", "timeEpoch": 1_795_262_400_000_u64,
        },
        "isBase64Encoded": false,
    });
    let variables: Map<String, Value> =
        request.variables.into_iter().map(|(name, value)| (name, value.into())).collect();
    let body = String::from_utf8(request.body);
    if let Some(event) = event.as_object_mut() {
        event.insert("pathParameters".to_owned(), variables.into());
        event.insert("isBase64Encoded".to_owned(), body.is_err().into());
        let body = body.unwrap_or_else(|error| STANDARD.encode(error.as_bytes()));
        event.insert("body".to_owned(), body.into());
    }
    if request.route.is_for_operators
        && let Some(context) = event.get_mut("requestContext").and_then(Value::as_object_mut)
    {
        let operator = json!({ "iam": { "userArn": "arn:aws:iam::000000000000:user/local" } });
        context.insert("authorizer".to_owned(), operator);
    }
    (event.to_string(), is_genuine)
}

/// Signs what WeChat would have signed: pushes and notices. A body that begins with the type of an event of APIv3 is the content of such a
/// notice, and `<root>` begins that of APIv2's notice of a refund. Returns whether the request is a genuine notice of WeChat Pay now.
fn sign(request: &mut FuzzedRequest<'_>, signer: &V3Signer) -> bool {
    match request.route.path.as_str() {
        "/api/pay/notify" | "/api/pay/refund-notify" | "/api/pay/complaint-notify"
            if V3_EVENTS.iter().any(|prefix| request.body.starts_with(prefix)) =>
        {
            let (headers, body) = signer.notice(&request.body);
            request.headers.retain(|(name, _)| !headers.contains_key(name));
            let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
            request.headers.extend(headers.iter().map(|(name, value)| (name.to_string(), text(value))));
            request.body = body.into_bytes();
            true
        }
        "/api/message/callback" if request.query.is_empty() => {
            let query = pushes::query(None);
            let text = |value: Option<String>| value.unwrap_or_default();
            request.query = format!(
                "signature={}&timestamp={}&nonce={}&echostr=1",
                text(query.signature),
                text(query.timestamp),
                text(query.nonce)
            );
            false
        }
        "/api/pay/notify" => {
            let Some(signed) = notices::sign_v2(&request.body) else { return false };
            request.body = signed.into_bytes();
            true
        }
        "/api/pay/refund-notify" if request.body.starts_with(b"<root>") => {
            request.body = notices::refund_body(&request.body).into_bytes();
            true
        }
        _ => false,
    }
}

/// How the types of APIv3's events begin.
const V3_EVENTS: [&[u8]; 3] = [b"TRANSACTION.", b"REFUND.", b"COMPLAINT."];
