//! Signature Version 4: computes a request's signature again from what arrived, and signs for local clients.
//!
//! It serves DynamoDB (service `dynamodb`), EventBridge (`events`), Secrets Manager (`secretsmanager`) and the `AWS_IAM`
//! routes of the local API gateway (`execute-api`). Only signatures in the `Authorization` header are known, not those in the query.
//!
//! Invariants:
//!
//! - `host`, the date and every `x-amz-…` header that arrived must be signed.
//! - The body's hash is always computed here. A client's `x-amz-content-sha256` must equal it; an unsigned payload is
//!   refused.
//! - A date more than fifteen minutes off the given clock is refused.
//!
//! It follows "Create a signed AWS API request"
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

mod authorization;
mod canonical;
pub(crate) mod hash;
mod signer;
#[cfg(test)]
mod tests;
mod verifier;

pub use signer::{Signer, sign, sign_as_curl_7_88};
pub use verifier::{SignatureError, SignerFault, signer_fault, verify};

/// A request as it stands on the wire.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, with its percent-encoding.
    pub path: &'a str,
    /// What follows the question mark, with its percent-encoding.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a http::HeaderMap,
    /// The body.
    pub body: &'a [u8],
}
