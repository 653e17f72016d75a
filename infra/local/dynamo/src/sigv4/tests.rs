//! Signatures against AWS's published vectors and AWS's own signer.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z.
const THEN: u64 = 1_440_938_160;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
}

fn secret_of(id: &str) -> Option<String> {
    (id == "AKIDEXAMPLE").then(|| SECRET.to_owned())
}

/// "get-vanilla" and "get-vanilla-query-order-key-case" of the AWS Signature Version 4 test suite.
#[test]
fn the_vectors_of_aws_are_accepted() {
    for (query, signature) in [
        (None, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            Some("Param2=value2&Param1=value1"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ] {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        let headers = headers(&[
            ("host", "example.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
            ("authorization", &authorization),
        ]);
        let request = WireRequest { method: "GET", path: "/", query, headers: &headers, body: b"" };
        assert_eq!(verify(&request, "service", THEN, secret_of), Ok("AKIDEXAMPLE".to_owned()));
    }
}

/// Signs with the crate `aws_sigv4` and verifies with this one.
#[test]
fn a_signature_of_the_sdk_is_accepted() {
    let path_and_query = "/api/admin/a%20b/c?to=2026&from=a%2Fb+c&empty";
    let mut headers = headers(&[
        ("host", "127.0.0.1:3000"),
        ("content-type", "application/json"),
        ("x-amz-target", "DynamoDB_20120810.PutItem"),
        ("user-agent", "not signed"),
    ]);
    let identity = Credentials::new("AKIDEXAMPLE", SECRET, Some("a session".to_owned()), None, "test").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("execute-api")
        .time(UNIX_EPOCH + Duration::from_secs(THEN))
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let body = br#"{"a":1}"#;
    let pairs: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let url = format!("http://127.0.0.1:3000{path_and_query}");
    let signable = SignableRequest::new("POST", url, pairs.into_iter(), SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = aws_sigv4::http_request::sign(signable, &parameters.into()).unwrap().into_parts();
    let (added, _) = instructions.into_parts();
    for header in added {
        headers
            .insert(HeaderName::from_static(header.name()), HeaderValue::from_str(header.value()).unwrap());
    }
    let (path, query) = path_and_query.split_once('?').unwrap();
    let request = WireRequest { method: "POST", path, query: Some(query), headers: &headers, body };
    assert_eq!(verify(&request, "execute-api", THEN, secret_of), Ok("AKIDEXAMPLE".to_owned()));
}

fn signed(body: &[u8]) -> HeaderMap {
    let headers = headers(&[("host", "localhost"), ("x-amz-target", "a.b")]);
    let request = WireRequest { method: "POST", path: "/", query: None, headers: &headers, body };
    let signer =
        Signer { access_key_id: "AKIDEXAMPLE", secret_access_key: SECRET, region: "us-east-1", service: "s" };
    sign(&request, signer, THEN).unwrap()
}

fn check(headers: &HeaderMap, body: &[u8], service: &str, now: u64) -> Result<String, SigV4Error> {
    let request = WireRequest { method: "POST", path: "/", query: None, headers, body };
    verify(&request, service, now, secret_of)
}

#[test]
fn a_signature_of_this_crate_is_accepted() {
    assert_eq!(check(&signed(b"x"), b"x", "s", THEN), Ok("AKIDEXAMPLE".to_owned()));
    assert_eq!(check(&signed(b"x"), b"x", "s", THEN + 900), Ok("AKIDEXAMPLE".to_owned()));
}

#[test]
fn an_altered_body_method_path_or_header_is_refused() {
    assert_eq!(check(&signed(b"x"), b"y", "s", THEN), Err(SigV4Error::Mismatch));
    let mut headers = signed(b"x");
    headers.insert("x-amz-target", HeaderValue::from_static("a.c"));
    assert_eq!(check(&headers, b"x", "s", THEN), Err(SigV4Error::Mismatch));
    let headers = signed(b"x");
    for (method, path, query) in [("PUT", "/", None), ("POST", "/a", None), ("POST", "/", Some("a=b"))] {
        let request = WireRequest { method, path, query, headers: &headers, body: b"x" };
        assert_eq!(verify(&request, "s", THEN, secret_of), Err(SigV4Error::Mismatch));
    }
}

#[test]
fn a_wrong_secret_or_key_is_refused() {
    let headers = signed(b"x");
    let request = WireRequest { method: "POST", path: "/", query: None, headers: &headers, body: b"x" };
    assert_eq!(verify(&request, "s", THEN, |_| Some("other".to_owned())), Err(SigV4Error::Mismatch));
    assert_eq!(verify(&request, "s", THEN, |_| None), Err(SigV4Error::UnknownKey));
}

#[test]
fn a_date_more_than_fifteen_minutes_off_is_refused() {
    for now in [THEN - 901, THEN + 901] {
        let error = check(&signed(b"x"), b"x", "s", now).unwrap_err();
        assert_eq!(error.code(), "InvalidSignatureException");
        assert!(matches!(error, SigV4Error::Stale { .. }));
    }
}

#[test]
fn a_signature_for_another_service_is_refused() {
    assert!(matches!(check(&signed(b"x"), b"x", "t", THEN), Err(SigV4Error::Scope(_))));
}

#[test]
fn an_amazon_header_that_is_not_signed_is_refused() {
    let mut headers = signed(b"x");
    headers.insert("x-amz-security-token", HeaderValue::from_static("smuggled"));
    assert_eq!(
        check(&headers, b"x", "s", THEN),
        Err(SigV4Error::Unsigned("x-amz-security-token".to_owned()))
    );
}

#[test]
fn an_unsigned_payload_is_refused() {
    let headers = headers(&[("host", "localhost"), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]);
    let request = WireRequest { method: "POST", path: "/", query: None, headers: &headers, body: b"x" };
    let signer =
        Signer { access_key_id: "AKIDEXAMPLE", secret_access_key: SECRET, region: "us-east-1", service: "s" };
    let headers = sign(&request, signer, THEN).unwrap();
    assert_eq!(check(&headers, b"x", "s", THEN), Err(SigV4Error::BodyHash));
}

#[test]
fn a_missing_or_broken_header_is_refused() {
    let mut headers = signed(b"x");
    headers.insert("authorization", HeaderValue::from_static("AWS4-HMAC-SHA256 Credential=a"));
    assert_eq!(check(&headers, b"x", "s", THEN), Err(SigV4Error::Incomplete));
    headers.remove("authorization");
    assert_eq!(check(&headers, b"x", "s", THEN), Err(SigV4Error::Missing));
}

/// The results of verifying a request that curl 7.88 signed, and of looking for the signer's deviation.
fn sign_and_verify_as_curl(
    path: &str,
    query: Option<&str>,
) -> (Result<String, SigV4Error>, Option<SignerDeviation>) {
    let headers = headers(&[("host", "localhost")]);
    let request = WireRequest { method: "POST", path, query, headers: &headers, body: b"{}" };
    let signer =
        Signer { access_key_id: "AKIDEXAMPLE", secret_access_key: SECRET, region: "us-east-1", service: "s" };
    let headers = sign_as_curl_7_88(&request, signer, THEN).unwrap();
    let request = WireRequest { headers: &headers, ..request };
    (verify(&request, "s", THEN, secret_of), find_signer_deviation(&request, secret_of))
}

#[test]
fn a_signature_over_path_and_query_as_sent_is_accepted_for_plain_ones() {
    for (path, query) in
        [("/", None), ("/cases/OVERSOLD-1.7C/close", None), ("/cases", Some("cursor=a&kind=B_C"))]
    {
        assert_eq!(sign_and_verify_as_curl(path, query).0, Ok("AKIDEXAMPLE".to_owned()), "{path}");
    }
}

#[test]
fn a_signer_with_a_known_deviation_is_refused_and_identified() {
    for (path, query, deviation) in [
        ("/cases", Some("kind=B&cursor=a"), SignerDeviation::UnsortedQuery),
        ("/cases/OVERSOLD%231/close", None, SignerDeviation::PathAsSent),
        ("/cases/OVERSOLD%231/close", Some("a=1"), SignerDeviation::PathAsSent),
        ("/cases/OVERSOLD%231/close", Some("b=1&a=1"), SignerDeviation::PathAndQuery),
    ] {
        assert_eq!(
            sign_and_verify_as_curl(path, query),
            (Err(SigV4Error::Mismatch), Some(deviation)),
            "{path} {query:?}"
        );
    }
}

#[test]
fn a_wrong_secret_is_not_taken_for_a_deviation() {
    let headers = signed(b"x");
    let request = WireRequest { method: "POST", path: "/", query: None, headers: &headers, body: b"x" };
    assert_eq!(find_signer_deviation(&request, |_| Some("other".to_owned())), None);
    assert_eq!(find_signer_deviation(&request, |_| None), None);
}
