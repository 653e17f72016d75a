use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::host::SystemRandomness;

/// A host whose AWS is at `endpoint`.
fn host(endpoint: &str) -> Host {
    let settings = [
        ("AWS_REGION", "cn-north-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "a session"),
        ("AWS_ENDPOINT_URL", endpoint),
    ];
    let environment: BTreeMap<_, _> =
        settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Host::new(environment, Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new())
}

/// A service that gives these answers, one a connection, and then no more: the requests it got.
async fn service(answers: &'static [(&str, &str)]) -> (AwsClient, tokio::task::JoinHandle<Vec<String>>) {
    service_of(AwsService::SecretsManager, answers).await
}

async fn service_of(
    of: AwsService,
    answers: &'static [(&str, &str)],
) -> (AwsClient, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let mut requests = Vec::new();
        for (head, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8192];
            let read = stream.read(&mut request).await.unwrap();
            requests.push(String::from_utf8_lossy(&request[..read]).into_owned());
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    (host(&endpoint).aws(of).unwrap(), served)
}

fn read() -> AwsCall<'static> {
    AwsCall::json("secretsmanager.GetSecretValue", &json!({ "SecretId": "arn" }))
}

#[test]
fn a_region_of_china_has_endpoints_of_its_own() {
    let endpoint = |service| host("").aws(service).unwrap().endpoint;
    assert_eq!(endpoint(AwsService::SecretsManager), "https://secretsmanager.cn-north-1.amazonaws.com.cn");
    assert_eq!(endpoint(AwsService::EventBridge), "https://events.cn-north-1.amazonaws.com.cn");
    assert_eq!(endpoint(AwsService::Lambda), "https://lambda.cn-north-1.amazonaws.com.cn");
    assert_eq!(domain("eu-central-1"), "amazonaws.com");
}

#[tokio::test]
async fn a_call_is_signed_with_the_session_token_and_names_its_operation() {
    let (client, served) = service(&[("200 OK", "{}")]).await;
    let answer = client.call(&read()).await.unwrap();
    assert_eq!(answer.body().as_ref(), b"{}");
    let request = served.await.unwrap().remove(0);
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    for part in [
        "x-amz-target: secretsmanager.GetSecretValue\r\n",
        "x-amz-security-token: a session\r\n",
        "/cn-north-1/secretsmanager/aws4_request",
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
        "\r\n\r\n{\"SecretId\":\"arn\"}",
    ] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
}

#[tokio::test]
async fn a_transient_failure_is_retried() {
    const BUSY: &str = "{\"__type\":\"ThrottlingException\"}";
    let (client, served) = service(&[("400 Bad Request", BUSY), ("503 Busy", ""), ("200 OK", "{}")]).await;
    assert!(client.call(&read()).await.is_ok());
    assert_eq!(served.await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_call_is_given_up_after_three_attempts() {
    let (client, served) = service(&[("500 Error", ""), ("500 Error", ""), ("500 Error", "")]).await;
    let error = client.call(&read()).await.unwrap_err();
    assert_eq!(error.to_string(), "Secrets Manager refuses the call: unknown error (status 500)");
    assert_eq!(served.await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_refusal_is_final_and_is_not_quoted() {
    const REFUSAL: &str = "{\"__type\":\"AccessDeniedException\",\"Message\":\"a secret of the caller\"}";
    let (client, served) = service(&[("400 Bad Request", REFUSAL)]).await;
    let error = client.call(&read()).await.unwrap_err();
    assert!(error.is("AccessDeniedException"));
    assert_eq!(error.to_string(), "Secrets Manager refuses the call: AccessDeniedException (status 400)");
    assert_eq!(served.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unreachable() {
    let client = host("http://127.0.0.1:1").aws(AwsService::Lambda).unwrap();
    let call = AwsCall::post("/2015-03-31/functions/broker/invocations", &json!({}), Duration::from_secs(5));
    let error = client.call(&call).await.unwrap_err();
    assert!(matches!(error, AwsError::Unreachable { .. }), "{error}");
}

/// A copy, as `UploadsBucket` makes it.
fn copy() -> AwsCall<'static> {
    let headers = vec![(HeaderName::from_static("x-amz-copy-source"), "uploads/incoming/u1/a.jpg")];
    AwsCall::without_content(Method::PUT, "/uploads/checked/u1/b.jpg", headers, Duration::from_secs(5))
}

#[tokio::test]
async fn a_copy_that_fails_after_a_status_of_success_is_retried() {
    const FAILED: &str = "<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>";
    const COPIED: &str = "<CopyObjectResult><ETag>\"00\"</ETag></CopyObjectResult>";
    let (client, served) = service_of(AwsService::S3, &[("200 OK", FAILED), ("200 OK", COPIED)]).await;
    assert!(client.call(&copy()).await.is_ok());
    let requests = served.await.unwrap();
    assert_eq!(requests.len(), 2);
    for part in [
        "PUT /uploads/checked/u1/b.jpg HTTP/1.1\r\n",
        "x-amz-copy-source: uploads/incoming/u1/a.jpg\r\n",
        "/cn-north-1/s3/aws4_request",
        "SignedHeaders=host;x-amz-content-sha256;x-amz-copy-source;x-amz-date;x-amz-security-token",
        // The digest of no content.
        "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n",
    ] {
        assert!(requests[0].contains(part), "{part} is not in {}", requests[0]);
    }
}

#[tokio::test]
async fn a_copy_of_nothing_is_refused_by_its_code() {
    const MISSING: &str = "<Error><Code>NoSuchKey</Code><Message>a key</Message></Error>";
    let (client, served) = service_of(AwsService::S3, &[("404 Not Found", MISSING)]).await;
    let error = client.call(&copy()).await.unwrap_err();
    assert!(error.is("NoSuchKey") && !error.is_transient());
    assert_eq!(error.to_string(), "S3 refuses the call: NoSuchKey (status 404)");
    assert_eq!(served.await.unwrap().len(), 1);
}

#[test]
fn an_exception_is_named_by_a_header_or_by_the_body() {
    let answer = |header: Option<&'static str>, body: &str| {
        let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        if let Some(header) = header {
            answer.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(header));
        }
        answer
    };
    let cases = [
        (
            None,
            "{\"__type\":\"com.amazonaws.secretsmanager#InternalServiceError\"}",
            Some("InternalServiceError"),
        ),
        (None, "{\"__type\":\"LimitExceededException\"}", Some("LimitExceededException")),
        (Some("TooManyRequestsException"), "{}", Some("TooManyRequestsException")),
        (Some("ServiceException:http://internal.amazon.com/"), "", Some("ServiceException")),
        (None, "<html>", None),
        (None, "{}", None),
    ];
    for (header, body, expected) in cases {
        assert_eq!(exception(&answer(header, body)).as_deref(), expected, "{header:?} {body}");
    }
}
