//! Signatures are verified over what reached the socket.

use http::HeaderValue;
use serde_json::json;

use crate::support::{SignedRequest, code, now, order, order_key, start};

async fn refusal(request: SignedRequest) -> String {
    let (status, answer) = request.send().await.unwrap();
    assert_eq!(status, 400, "{answer}");
    code(&answer).to_owned()
}

#[tokio::test]
async fn unknown_callers_and_wrong_secrets_are_refused() {
    let dynamo = start().await;
    let key = order_key("o1");
    assert_eq!(
        refusal(SignedRequest::new(&dynamo, "Nobody", "GetItem", &key)).await,
        "UnrecognizedClientException"
    );
    let writers = dynamo.secret_access_key("Writer");
    let request = SignedRequest::with_signer(&dynamo, ("Reader", &writers), "GetItem", &key, now());
    assert_eq!(refusal(request).await, "InvalidSignatureException");
    assert!(dynamo.calls().is_empty());
}

#[tokio::test]
async fn an_altered_body_or_header_is_refused() {
    let dynamo = start().await;
    let mut request = SignedRequest::new(&dynamo, "Writer", "PutItem", &order("o1"));
    request.body = order("o2").to_string();
    assert_eq!(refusal(request).await, "InvalidSignatureException");
    let mut request = SignedRequest::new(&dynamo, "Writer", "PutItem", &order("o1"));
    request.headers.insert("x-amz-target", HeaderValue::from_static("DynamoDB_20120810.DeleteItem"));
    assert_eq!(refusal(request).await, "InvalidSignatureException");
    let mut request = SignedRequest::new(&dynamo, "Writer", "PutItem", &order("o1"));
    request.headers.insert("x-amz-security-token", HeaderValue::from_static("another session"));
    assert_eq!(refusal(request).await, "InvalidSignatureException");
}

#[tokio::test]
async fn stale_and_missing_signatures_are_refused() {
    let dynamo = start().await;
    let secret = dynamo.secret_access_key("Reader");
    for now in [now() - 1000, now() + 1000] {
        let request =
            SignedRequest::with_signer(&dynamo, ("Reader", &secret), "GetItem", &order_key("o1"), now);
        assert_eq!(refusal(request).await, "InvalidSignatureException");
    }
    let mut request = SignedRequest::new(&dynamo, "Reader", "GetItem", &order_key("o1"));
    request.headers.remove("authorization");
    assert_eq!(refusal(request).await, "MissingAuthenticationTokenException");
}

#[tokio::test]
async fn a_malformed_request_is_refused() {
    let dynamo = start().await;
    let request = SignedRequest::new(&dynamo, "Reader", "Other_1.GetItem", &json!({}));
    assert_eq!(refusal(request).await, "UnknownOperationException");
    let request = SignedRequest::new(&dynamo, "Reader", "GetItem", &json!([]));
    assert_eq!(refusal(request).await, "SerializationException");
}

#[tokio::test]
async fn only_a_post_to_the_root_is_an_operation() {
    let dynamo = start().await;
    let request = SignedRequest::new(&dynamo, "Reader", "GetItem", &order_key("o1"));
    let answer = crate::support::client().get(dynamo.url()).headers(request.headers).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.headers().contains_key("x-amzn-requestid"));
    assert!(dynamo.calls().is_empty());
}
