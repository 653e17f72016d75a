//! A running endpoint and a client that signs by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue};
use local_dynamo::sigv4::{Signer, WireRequest, sign};
use local_dynamo::{Dynamo, DynamoError, DynamoOptions};
use local_template::{Stack, Template};
use serde_json::{Value, json};

pub(crate) const ORDERS: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/local-Orders";
pub(crate) const NOTES: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/local-Notes";

pub(crate) fn stack() -> Stack {
    Template::parse(include_str!("template.yaml")).unwrap().deploy(&BTreeMap::new()).unwrap()
}

pub(crate) fn options(data: Option<PathBuf>) -> DynamoOptions {
    DynamoOptions {
        address: "127.0.0.1:0".parse().unwrap(),
        data,
        secrets: BTreeMap::from([("PaySecret".to_owned(), "first".to_owned())]),
        operator_secret: "operator's own".to_owned(),
        throughput: None,
    }
}

pub(crate) async fn start() -> Dynamo {
    Dynamo::start(&stack(), options(None)).await.unwrap()
}

pub(crate) async fn start_in(folder: &std::path::Path) -> Result<Dynamo, DynamoError> {
    Dynamo::start(&stack(), options(Some(folder.to_owned()))).await
}

#[expect(clippy::disallowed_methods, reason = "the endpoint checks dates against the machine's clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A request before it is sent; tests change what they need.
pub(crate) struct SignedRequest {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    url: String,
}

impl SignedRequest {
    pub(crate) fn new(dynamo: &Dynamo, caller: &str, target: &str, body: &Value) -> Self {
        let secret = dynamo.secret_access_key(caller);
        Self::with_signer(dynamo, (caller, &secret), target, body, now())
    }

    pub(crate) fn with_signer(
        dynamo: &Dynamo,
        (caller, secret): (&str, &str),
        target: &str,
        body: &Value,
        now: u64,
    ) -> Self {
        let body = body.to_string();
        let url = dynamo.url();
        let mut headers = HeaderMap::new();
        let host = url.strip_prefix("http://").unwrap();
        let target =
            if target.contains('.') { target.to_owned() } else { format!("DynamoDB_20120810.{target}") };
        headers.insert("host", HeaderValue::from_str(host).unwrap());
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
        headers.insert("x-amz-target", HeaderValue::from_str(&target).unwrap());
        headers.insert("x-amz-security-token", HeaderValue::from_static("a session"));
        let received =
            WireRequest { method: "POST", path: "/", query: None, headers: &headers, body: body.as_bytes() };
        let service = match target.split('.').next() {
            Some("AWSEvents") => "events",
            Some("secretsmanager") => "secretsmanager",
            _ => "dynamodb",
        };
        let signer =
            Signer { access_key_id: caller, secret_access_key: secret, region: "us-east-1", service };
        let headers = sign(&received, signer, now).unwrap();
        Self { headers, body, url }
    }

    pub(crate) async fn send(self) -> Result<(u16, Value), reqwest::Error> {
        let tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let answer = client.post(self.url).headers(self.headers).body(self.body).send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_slice(&answer.bytes().await?).unwrap()))
    }
}

pub(crate) fn client() -> reqwest::Client {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
    builder.timeout(Duration::from_secs(5)).build().unwrap()
}

/// Sends and expects an answer of any kind.
pub(crate) async fn call(dynamo: &Dynamo, caller: &str, target: &str, body: Value) -> (u16, Value) {
    SignedRequest::new(dynamo, caller, target, &body).send().await.unwrap()
}

pub(crate) async fn allowed(dynamo: &Dynamo, caller: &str, target: &str, body: Value) -> Value {
    let (status, answer) = call(dynamo, caller, target, body).await;
    assert_eq!(status, 200, "{target}: {answer}");
    answer
}

/// Expects a refusal and returns its text.
pub(crate) async fn denied(dynamo: &Dynamo, caller: &str, target: &str, body: Value) -> String {
    let (status, answer) = call(dynamo, caller, target, body).await;
    assert_eq!(status, 400, "{target}: {answer}");
    assert_eq!(code(&answer), "AccessDeniedException");
    answer["Message"].as_str().unwrap().to_owned()
}

pub(crate) fn code(answer: &Value) -> &str {
    answer["__type"].as_str().unwrap().rsplit('#').next().unwrap()
}

pub(crate) fn order(id: &str) -> Value {
    json!({"TableName": "local-Orders", "Item": {"orderId": {"S": id}, "userId": {"S": "u1"}}})
}

pub(crate) fn order_key(id: &str) -> Value {
    json!({"TableName": "local-Orders", "Key": {"orderId": {"S": id}}})
}
