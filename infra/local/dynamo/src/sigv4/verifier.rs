//! Whether a request is what its signature says.

use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::Received;
use super::authorization::Authorization;
use super::canonical::{Form, PathForm, QueryForm, signature};
use super::hash::{equal, sha256_hex};

/// Why a signature was refused. The messages are AWS's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The body is not the one whose hash the client sent.
    #[error("The value of x-amz-content-sha256 is not the hash of the body that was received.")]
    BodyHash,
    /// The header or the date cannot be read.
    #[error("Authorization header requires 'Credential', 'Signature', 'SignedHeaders' and 'X-Amz-Date'.")]
    Incomplete,
    /// The signature is another one.
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
    /// The date is more than fifteen minutes off.
    #[error(
        "Signature expired or not yet valid: {signed_at} is more than 900 seconds off the server's clock."
    )]
    Stale {
        /// The date the client signed.
        signed_at: String,
    },
    /// Nobody has this access key id.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// A header that must be signed is not.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    Unsigned(String),
}

impl SignatureError {
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

/// Checks a request's signature and returns the access key id of who made it.
///
/// `now` is in seconds since 1970; `secret_of` gives the secret access key for an access key id.
pub fn verify(
    request: &Received<'_>,
    service: &str,
    now: u64,
    secret_of: impl FnOnce(&str) -> Option<String>,
) -> Result<String, SignatureError> {
    let header = text_header(request, "authorization").ok_or(SignatureError::Missing)?;
    let authorization = Authorization::parse(header).ok_or(SignatureError::Incomplete)?;
    let timestamp = text_header(request, "x-amz-date").ok_or(SignatureError::Incomplete)?;
    check_headers(request, &authorization.signed_headers)?;
    check_time(timestamp, now)?;
    let scope = authorization.scope;
    if scope.service != service || !timestamp.starts_with(scope.date) || scope.date.len() != DATE_LENGTH {
        return Err(SignatureError::Scope(service.to_owned()));
    }
    if text_header(request, "x-amz-content-sha256").is_some_and(|hash| hash != sha256_hex(request.body)) {
        return Err(SignatureError::BodyHash);
    }
    let secret = secret_of(authorization.access_key_id).ok_or(SignatureError::UnknownKey)?;
    let expected = signature(request, Form::AWS, &authorization.signed_headers, timestamp, scope, &secret);
    if equal(&expected, authorization.signature) {
        Ok(authorization.access_key_id.to_owned())
    } else {
        Err(SignatureError::Mismatch)
    }
}

/// How a signer differs from AWS whose signature was refused as a mismatch. Signers disagree on requests whose path or query is not
/// plain: curl before 8.12 signs the path as it stands on the wire, and the parameters in the order in which they stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerFault {
    /// The parameters are signed in the order in which they stand.
    UnsortedQuery,
    /// The path is signed as it stands on the wire.
    PathAsOnTheWire,
    /// Both.
    PathAndQuery,
}

impl SignerFault {
    /// What whoever sends the request can do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::UnsortedQuery => {
                "the signature holds for the query as it stands: write its parameters in alphabetical order, and encode \
                 reserved characters in their values"
            }
            Self::PathAsOnTheWire => {
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

/// Why the signature of a request is a [`SignatureError::Mismatch`], if the signer only writes the request down in another way.
/// Nobody is let in by this: it is for the log.
pub fn signer_fault(
    request: &Received<'_>,
    secret_of: impl FnOnce(&str) -> Option<String>,
) -> Option<SignerFault> {
    let authorization = Authorization::parse(text_header(request, "authorization")?)?;
    let timestamp = text_header(request, "x-amz-date")?;
    let secret = secret_of(authorization.access_key_id)?;
    let unsorted = Form { query: QueryForm::OnTheWire, ..Form::AWS };
    let on_the_wire = Form { path: PathForm::OnTheWire, ..Form::AWS };
    let both = Form { path: PathForm::OnTheWire, query: QueryForm::OnTheWire };
    [
        (unsorted, SignerFault::UnsortedQuery),
        (on_the_wire, SignerFault::PathAsOnTheWire),
        (both, SignerFault::PathAndQuery),
    ]
    .into_iter()
    .find_map(|(form, fault)| {
        let signed_headers = &authorization.signed_headers;
        let made = signature(request, form, signed_headers, timestamp, authorization.scope, &secret);
        equal(&made, authorization.signature).then_some(fault)
    })
}

fn text_header<'a>(request: &Received<'a>, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}

fn check_headers(request: &Received<'_>, signed: &[&str]) -> Result<(), SignatureError> {
    let names = request.headers.keys().map(http::HeaderName::as_str);
    let mut must = names.filter(|name| *name == "host" || name.starts_with("x-amz-"));
    let unsigned =
        must.find(|name| !signed.contains(name)).or_else(|| (!signed.contains(&"host")).then_some("host"));
    match unsigned {
        None => Ok(()),
        Some(name) => Err(SignatureError::Unsigned(name.to_owned())),
    }
}

fn check_time(timestamp: &str, now: u64) -> Result<(), SignatureError> {
    let signed_at =
        PrimitiveDateTime::parse(timestamp, TIMESTAMP).map_err(|_| SignatureError::Incomplete)?.assume_utc();
    let signed_at = u64::try_from(signed_at.unix_timestamp()).unwrap_or_default();
    if signed_at.abs_diff(now) > MOST_SKEW_SECONDS {
        return Err(SignatureError::Stale { signed_at: timestamp.to_owned() });
    }
    Ok(())
}

pub(super) const TIMESTAMP: &[BorrowedFormatItem<'static>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");
pub(super) const DATE_LENGTH: usize = 8;
const MOST_SKEW_SECONDS: u64 = 15 * 60;
