//! Signatures of AWS, as the local gateway, DynamoDB and S3 verify them.

use http::{HeaderMap, HeaderName};
use local_dynamo::sigv4::{self, Signer, WireRequest};

use crate::{reader::Reader, services::NOW};

/// Any request: the path, the query, a line for each header, and after an empty line the body. As it is, it is refused; signed, it is
/// accepted.
pub(crate) fn verify() -> Reader {
    Box::new(|input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.split('\n');
        let (path, query) = (lines.next().unwrap_or_default(), lines.next());
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                headers.append(name, value);
            }
        }
        let request = WireRequest { method: "POST", path, query, headers: &headers, body: body.as_bytes() };
        assert!(verified(&request).is_err(), "an invented signature is believed");
        if let Some(signed) = sigv4::sign(&request, SIGNER, NOW) {
            let verified = verified(&WireRequest { headers: &signed, ..request });
            assert!(verified.is_ok() || !can_be_signed(&headers), "{verified:?}");
        }
        let _ = sigv4::find_signer_deviation(&request, |_| Some(SIGNER.secret_access_key.to_owned()));
    })
}

fn verified(request: &WireRequest<'_>) -> Result<String, sigv4::SigV4Error> {
    sigv4::verify(request, SIGNER.service, NOW, |_| Some(SIGNER.secret_access_key.to_owned()))
}

/// Whether a signature of the request is accepted: it has a `host`, and no invented hash of its body.
fn can_be_signed(headers: &HeaderMap) -> bool {
    headers.contains_key("host") && !headers.contains_key("x-amz-content-sha256")
}

const SIGNER: Signer<'static> = Signer {
    access_key_id: "local",
    secret_access_key: "secret",
    region: "us-east-1",
    service: "execute-api",
};
