//! An operator, who signs with IAM.

use http::{HeaderMap, HeaderValue};
use local_dynamo::sigv4::{Received, Signer, sign as sign_v4};

/// The headers that sign the request with the local operator's key, at that Unix second.
pub(crate) fn sign(base_url: &str, method: &str, path: &str, body: &[u8], now: u64) -> HeaderMap {
    let host = base_url.trim_start_matches("http://");
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_str(host).expect("a host"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let request = Received { method, path, query, headers: &headers, body };
    let signer = Signer {
        access_key_id: "local",
        secret_access_key: "local",
        region: "us-east-1",
        service: "execute-api",
    };
    sign_v4(&request, signer, now).expect("a signature")
}
