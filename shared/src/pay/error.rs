//! What goes wrong between us and WeChat Pay.

use super::BillError;
use crate::{
    error::{ApiError, BoxError, Code},
    host::HostError,
};

/// WeChat Pay could not be asked, or its answer can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// Nothing is known of the outcome.
    #[error("{path} was called and its answer was lost")]
    Lost {
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
    /// The answer's signature or contents are not right: it is not believed.
    #[error("{path} answered with a wrong {what}")]
    NotVerified {
        /// The path called.
        path: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// A bill came, and it is not whole or not in its form.
    #[error("{path} gave a bill that can't be used")]
    Bill {
        /// The path called.
        path: &'static str,
        /// Why.
        #[source]
        cause: BillError,
    },
    /// The request can't be written.
    #[error("{path} can't be asked for")]
    Request {
        /// The path meant.
        path: &'static str,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// The operator has not put in what this needs.
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
            Self::Lost { .. } => true,
            Self::Business { transient, .. } => *transient,
            _ => false,
        }
    }
}

impl From<PayError> for ApiError {
    fn from(error: PayError) -> Self {
        let code = match error {
            PayError::Secret(error) => return error.into(),
            PayError::NotConfigured(_) => Code::NotConfigured,
            PayError::Business { ref code, .. } if is_rate_limit(code) => Code::RateLimited,
            ref error if error.is_transient() => Code::UpstreamBusy,
            _ => Code::Internal,
        };
        Self::new(code).because(error)
    }
}

/// Whether the code asks to slow down.
pub(super) fn is_rate_limit(code: &str) -> bool {
    matches!(code, "FREQUENCY_LIMITED" | "RATELIMIT_EXCEEDED" | "INVALID_REQ_TOO_MUCH")
}
