//! Chaos tests: many orders, from placing them to their settlement, while functions, DynamoDB and WeChat fail at random, then a recovery
//! without faults. At the end WeChat Pay's ledger and our tables must agree to the fen, both must say the same of every shipping and
//! complaint, every effect must have happened once, and nothing may be stuck.
//!
//! `kill_at_await.rs` kills single calls instead, each at a chosen await.
//!
//! The suite runs each interface of WeChat Pay with a few orders. `README.md` has the commands of long runs, and what they have shown.
//!
//! The seed chooses the scenario of every order and all random faults. The order in which concurrent requests run is not
//! reproducible.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that can't go on has failed"
)]

mod cast;
mod faults;
mod fulfilment;
mod kill_at_await;
mod ledgers;
mod pending;
mod progress;
mod recovery;
mod scenario;
mod shrink;
mod stock_model;
mod storm;

use crate::storm::run_storm;

#[test]
fn ledgers_agree_after_chaos_over_v2_with_md5() {
    run_storm(0);
}

#[test]
fn ledgers_agree_after_chaos_over_v2_with_hmac() {
    run_storm(1);
}

#[test]
fn ledgers_agree_after_chaos_over_v3_with_certificates() {
    run_storm(2);
}

#[test]
fn ledgers_agree_after_chaos_over_v3_with_the_public_key() {
    run_storm(3);
}

/// The number in the environment's variable `name`, by which a long run is configured.
#[expect(clippy::disallowed_methods, reason = "a long run is configured in the environment")]
fn number_of(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}
