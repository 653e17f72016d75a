//! The error responses that API Gateway itself gives.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};

use crate::error::CallError;

/// Why API Gateway answers in place of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GatewayError {
    /// The request is malformed or incomplete.
    BadRequest,
    /// The signature is missing or wrong.
    Forbidden,
    /// The function failed, or its response can't be sent.
    Internal,
    /// The template has no such route.
    NotFound,
    /// The request is larger than API Gateway or Lambda accepts.
    TooLarge,
    /// The function did not answer in time.
    Unavailable,
}

impl GatewayError {
    pub(super) fn into_response(self) -> Response<Bytes> {
        let (status, message) = match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "Bad Request"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        let mut response = Response::new(Bytes::from(format!(r#"{{"message":"{message}"}}"#)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl From<&CallError> for GatewayError {
    fn from(error: &CallError) -> Self {
        match error {
            CallError::TimedOut => Self::Unavailable,
            CallError::Failed(_)
            | CallError::Killed
            | CallError::Panicked
            | CallError::Start(_)
            | CallError::Stuck { .. }
            | CallError::Unknown { .. } => Self::Internal,
        }
    }
}
