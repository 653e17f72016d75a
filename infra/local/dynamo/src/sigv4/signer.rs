//! Signs requests of local clients, such as tests and tools.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use time::OffsetDateTime;

use super::Received;
use super::authorization::{ALGORITHM, Scope};
use super::canonical::{Form, PathForm, QueryForm, signature};
use super::verifier::{DATE_LENGTH, TIMESTAMP};

/// Who signs, and for what.
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

/// The headers of a request with the date and the signature added.
///
/// The request's headers must have `host`. `None` when `now` (seconds since 1970) is no date or the access key id is no
/// header text.
pub fn sign(request: &Received<'_>, signer: Signer<'_>, now: u64) -> Option<HeaderMap> {
    sign_in_form(request, Form::AWS, signer, now)
}

/// The same as curl 7.88 does it, which Debian 12 has: path and query are signed as they stand on the wire. For plain ones, with
/// the parameters in alphabetical order, that is what AWS does.
pub fn sign_as_curl_7_88(request: &Received<'_>, signer: Signer<'_>, now: u64) -> Option<HeaderMap> {
    let form = Form { path: PathForm::OnTheWire, query: QueryForm::OnTheWire };
    sign_in_form(request, form, signer, now)
}

fn sign_in_form(request: &Received<'_>, form: Form, signer: Signer<'_>, now: u64) -> Option<HeaderMap> {
    let instant = OffsetDateTime::from_unix_timestamp(i64::try_from(now).ok()?).ok()?;
    let timestamp = instant.format(TIMESTAMP).ok()?;
    let mut headers = request.headers.clone();
    headers.insert(HeaderName::from_static("x-amz-date"), HeaderValue::from_str(&timestamp).ok()?);
    let mut names: Vec<String> = headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.retain(|name| ["host", "content-type"].contains(&name.as_str()) || name.starts_with("x-amz-"));
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let Signer { access_key_id, secret_access_key, region, service } = signer;
    let scope = Scope { date: timestamp.get(..DATE_LENGTH)?, region, service };
    let signed = Received { headers: &headers, ..*request };
    let signature = signature(&signed, form, &names, &timestamp, scope, secret_access_key);
    let names = names.join(";");
    let value = format!(
        "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    );
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).ok()?);
    Some(headers)
}
