//! The program that `cargo run` starts: the whole bundle on one machine.
//!
//! ```text
//!   curl, mini program ─▶ Gateway ─ event ─▶ lambda_http's adapter ─▶ Function ─ signed ─▶ local DynamoDB, event bus and secrets
//!                            │                                           └──────────────▶ simulated WeChat (or a real one)
//!                            └ /_wechat/… ─▶ the phone's side of the simulator
//!   schedules, streams of tables ─ event ─▶ Task ─ as above
//! ```
//!
//! Invariants:
//!
//! - Routes, environment, permissions, tables, schedules and streams come from `template.yaml`; what it asks for and is not here
//!   is an error at the start, never a gap.
//! - A function sees what it sees in Lambda: the same event through the same conversion, its own environment and nothing
//!   of this process's.
//! - All state belongs to a [`Bundle`]; many run beside each other in one process. Logs go to the subscriber that the
//!   program has installed.

mod adapter;
mod bundle;
mod config;
mod deployment;
mod error;
mod function;
mod functions;
mod http;
mod invoke;
mod key;
mod kill;
mod moment;
mod options;
mod queues;
mod registry;
mod schedule;
mod seed;
mod servers;
mod slot;
mod stream;
#[cfg(test)]
mod tests;
mod walk;

pub use bundle::Bundle;
pub use config::{Config, ConfigError};
pub use error::{CallError, StartError};
pub use options::Options;
pub use registry::{registered, start};
