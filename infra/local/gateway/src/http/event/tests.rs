use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::Request;
use local_phone::Timeline;
use local_template::RouteAuth;
use shared::host::SystemClock;

use super::*;
use crate::{
    function::{CallHooks, DeployedFunction, RegisteredFunction},
    http::routes::Endpoint,
    lazy_instance::InstanceEnv,
    tests::support::Echo,
};

async fn event_of(request: Request<Body>) -> Value {
    let env = InstanceEnv { variables: BTreeMap::new(), clock: Arc::new(SystemClock), roots: Vec::new() };
    let entry = RegisteredFunction::function::<Echo>();
    let timeline = Timeline::new(Arc::new(SystemClock), Box::new(str::to_owned));
    let hooks = CallHooks { kills: Arc::default(), timeline };
    let endpoint = Endpoint {
        route_key: "POST /api/orders/{orderId}".to_owned(),
        auth: RouteAuth::None,
        limit: Duration::from_secs(1),
        function: Arc::new(DeployedFunction::new(&entry, Duration::from_secs(1), env, hooks)),
    };
    let parameters = BTreeMap::from([("orderId".to_owned(), "o1".to_owned())]);
    let route = RouteMatch { endpoint: Arc::new(endpoint), parameters };
    let request = GatewayRequest::read(request, [127, 0, 0, 1].into()).await.unwrap();
    let metadata = RequestMetadata {
        request_id: "r1".to_owned(),
        port: 3000,
        now_millis: 1_583_348_638_390,
        caller: None,
    };
    build(&request, &route, &metadata)
}

async fn event_with_body(content_type: Option<&str>, body: &'static [u8]) -> Value {
    let mut request = Request::post("/api/orders/o1");
    if let Some(content_type) = content_type {
        request = request.header("Content-Type", content_type);
    }
    event_of(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn the_event_names_route_request_and_time() {
    let request = Request::post("/api/orders/o1?a=1&b=%E4%BD%A0&a=2").header("Host", "api.example.com:3000");
    let event = event_of(request.header("User-Agent", "test").body(Body::empty()).unwrap()).await;
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["rawPath"], "/api/orders/o1");
    assert_eq!(event["rawQueryString"], "a=1&b=%E4%BD%A0&a=2");
    assert_eq!(event["queryStringParameters"], json!({"a": "1,2", "b": "你"}));
    assert_eq!(event["pathParameters"], json!({"orderId": "o1"}));
    assert_eq!(
        event["requestContext"],
        json!({
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": "/api/orders/o1",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test",
            },
            "requestId": "r1",
            "routeKey": "POST /api/orders/{orderId}",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390_u64,
        })
    );
}

#[tokio::test]
async fn headers_are_lower_case_and_joined_and_cookies_stand_apart() {
    let request = Request::post("/api/orders/o1")
        .header("X-Many", "a")
        .header("x-many", "b")
        .header("Cookie", "c=1; d=2")
        .header("X-Forwarded-For", "10.0.0.1")
        .header("X-Forwarded-Proto", "https, http")
        .header("X-Forwarded-Port", "1")
        .header("X-Forwarded-Port", "2");
    let event = event_of(request.body(Body::empty()).unwrap()).await;
    let headers = json!({
        "x-many": "a,b",
        "x-forwarded-for": "10.0.0.1, 127.0.0.1",
        "x-forwarded-port": "3000",
        "x-forwarded-proto": "http",
    });
    assert_eq!(event["headers"], headers);
    assert_eq!(event["cookies"], json!(["c=1", "d=2"]));
}

#[tokio::test]
async fn the_raw_path_is_decoded_and_ends_at_a_question_mark() {
    for (path, raw_path) in [
        ("/api/orders/a%20b%2Fc%23d", "/api/orders/a b/c#d"),
        ("/api/orders/%E4%BD%A0?q=%20", "/api/orders/你"),
        ("/api/orders/a%3Fb=1", "/api/orders/a"),
        ("/api/orders/100%25%zz", "/api/orders/100%%zz"),
    ] {
        let event = event_of(Request::post(path).body(Body::empty()).unwrap()).await;
        assert_eq!(
            (&event["rawPath"], &event["requestContext"]["http"]["path"]),
            (&json!(raw_path), &json!(raw_path))
        );
    }
}

#[tokio::test]
async fn text_of_known_types_stays_text() {
    for content_type in [
        "text/plain",
        "text/xml; charset=utf-8",
        "application/json",
        "Application/JSON;charset=UTF-8",
        "application/xml",
        "application/javascript",
        "application/problem+json",
    ] {
        let event = event_with_body(Some(content_type), "{\"名\":1}".as_bytes()).await;
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{\"名\":1}"), &json!(false)));
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_base64() {
    for content_type in [None, Some("application/x-www-form-urlencoded"), Some("image/png"), Some("")] {
        let event = event_with_body(content_type, b"a=1").await;
        let body = (&event["body"], &event["isBase64Encoded"]);
        assert_eq!(body, (&json!("YT0x"), &json!(true)), "{content_type:?}");
    }
    let event = event_with_body(Some("application/json"), &[0xff]).await;
    assert_eq!(event["isBase64Encoded"], true, "not UTF-8 in spite of its content type");
}

#[tokio::test]
async fn an_empty_body_makes_no_body_field() {
    let event = event_with_body(Some("application/json"), b"").await;
    assert_eq!(event.get("body"), None);
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event.get("cookies"), None);
    assert_eq!(event.get("queryStringParameters"), None);
}
