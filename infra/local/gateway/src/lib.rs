//! The program that `cargo run` starts: the whole bundle on one machine.
//!
//! ```text
//!   curl, mini program ─▶ Gateway ─ event ─▶ lambda_http's adapter ─▶ Function ─ signed ─▶ local DynamoDB, event bus and secrets
//!                            │                                           └──────────────▶ simulated WeChat (or a real one)
//!                            └ /_wechat/… ─▶ the phone's side of the simulator, the page, the timeline, the controls
//!   schedules, streams of tables ─ event ─▶ Task ─ as above
//! ```
//!
//! Invariants:
//!
//! - Routes, environment, permissions, tables, schedules and streams come from `template.yaml`. Anything in it that the local world
//!   does not have is an error at the start.
//! - A function gets what it gets in Lambda: the same event through the same conversion, and its own environment without any
//!   variable of this process.
//! - All state belongs to a [`Bundle`], so that many can run in one process. Logs go to the subscriber that the program installs.

mod adapter;
mod aws_time;
mod bundle;
mod clock;
mod config;
mod controls;
mod deployment_values;
mod error;
mod feeds;
mod function;
mod functions;
mod http;
mod invoke;
mod kill;
mod lazy_instance;
mod log;
mod operator_secret;
mod options;
mod queues;
mod quickstart;
mod registry;
mod schedule;
mod seed;
mod servers;
mod stream;
#[cfg(test)]
mod tests;
mod wechat_file;

pub use bundle::Bundle;
pub use config::{Config, ConfigError};
pub use error::{CallError, StartError};
pub use kill::KilledAt;
pub use log::{LogFormat, spawn_request_lines};
pub use options::BundleOptions;
pub use registry::{StartedFunction, registered_folders, start_function};
