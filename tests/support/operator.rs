//! An operator's signature, which IAM demands.

use http::{HeaderMap, HeaderValue};
use local_dynamo::sigv4::{self, Signer, WireRequest};

/// The program that signs the request.
#[derive(Clone, Copy)]
pub(crate) enum SigningClient {
    /// An SDK, which encodes the path as AWS does.
    Sdk,
    /// curl 7.88, which Debian 12 has. It signs the path as it is written.
    Curl,
}

/// The headers that sign the request with the local operator's key, at that Unix second.
pub(crate) fn sign(
    client: SigningClient,
    base_url: &str,
    method: &str,
    path: &str,
    body: &[u8],
    now: u64,
) -> HeaderMap {
    sign_as(client, "application/json", base_url, method, (path, body), now)
}

/// The same for a body of bytes, which is no text to API Gateway.
pub(crate) fn sign_bytes(base_url: &str, method: &str, path: &str, body: &[u8], now: u64) -> HeaderMap {
    sign_as(SigningClient::Sdk, "application/octet-stream", base_url, method, (path, body), now)
}

fn sign_as(
    client: SigningClient,
    content_type: &'static str,
    base_url: &str,
    method: &str,
    (path, body): (&str, &[u8]),
    now: u64,
) -> HeaderMap {
    let host = base_url.trim_start_matches("http://");
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_str(host).expect("a host"));
    headers.insert("content-type", HeaderValue::from_static(content_type));
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let request = WireRequest { method, path, query, headers: &headers, body };
    let signer = Signer {
        access_key_id: "local",
        secret_access_key: "local",
        region: "us-east-1",
        service: "execute-api",
    };
    let signed = match client {
        SigningClient::Sdk => sigv4::sign(&request, signer, now),
        SigningClient::Curl => sigv4::sign_as_curl_7_88(&request, signer, now),
    };
    signed.expect("a signature")
}
