//! The errors of Pay v3: an HTTP status and `{"code", "message", "detail"}`.
//!
//! Documentation: "Error codes" (错误码) of Pay v3. Errors have no signature here. The documentation does not say whether they have
//! one, so a client must not require it.

use http::StatusCode;
use serde_json::{Value, json};

use super::with_fields;
use crate::core::exchange::ApiResponse;

/// An error of Pay v3.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct V3Error {
    pub(crate) code: String,
    status: StatusCode,
    message: String,
    detail: Option<Value>,
}

impl V3Error {
    /// An error with the status of this code.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), status: status_of(code), message: message.into(), detail: None }
    }

    /// The error for a field that is missing, of the wrong type or of the wrong format.
    pub(crate) fn parameter(location: &str, field: &str, issue: &str) -> Self {
        let detail = json!({"location": location, "field": field, "issue": issue});
        let message = format!("输入源“/{location}{field}”{issue}");
        Self { detail: Some(detail), ..Self::new("PARAM_ERROR", message) }
    }

    /// The error for a wrong signature or a wrong header `Authorization`.
    pub(crate) fn signature(message: &str, detail: Value) -> Self {
        Self { detail: Some(detail), ..Self::new("SIGN_ERROR", message) }
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn into_response(self) -> ApiResponse {
        let Self { code, status, message, detail } = self;
        let mut body = json!({"code": code, "message": message});
        if let Some(detail) = detail {
            body = with_fields(body, [("detail", detail)]);
        }
        ApiResponse {
            status,
            content_type: "application/json; charset=utf-8",
            headers: Vec::new(),
            body: body.to_string().into(),
            outcome: code,
        }
    }
}

/// The status of a code; 400 for an unknown code.
fn status_of(code: &str) -> StatusCode {
    match code {
        "SIGN_ERROR" => StatusCode::UNAUTHORIZED,
        "NO_AUTH"
        | "RULE_LIMIT"
        | "OUT_TRADE_NO_USED"
        | "TRADE_ERROR"
        | "ACCOUNT_ERROR"
        | "NOT_ENOUGH"
        | "USER_ACCOUNT_ABNORMAL"
        | "REQUEST_BLOCKED"
        | "TRADE_OVERDUE" => StatusCode::FORBIDDEN,
        "ORDER_NOT_EXIST" | "RESOURCE_NOT_EXISTS" => StatusCode::NOT_FOUND,
        "FREQUENCY_LIMITED" | "RATELIMIT_EXCEEDED" => StatusCode::TOO_MANY_REQUESTS,
        "SYSTEM_ERROR" | "OPENID_MISMATCH" | "BANK_ERROR" | "INVALID_TRANSACTIONID" => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        "SERVICE_UNAVAILABLE" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_status() {
        for (code, status) in
            [("PARAM_ERROR", 400), ("SIGN_ERROR", 401), ("ORDER_NOT_EXIST", 404), ("SYSTEM_ERROR", 500)]
        {
            assert_eq!(V3Error::new(code, "no").into_response().status, status, "{code}");
        }
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let answer = V3Error::parameter("body", "/amount/total", "值低于最小值 1").into_response();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (body["code"].as_str(), body["detail"]["field"].as_str()),
            (Some("PARAM_ERROR"), Some("/amount/total"))
        );
    }
}
