//! Responses in AWS's JSON protocols.

use bytes::Bytes;
use serde_json::{Value, json};

/// A response in AWS's JSON protocols.
#[derive(Debug, Clone)]
pub(crate) struct AwsResponse {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl AwsResponse {
    pub(crate) fn ok(body: &Value) -> Self {
        Self { status: 200, body: body.to_string().into() }
    }

    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::error_with_fields(status, code, json!({"message": message}))
    }

    /// An error with fields beside its message.
    pub(crate) fn error_with_fields(status: u16, code: &str, mut fields: Value) -> Self {
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("__type".to_owned(), code.into());
        }
        Self { status, body: fields.to_string().into() }
    }

    /// The cancellation of a transaction, with a reason for each of its parts.
    pub(crate) fn transaction_cancelled(reasons: &[Value]) -> Self {
        let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason.get("Code")?.as_str()).collect();
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        Self::error_with_fields(
            400,
            "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            json!({"Message": message, "CancellationReasons": reasons}),
        )
    }

    pub(crate) fn access_denied(message: &str) -> Self {
        let code = "com.amazon.coral.service#AccessDeniedException";
        Self::error_with_fields(400, code, json!({"Message": message}))
    }

    /// The error's code without its namespace; `None` for a success.
    pub(crate) fn error_code(&self) -> Option<String> {
        if self.status < 400 {
            return None;
        }
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        let code = body.get("__type")?.as_str()?;
        Some(code.rsplit_once('#').map_or(code, |(_, code)| code).to_owned())
    }
}
