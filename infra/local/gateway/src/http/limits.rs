//! The limits of API Gateway and Lambda.
//!
//! They follow "Quotas for configuring and running an HTTP API"
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>) and "Lambda quotas"
//! (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).

use std::time::Duration;

/// API Gateway accepts bodies of up to 10 MB.
pub(super) const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// How much of a body that is too large is read before the connection is closed.
pub(super) const MAX_DRAINED_BYTES: usize = 4 * MAX_BODY_BYTES;
/// Lambda accepts and returns up to 6 MB, counted after Base64 encoding.
pub(super) const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
/// API Gateway waits at most 30 seconds; a second of them is left for the way back.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(29);
