//! Measures the release binaries, each in a process of its own behind a simulated Runtime API.
//!
//! ```text
//!   functions, notice ─▶ RuntimeApi ◀─ HTTP ─ a function's binary ─ HTTP ─▶ Upstream (answers `{}` and secrets)
//!   growth ────────────▶ the local gateway, over its embedded DynamoDB, with few rows and with many
//!   load ──────────────▶ functions' binaries, over a local DynamoDB whose partitions throttle
//!   bill ──────────────▶ reconcile's binary, with a bill and rows that are made on the way
//!   primitives ────────▶ criterion, over the public parts of `shared`
//! ```
//!
//! - [`functions`]: size, start, memory and time per request of every function, each against hello world.
//! - [`notice`]: the cost of a genuine payment notice.
//! - [`growth`]: whether any route costs more when the tables are large.
//! - [`load`]: how many orders a second the tables serve until a key throttles.
//! - [`bill`]: how many lines of a bill a run compares, and in how much memory.
//! - [`compare`]: this tree against a commit, for the targets that are ratios to it.
//! - [`primitives`]: signatures, ciphers, XML and tokens; `benches/primitives.rs`.
//!
//! Times are shown and never asserted, because they depend on the machine.

pub mod bill;
pub mod binaries;
pub mod clock;
pub mod compare;
pub mod deployment;
pub mod event;
pub mod functions;
pub mod growth;
pub mod load;
pub mod machine;
pub mod merchant;
pub mod notice;
pub mod plot;
pub mod primitives;
pub mod process;
pub mod progress;
pub mod report;
pub mod runtime_api;
pub mod statistics;
pub mod table;
pub mod upstream;
