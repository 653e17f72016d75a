//! What every function of the bundle shares, in layers: each module uses only those below it.
//!
//! ```text
//! runtime             the path of every request: event → handler → answer and log line
//! api                 requests in, answers out, error codes; which failure becomes which code
//! service             use cases: payments, refunds, access tokens, session tokens, subscribe messages
//! store               DynamoDB tables: one method per intention, each with its condition
//! order               the order's state machine; when to ask about orders and refunds
//! pay, wechat         the protocols of WeChat Pay and of the open platform
//! secrets             values of Secrets Manager, cached
//! host                environment, clock, randomness, network, retries
//! telemetry           log lines and metrics
//! crypto              digests, ciphers, signatures: bytes in, bytes out
//! types               values that are parsed once
//! ```
//!
//! `tests/contract/layers.rs` fails on a path that points upwards.

pub mod api;
pub mod crypto;
pub mod host;
pub mod order;
pub mod pay;
pub mod runtime;
pub mod secrets;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod types;
pub mod wechat;
