use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{HeaderMap, Request};
use local_dynamo::sigv4::{Signer, sign};

use super::*;

const NOW: u64 = 1_767_225_600;
const OPERATOR: Signer<'_> = Signer {
    access_key_id: "local",
    secret_access_key: "local",
    region: "us-east-1",
    service: "execute-api",
};

/// A clock that stands still at this Unix second.
struct FixedClock(u64);

impl Clock for FixedClock {
    fn now_millis(&self) -> u64 {
        self.0 * 1000
    }
}

fn clock_at(unix_seconds: u64) -> MovableClock {
    MovableClock::new(Arc::new(FixedClock(unix_seconds)))
}

/// The request with these headers.
async fn request_with(headers: HeaderMap) -> GatewayRequest {
    let mut request = Request::put("/api/admin/users/u1/role?b=2&a=1").body(Body::from("{}")).unwrap();
    *request.headers_mut() = headers;
    GatewayRequest::read(request, [127, 0, 0, 1].into()).await.unwrap()
}

/// The request, but signed by `signer` over this query and body.
async fn signed(signer: Signer<'_>, query: &str, body: &[u8]) -> GatewayRequest {
    let mut headers = HeaderMap::new();
    headers.insert("host", "127.0.0.1:3000".parse().unwrap());
    let unsigned = WireRequest {
        method: "PUT",
        path: "/api/admin/users/u1/role",
        query: Some(query),
        headers: &headers,
        body,
    };
    request_with(sign(&unsigned, signer, NOW).unwrap()).await
}

#[tokio::test]
async fn the_operators_signature_is_accepted() {
    let request = signed(OPERATOR, "b=2&a=1", b"{}").await;
    let caller = verify_signature(&request, NOW).unwrap();
    assert_eq!(caller.to_event_value("1")["userArn"], "arn:aws:iam::1:user/local");
}

#[tokio::test]
async fn a_request_without_a_signature_is_refused() {
    let request = request_with(HeaderMap::new()).await;
    assert_eq!(verify_signature(&request, NOW), Err(SigV4Error::Missing));
    assert_eq!(authorize(&request, &clock_at(NOW)), Err(GatewayError::Forbidden));
}

#[tokio::test]
async fn a_signature_over_something_else_is_refused() {
    for (query, body) in [("b=2&a=2", "{}"), ("b=2&a=1", "{ }")] {
        let request = signed(OPERATOR, query, body.as_bytes()).await;
        assert_eq!(verify_signature(&request, NOW), Err(SigV4Error::Mismatch));
    }
}

#[tokio::test]
async fn a_signature_of_another_signer_or_for_another_scope_is_refused() {
    for signer in [
        Signer { secret_access_key: "other", ..OPERATOR },
        Signer { access_key_id: "other", ..OPERATOR },
        Signer { service: "dynamodb", ..OPERATOR },
        Signer { region: "eu-west-1", ..OPERATOR },
    ] {
        assert!(verify_signature(&signed(signer, "b=2&a=1", b"{}").await, NOW).is_err());
    }
}

#[tokio::test]
async fn an_old_signature_is_refused() {
    let request = signed(OPERATOR, "b=2&a=1", b"{}").await;
    assert!(verify_signature(&request, NOW + 14 * 60).is_ok());
    assert!(matches!(verify_signature(&request, NOW + 16 * 60), Err(SigV4Error::Stale { .. })));
}

#[tokio::test]
async fn a_moved_clock_takes_signatures_of_both_times() {
    let request = signed(OPERATOR, "b=2&a=1", b"{}").await;
    let clock = clock_at(NOW);
    clock.advance(Duration::from_secs(86_400));
    assert!(authorize(&request, &clock).is_ok(), "curl signs by the machine's clock");
    let earlier = clock_at(0);
    assert!(authorize(&request, &earlier).is_err());
    earlier.advance(Duration::from_secs(NOW));
    assert!(authorize(&request, &earlier).is_ok(), "the page signs by the bundle's clock");
}
