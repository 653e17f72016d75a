//! Answers that API Gateway gives by itself.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};

use crate::error::CallError;

/// Why a request has no answer of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request broke off, or is no request.
    BadRequest,
    /// Not signed, or not rightly.
    Forbidden,
    /// The function failed.
    Internal,
    /// No such route.
    NotFound,
    /// Larger than API Gateway or Lambda takes.
    TooLarge,
    /// The function did not answer in time.
    Unavailable,
}

impl Refusal {
    pub(super) fn into_response(self) -> Response<Body> {
        let (status, message) = match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "Bad Request"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        let mut response = Response::new(Body::from(format!(r#"{{"message":"{message}"}}"#)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl From<&CallError> for Refusal {
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
