//! The canonical request, the string to sign, and the signature over it.

use http::HeaderMap;

use super::WireRequest;
use super::authorization::{ALGORITHM, CredentialScope, TERMINATOR};
use super::hash::{hex, hmac_sha256, sha256_hex};

/// How a signer writes path and query into the canonical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CanonicalForm {
    pub(super) path: PathForm,
    pub(super) query: QueryForm,
}

/// How a signer writes the path into the canonical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathForm {
    /// Percent-encoded a second time, as AWS does it.
    EncodedAgain,
    /// As in the request line.
    AsSent,
}

/// How a signer writes the query into the canonical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueryForm {
    /// Encoded in one way and sorted by name, as AWS does it.
    Sorted,
    /// As in the request line.
    AsSent,
}

impl CanonicalForm {
    /// The form that AWS uses.
    pub(super) const AWS: Self = Self { path: PathForm::EncodedAgain, query: QueryForm::Sorted };
}

/// The signature of a request, in hexadecimal.
pub(super) fn signature(
    request: &WireRequest<'_>,
    form: CanonicalForm,
    signed_headers: &[&str],
    timestamp: &str,
    scope: CredentialScope<'_>,
    secret_access_key: &str,
) -> String {
    let canonical = canonical_request(request, form, signed_headers);
    let to_sign = format!("{ALGORITHM}\n{timestamp}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
    let secret = format!("AWS4{secret_access_key}");
    let key = [scope.date, scope.region, scope.service, TERMINATOR]
        .iter()
        .fold(secret.into_bytes(), |key, part| hmac_sha256(&key, part.as_bytes()));
    hex(&hmac_sha256(&key, to_sign.as_bytes()))
}

fn canonical_request(request: &WireRequest<'_>, form: CanonicalForm, signed_headers: &[&str]) -> String {
    let raw_query = request.query.unwrap_or_default();
    let path = match form.path {
        PathForm::EncodedAgain => canonical_path(request.path),
        PathForm::AsSent => request.path.to_owned(),
    };
    let query = match form.query {
        QueryForm::Sorted => canonical_query(raw_query),
        QueryForm::AsSent => raw_query.to_owned(),
    };
    let headers: String = signed_headers
        .iter()
        .map(|name| format!("{name}:{}\n", header_value(request.headers, name)))
        .collect();
    format!(
        "{}\n{path}\n{query}\n{headers}\n{}\n{}",
        request.method,
        signed_headers.join(";"),
        sha256_hex(request.body)
    )
}

/// All values of a header, joined by commas, with each run of blanks replaced by one blank.
fn header_value(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect();
    values.join(",")
}

/// The path, percent-encoded a second time, as every service except S3 expects it.
fn canonical_path(path: &str) -> String {
    if path.is_empty() { "/".to_owned() } else { encode(path.as_bytes(), b"/") }
}

/// The parameters, decoded and encoded again in one way, and sorted.
fn canonical_query(query: &str) -> String {
    let mut parameters: Vec<(String, String)> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (encode(&decode(name), b""), encode(&decode(value), b"")))
        .collect();
    parameters.sort();
    let parameters: Vec<String> =
        parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    parameters.join("&")
}

fn encode(bytes: &[u8], also_plain: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(*byte).to_string()
            }
            byte if also_plain.contains(byte) => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Decodes percent-encoding. Text that is not a valid encoding stays as it is.
fn decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(*byte),
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded_in_one_way_and_sorted() {
        assert_eq!(canonical_query("b=2&a=%7e&a=1+2&c"), "a=1%202&a=~&b=2&c=");
        assert_eq!(canonical_query(""), "");
    }

    #[test]
    fn the_path_is_encoded_a_second_time() {
        assert_eq!(canonical_path("/api/a%20b/c:d"), "/api/a%2520b/c%3Ad");
        assert_eq!(canonical_path(""), "/");
    }
}
