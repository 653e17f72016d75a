//! DynamoDB, EventBridge and Secrets Manager on this machine, with the permissions of the deployed bundle.
//!
//! ```text
//! function ── signed request ──▶ signature ─▶ statements ─▶ faults ─▶ embedded DynamoDB │ event buses │ secrets
//!                                   │             │            │                 │
//!                                   └─────────────┴────────────┴──── call log ◀──┘
//! ```
//!
//! Invariants:
//!
//! - The signature decides about a request: the access key id names the caller, and the signature is computed again over
//!   what reached the socket ([`sigv4`]).
//! - A function may do what its statements in the template allow and nothing else; the error is DynamoDB's own. The operator
//!   ([`OPERATOR`]) has every permission.
//! - A stream has a record for every write that changed an item, with the images of the view that the template asks for.
//! - Partitions have the throughput that AWS's have, scaled down, if [`ThroughputOptions`] asks for it.
//! - Every call is logged with its cost, so that tests can compare the permissions that were used with those that are granted.
//!
//! The protocols are "DynamoDB API Reference" (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/>), "EventBridge
//! API Reference" (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/>) and "Secrets Manager API Reference"
//! (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/>).

mod access;
mod call_log;
mod capacity_units;
mod chaos;
mod clock;
mod dynamo;
mod engine;
mod error;
mod event_buses;
mod fault_kind;
mod fault_queue;
mod leading_keys;
mod permission;
mod request_target;
mod response;
mod secret_store;
mod server;
pub mod sigv4;

pub use access::access_keys::OPERATOR;
pub use call_log::{CallObserver, ServiceCall};
pub use capacity_units::CapacityUnits;
pub use chaos::FaultInjector;
pub use dynamo::{Dynamo, DynamoOptions};
pub use engine::{Access, HotKey, PartitionLayout, ThroughputOptions};
pub use error::DynamoError;
pub use event_buses::EventObserver;
pub use fault_kind::FaultKind;
pub use fault_queue::DynamoFault;
pub use permission::{Permission, PermissionUse};
pub use server::AuthorizationError;
