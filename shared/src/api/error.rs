//! A request's failure at the edge: the code for the caller, the cause for the log.
//!
//! Inner layers have errors of their own and know nothing of HTTP: [`mapping`](super::mapping) says which code each becomes. The
//! caller gets the code and a short Chinese message; the log gets the cause, once.

use std::{borrow::Cow, time::Duration};

use super::Code;
use crate::{
    telemetry,
    types::{BoxError, error_chain},
};

/// A request's failure: the code for the caller, the cause for the log.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    message: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    cause: Option<BoxError>,
}

impl ApiError {
    /// The failure `code`, without a cause.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { code, message: None, retry_after: None, cause: None }
    }

    /// `INVALID_INPUT`: `field` is wrong because of `problem` (short Chinese, such as `不能为空`).
    #[must_use]
    pub fn invalid(field: &str, problem: &str) -> Self {
        Self {
            message: Some(format!("参数有误：{field} {problem}").into()), ..Self::new(Code::InvalidInput)
        }
    }

    /// The failure with another message than the code's own. A 5xx keeps the code's message, so that no detail of the inside gets out.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        if !self.code.status().is_server_error() {
            self.message = Some(message.into());
        }
        self
    }

    /// The failure with its cause, which is logged. The cause's `Display` must contain no secret and no personal data.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<BoxError>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The failure with the time after which the same request may succeed.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The message for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_else(|| self.code.message())
    }

    /// The seconds of the `Retry-After` header. `RATE_LIMITED` always has them.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let default = (self.code == Code::RateLimited).then_some(60);
        self.retry_after.map(|wait| wait.as_secs()).or(default)
    }

    /// The part of the failure that is logged.
    #[must_use]
    pub fn log_entry(&self) -> telemetry::Failure<'_> {
        let chain = self.cause.as_deref().map(|cause| error_chain(cause));
        telemetry::Failure { code: self.code.name(), severity: self.code.severity(), chain }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_error_keeps_its_constant_message() {
        let error = ApiError::new(Code::Internal).with_message("the table is on fire");
        assert_eq!(error.message(), Code::Internal.message());
    }

    #[test]
    fn rate_limited_says_when_to_come_back() {
        assert_eq!(ApiError::new(Code::RateLimited).retry_after_seconds(), Some(60));
        assert_eq!(ApiError::new(Code::NotFound).retry_after_seconds(), None);
    }
}
