//! AWS Signature Version 4: verifies the signatures of requests, and signs requests of local clients.
//!
//! It is used for DynamoDB (service `dynamodb`), EventBridge (`events`), Secrets Manager (`secretsmanager`) and the `AWS_IAM`
//! routes of the local API gateway (`execute-api`). Signatures in the query are not
//! supported, only those in the header `Authorization`.
//!
//! Invariants:
//!
//! - The headers `host`, `x-amz-date` and every other received `x-amz-…` must be signed.
//! - The body's hash is always computed from the received body. A client's `x-amz-content-sha256` must equal it, so an unsigned
//!   payload is refused.
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
pub use verifier::{SigV4Error, SignerDeviation, find_signer_deviation, verify};

/// A request as it is sent or received, before anything is decoded.
#[derive(Clone, Copy)]
pub struct WireRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, with its percent-encoding.
    pub path: &'a str,
    /// The query, without the question mark and with its percent-encoding.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a http::HeaderMap,
    /// The body.
    pub body: &'a [u8],
}
