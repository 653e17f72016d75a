//! Verifies the signature of a request.

use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::WireRequest;
use super::authorization::AuthorizationHeader;
use super::canonical::{CanonicalForm, PathForm, QueryForm, signature};
use super::hash::{equal_in_constant_time, sha256_hex};

/// Why a signature was refused. The messages are those of AWS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// The header `x-amz-content-sha256` is not the hash of the body.
    #[error("The value of x-amz-content-sha256 is not the hash of the body that was received.")]
    BodyHash,
    /// The header `Authorization` or the date is missing a part or can't be parsed.
    #[error("Authorization header requires 'Credential', 'Signature', 'SignedHeaders' and 'X-Amz-Date'.")]
    Incomplete,
    /// The signature does not belong to this request and secret access key.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// There is no `Authorization` header.
    #[error("Request is missing Authentication Token")]
    Missing,
    /// The signing key is for another service or day.
    #[error("Credential should be scoped to a valid date and to correct service: '{0}'.")]
    Scope(String),
    /// The date is more than fifteen minutes before or after the server's.
    #[error(
        "Signature expired or not yet valid: {signed_at} is more than 900 seconds off the server's clock."
    )]
    Stale {
        /// The date the client signed.
        signed_at: String,
    },
    /// No caller has this access key id.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// A header that must be signed is not.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    Unsigned(String),
}

impl SigV4Error {
    /// The code of the AWS error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Incomplete => "IncompleteSignatureException",
            Self::Missing => "MissingAuthenticationTokenException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::BodyHash | Self::Mismatch | Self::Scope(_) | Self::Stale { .. } | Self::Unsigned(_) => {
                "InvalidSignatureException"
            }
        }
    }
}

/// Verifies a request's signature. Returns the access key id of the caller.
///
/// `now` is in seconds since 1970; `secret_of` gives the secret access key of an access key id.
pub fn verify(
    request: &WireRequest<'_>,
    service: &str,
    now: u64,
    secret_of: impl FnOnce(&str) -> Option<String>,
) -> Result<String, SigV4Error> {
    let header = text_header(request, "authorization").ok_or(SigV4Error::Missing)?;
    let authorization = AuthorizationHeader::parse(header).ok_or(SigV4Error::Incomplete)?;
    let timestamp = text_header(request, "x-amz-date").ok_or(SigV4Error::Incomplete)?;
    check_signed_headers(request, &authorization.signed_headers)?;
    check_timestamp(timestamp, now)?;
    let scope = authorization.scope;
    if scope.service != service || !timestamp.starts_with(scope.date) || scope.date.len() != DATE_LENGTH {
        return Err(SigV4Error::Scope(service.to_owned()));
    }
    if text_header(request, "x-amz-content-sha256").is_some_and(|hash| hash != sha256_hex(request.body)) {
        return Err(SigV4Error::BodyHash);
    }
    let secret = secret_of(authorization.access_key_id).ok_or(SigV4Error::UnknownKey)?;
    let expected =
        signature(request, CanonicalForm::AWS, &authorization.signed_headers, timestamp, scope, &secret);
    if equal_in_constant_time(&expected, authorization.signature) {
        Ok(authorization.access_key_id.to_owned())
    } else {
        Err(SigV4Error::Mismatch)
    }
}

/// A known way in which a signer differs from AWS, so that its signature is refused as a mismatch. Signers differ on paths with
/// reserved characters and on queries: curl before 8.12 signs the path and the order of the parameters as they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerDeviation {
    /// The signer does not sort the parameters.
    UnsortedQuery,
    /// The signer does not encode the path a second time.
    PathAsSent,
    /// The signer does neither.
    PathAndQuery,
}

impl SignerDeviation {
    /// What the sender of the request can do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::UnsortedQuery => {
                "the signature holds for the query as it stands: write its parameters in alphabetical order, and encode \
                 reserved characters in their values"
            }
            Self::PathAsSent => {
                "the signature holds for the path as it stands, and AWS encodes it once more: use a path without reserved \
                 characters, or another signer"
            }
            Self::PathAndQuery => {
                "the signature holds for path and query as they stand: use a path without reserved characters and write the \
                 parameters in alphabetical order, or use another signer"
            }
        }
    }
}

/// Finds out why a request's signature is a [`SigV4Error::Mismatch`]: `Some` when the signature is right in the form of a known
/// signer. The result is for the log only; the request stays refused.
pub fn find_signer_deviation(
    request: &WireRequest<'_>,
    secret_of: impl FnOnce(&str) -> Option<String>,
) -> Option<SignerDeviation> {
    let authorization = AuthorizationHeader::parse(text_header(request, "authorization")?)?;
    let timestamp = text_header(request, "x-amz-date")?;
    let secret = secret_of(authorization.access_key_id)?;
    let unsorted = CanonicalForm { query: QueryForm::AsSent, ..CanonicalForm::AWS };
    let path_as_sent = CanonicalForm { path: PathForm::AsSent, ..CanonicalForm::AWS };
    let both = CanonicalForm { path: PathForm::AsSent, query: QueryForm::AsSent };
    [
        (unsorted, SignerDeviation::UnsortedQuery),
        (path_as_sent, SignerDeviation::PathAsSent),
        (both, SignerDeviation::PathAndQuery),
    ]
    .into_iter()
    .find_map(|(form, deviation)| {
        let signed_headers = &authorization.signed_headers;
        let computed = signature(request, form, signed_headers, timestamp, authorization.scope, &secret);
        equal_in_constant_time(&computed, authorization.signature).then_some(deviation)
    })
}

fn text_header<'a>(request: &WireRequest<'a>, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}

fn check_signed_headers(request: &WireRequest<'_>, signed_headers: &[&str]) -> Result<(), SigV4Error> {
    let names = request.headers.keys().map(http::HeaderName::as_str);
    let mut required = names.filter(|name| *name == "host" || name.starts_with("x-amz-"));
    let unsigned = required
        .find(|name| !signed_headers.contains(name))
        .or_else(|| (!signed_headers.contains(&"host")).then_some("host"));
    match unsigned {
        None => Ok(()),
        Some(name) => Err(SigV4Error::Unsigned(name.to_owned())),
    }
}

fn check_timestamp(timestamp: &str, now: u64) -> Result<(), SigV4Error> {
    let signed_at =
        PrimitiveDateTime::parse(timestamp, TIMESTAMP).map_err(|_| SigV4Error::Incomplete)?.assume_utc();
    let signed_at = u64::try_from(signed_at.unix_timestamp()).unwrap_or_default();
    if signed_at.abs_diff(now) > MAX_SKEW_SECONDS {
        return Err(SigV4Error::Stale { signed_at: timestamp.to_owned() });
    }
    Ok(())
}

pub(super) const TIMESTAMP: &[BorrowedFormatItem<'static>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");
pub(super) const DATE_LENGTH: usize = 8;
const MAX_SKEW_SECONDS: u64 = 15 * 60;
