//! Compares this tree with a commit: both are built, and their binaries run in turns on this machine, behind the same Runtime API and the
//! same peers.
//!
//! ```text
//!   trees ──▶ binaries of the commit (git worktree below target/compare) and of this tree
//!   figures ─ what is compared, the targets, the table
//!   work ──── processor time of a request          start ─ processor time of a start, peak memory
//!   rates ─── orders a second until a key throttles, requests of an idle sweep
//!   storm ─── processor time of an order's whole life, in the storms of the tests
//!   cold ──── first answers over TLS with the latencies of the real peers and a small function's share of a processor
//! ```
//!
//! Other work on the machine can only add to a time. So the smallest of several starts counts, and the builds take turns.

pub mod cold;
pub mod figures;
pub mod peers;
pub mod rates;
pub mod requests;
pub mod share;
pub mod start;
pub mod storm;
pub mod trees;
pub mod work;

use std::path::PathBuf;

use shared::types::BoxError;
use tokio::runtime::Builder;

use crate::{machine, report::Section};
use figures::Measured;
use trees::Trees;

/// What is compared, and how long that may take.
#[derive(Debug, Clone)]
pub struct ComparisonOptions {
    /// The commit that this tree is compared with.
    pub base: String,
    /// The folders of the base's binaries and of this tree's, if they are built already.
    pub binaries: Vec<PathBuf>,
    /// The functions whose start and memory are compared; all if it is empty. With some, storms are not compared.
    pub only: Vec<String>,
    /// How often each binary is started.
    pub starts: usize,
    /// Requests after each start.
    pub requests: usize,
}

/// Builds and compares both.
///
/// # Errors
/// A build fails, or a binary does not start or answer as expected.
pub fn measure(options: &ComparisonOptions) -> Result<Section, BoxError> {
    let trees = match options.binaries.as_slice() {
        [base, new] => Trees::find(&options.base, base, new)?,
        _ => Trees::build(&options.base, &options.only)?,
    };
    let mut measured = Measured::new();
    // A runtime with one thread, so that it disturbs the measured process as little as possible.
    let single_threaded = Builder::new_current_thread().enable_all().build()?;
    measured.extend(single_threaded.block_on(start::measure(&trees, options.starts))?);
    measured.extend(single_threaded.block_on(work::measure(&trees, options.starts, options.requests))?);
    let (cold, share) = single_threaded.block_on(cold::measure(&trees, options.starts))?;
    measured.extend(cold);
    measured.extend(Builder::new_multi_thread().enable_all().build()?.block_on(rates::measure(&trees))?);
    if options.only.is_empty() {
        measured.extend(storm::measure(&trees)?);
    }
    Ok(Section {
        title: "Comparison",
        text: format!(
            "This tree and commit {}, both built here and run in turns on this machine: the least of {} starts of each, of which each had \
             {} requests once warm. First answers are over TLS 1.3 with {} ms for each round trip to AWS and {} ms for each to WeChat; \
             {share}. Load at the end: {}. In `of`, round trips are those that follow one another; those at the same time count once.\n",
            options.base,
            options.starts,
            options.requests,
            cold::AWS_ROUND_TRIP.as_millis(),
            cold::WECHAT_ROUND_TRIP.as_millis(),
            machine::load(),
        ),
        table: figures::table(&options.base, &measured),
        targets: figures::missed(&measured),
        plots: Vec::new(),
    })
}
