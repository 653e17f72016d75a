//! DynamoDB, EventBridge and Secrets Manager on this machine, with the permissions of the deployed bundle.
//!
//! ```text
//! function ── signed request ──▶ signature ─▶ statements ─▶ faults ─▶ embedded DynamoDB │ event buses │ secrets
//!                                   │             │            │              │
//!                                   └─────────────┴──── calls(), denied() ◀───┘
//! ```
//!
//! Invariants:
//!
//! - A request is what its signature says: the access key id names the caller, and the signature is computed again over
//!   what reached the socket ([`sigv4`]).
//! - A function may do what its statements in the template allow and nothing else; the refusal is DynamoDB's own. The
//!   operator ([`OPERATOR`]) may do everything.
//! - A stream has what changed and nothing else, cut to the view that the template asks for.
//! - Every call is on record with its cost, so that tests can compare what was used with what was granted.
//!
//! The wire is "DynamoDB API Reference" (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/>), "EventBridge
//! API Reference" (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/>) and "Secrets Manager API Reference"
//! (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/>).

mod access;
mod answer;
mod clock;
mod dynamo;
mod engine;
mod error;
mod events;
mod fault;
mod record;
mod secrets;
mod server;
pub mod sigv4;
mod target;
mod weather;

pub use access::keys::OPERATOR;
pub use dynamo::{Dynamo, Options};
pub use error::DynamoError;
pub use fault::{Fault, FaultKind};
pub use record::{Call, Permission, PermissionUse, Units};
pub use server::Refusal;
pub use weather::Weather;
