//! Failures of calls to WeChat Pay.

use super::BillError;
use crate::{
    host::{FailureKind, HostError},
    types::BoxError,
};

/// A call to WeChat Pay failed, or its answer can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// The request was sent, and no usable answer came: it may have taken effect.
    #[error("{path} was called and its answer was lost")]
    OutcomeUnknown {
        /// The path called.
        path: &'static str,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// The request as a whole was refused: the key, the account or the format is wrong.
    #[error("{path} refused the request: {said}")]
    Refused {
        /// The path called.
        path: &'static str,
        /// WeChat Pay's words.
        said: String,
    },
    /// The request was understood and could not be done.
    #[error("{path} answered {code}")]
    Business {
        /// The path called.
        path: &'static str,
        /// WeChat Pay's code.
        code: String,
        /// Whether the identical request may succeed, now or a little later.
        transient: bool,
    },
    /// The answer's signature or content is wrong, so nothing of it is used.
    #[error("{path} answered with a wrong {what}")]
    NotVerified {
        /// The path called.
        path: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// The answer or notice is signed with a certificate that is not in the list of platform certificates, and that list is less
    /// than a minute old, so it is not downloaded again yet. The request may have taken effect.
    #[error("the signature's certificate is not in the list that was got a moment ago")]
    CertificateNotListed,
    /// The downloaded bill is incomplete or malformed.
    #[error("{path} gave a bill that can't be used")]
    Bill {
        /// The path called.
        path: &'static str,
        /// Why.
        #[source]
        cause: BillError,
    },
    /// The request can't be serialized. Nothing was sent.
    #[error("{path} can't be asked for")]
    Request {
        /// The path meant.
        path: &'static str,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// The merchant's secret lacks a field that this call needs.
    #[error("the merchant's secret has no {0}")]
    NotConfigured(&'static str),
    /// The merchant's secret can't be read.
    #[error(transparent)]
    Secret(#[from] crate::secrets::SecretError),
    /// The host gives no client or no randomness.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl PayError {
    /// Whether the identical request may succeed, now or a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. } | Self::CertificateNotListed => true,
            Self::Business { transient, .. } => *transient,
            _ => false,
        }
    }

    /// The kind of the failure, by which a [`RetryPolicy`](crate::host::RetryPolicy) decides about another attempt.
    pub(crate) fn failure_kind(&self) -> FailureKind {
        match self {
            // WeChat Pay would sign the next answer with the same new certificate.
            Self::CertificateNotListed => FailureKind::Permanent,
            error if error.is_transient() => FailureKind::OutcomeUnknown,
            _ => FailureKind::Permanent,
        }
    }

    /// Whether WeChat Pay limits the rate of this call.
    #[must_use]
    pub fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Business { code, .. } if is_rate_limit(code))
    }

    /// The reason in one word for operators: WeChat Pay's code, or a word of this program. No other part of the answer is quoted,
    /// because it can be personal.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Business { code, .. } | Self::Refused { said: code, .. } if is_code(code) => code.clone(),
            Self::Business { .. } | Self::Refused { .. } => "REFUSED".to_owned(),
            Self::OutcomeUnknown { .. } => "NO_ANSWER".to_owned(),
            Self::NotVerified { .. } | Self::Bill { .. } | Self::CertificateNotListed => {
                "NOT_VERIFIED".to_owned()
            }
            Self::NotConfigured(what) => format!("NOT_CONFIGURED {what}"),
            Self::Secret(_) => "SECRET_UNREADABLE".to_owned(),
            Self::Request { .. } | Self::Host(_) => "NOT_SENT".to_owned(),
        }
    }
}

/// Whether the text is a code, not a sentence: `SIGN_ERROR`, `HTTP_400`.
fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether the code is one of a rate limit.
pub(super) fn is_rate_limit(code: &str) -> bool {
    matches!(code, "FREQUENCY_LIMITED" | "RATELIMIT_EXCEEDED" | "INVALID_REQ_TOO_MUCH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_code_or_a_word_and_never_a_sentence_of_the_other_side() {
        let path = "/pay/x";
        let business = |code: &str| PayError::Business { path, code: code.to_owned(), transient: false };
        let refused = |said: &str| PayError::Refused { path, said: said.to_owned() };
        for (error, reason) in [
            (business("NOTENOUGH"), "NOTENOUGH"),
            (business(""), "REFUSED"),
            (refused("SIGN_ERROR"), "SIGN_ERROR"),
            (refused("HTTP_400"), "HTTP_400"),
            (refused("证书错误，请使用商户API证书"), "REFUSED"),
            (refused("sk_live secret"), "REFUSED"),
            (PayError::OutcomeUnknown { path, cause: "closed".into() }, "NO_ANSWER"),
            (PayError::NotVerified { path, what: "signature" }, "NOT_VERIFIED"),
            (PayError::CertificateNotListed, "NOT_VERIFIED"),
            (PayError::NotConfigured("client_cert"), "NOT_CONFIGURED client_cert"),
            (PayError::Request { path, cause: "form".into() }, "NOT_SENT"),
        ] {
            assert_eq!(error.reason(), reason, "{error}");
        }
    }
}
