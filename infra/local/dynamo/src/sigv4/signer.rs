//! Signs requests of local clients, such as tests and tools.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use time::OffsetDateTime;

use super::WireRequest;
use super::authorization::{ALGORITHM, CredentialScope};
use super::canonical::{CanonicalForm, PathForm, QueryForm, signature};
use super::verifier::{DATE_LENGTH, TIMESTAMP};

/// The credentials of a signer, and the region and service for which a request is signed.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// The secret access key.
    pub secret_access_key: &'a str,
    /// The region.
    pub region: &'a str,
    /// The service.
    pub service: &'a str,
}

/// Signs a request. Returns its headers with the date and the signature added.
///
/// The request's headers must contain `host`; `now` is in seconds since 1970. `None` when `now` is outside the calendar or the
/// access key id can't be the value of a header.
pub fn sign(request: &WireRequest<'_>, signer: Signer<'_>, now: u64) -> Option<HeaderMap> {
    sign_in_form(request, CanonicalForm::AWS, signer, now)
}

/// Signs as curl 7.88 does, the curl of Debian 12: over path and query as they are sent. AWS accepts that when the path has no
/// reserved characters and the parameters are in alphabetical order.
pub fn sign_as_curl_7_88(request: &WireRequest<'_>, signer: Signer<'_>, now: u64) -> Option<HeaderMap> {
    let form = CanonicalForm { path: PathForm::AsSent, query: QueryForm::AsSent };
    sign_in_form(request, form, signer, now)
}

fn sign_in_form(
    request: &WireRequest<'_>,
    form: CanonicalForm,
    signer: Signer<'_>,
    now: u64,
) -> Option<HeaderMap> {
    let instant = OffsetDateTime::from_unix_timestamp(i64::try_from(now).ok()?).ok()?;
    let timestamp = instant.format(TIMESTAMP).ok()?;
    let mut headers = request.headers.clone();
    headers.insert(HeaderName::from_static("x-amz-date"), HeaderValue::from_str(&timestamp).ok()?);
    let mut names: Vec<String> = headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.retain(|name| ["host", "content-type"].contains(&name.as_str()) || name.starts_with("x-amz-"));
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let Signer { access_key_id, secret_access_key, region, service } = signer;
    let scope = CredentialScope { date: timestamp.get(..DATE_LENGTH)?, region, service };
    let request = WireRequest { headers: &headers, ..*request };
    let signature = signature(&request, form, &names, &timestamp, scope, secret_access_key);
    let names = names.join(";");
    let value = format!(
        "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    );
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).ok()?);
    Some(headers)
}
