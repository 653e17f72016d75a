//! Chaos tests: many orders, from placing them to their settlement, while functions, DynamoDB and WeChat fail at random, then a recovery
//! without faults. At the end WeChat Pay's ledger and our tables must agree to the fen, both must say the same of every shipping and
//! complaint, every effect must have happened once, and nothing may be stuck.
//!
//! `kill_at_await.rs` kills single calls instead, each at a chosen await.
//!
//! The suite runs each interface of WeChat Pay with a few orders. A long run:
//!
//! ```text
//! CHAOS_ORDERS=1000 CHAOS_SEED=7 cargo test -p e2e --test chaos -- --nocapture
//! ```
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
mod recovery;
mod scenario;

use std::cell::Cell;

use e2e::World;
use futures_util::{StreamExt, future, stream};

use crate::cast::Cast;

/// WeChat Pay's interfaces, each with the configuration that selects it.
const APIS: [(&str, &str); 4] = [
    ("v2, MD5", "[merchant]\nsign_type = \"MD5\""),
    ("v2, HMAC-SHA256", "[merchant]\nsign_type = \"HMAC-SHA256\""),
    ("v3, certificates", "[merchant]\napi = \"v3\""),
    (
        "v3, public key",
        "[merchant]\napi = \"v3\"\nplatform_keys = [{ id = \"PUB_KEY_ID_0116482039572024061300382800\", \
         file = \"../infra/local/wechat/keys/pub_key.pem\" }]",
    ),
];

/// The size and the seed of a run.
struct RunOptions {
    orders: u64,
    seed: u64,
}

impl RunOptions {
    #[expect(clippy::disallowed_methods, reason = "a long run is configured in the environment")]
    fn read() -> Self {
        let number = |name: &str, default| {
            std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
        };
        Self { orders: number("CHAOS_ORDERS", 20), seed: number("CHAOS_SEED", 1) }
    }
}

async fn run_chaos(api: usize) {
    let RunOptions { orders, seed } = RunOptions::read();
    let (name, config) = APIS[api];
    let world = World::start().with_config(config).with_shipping().await;
    cast::stock_up(&world).await;
    let cast = Cast::gather(&world).await;

    let started = world.now();
    faults::start_random_faults(&world, seed);
    let done = Cell::new(false);
    let scenarios = async {
        stream::iter(0..orders)
            .map(|number| scenario::run(&cast, cast.user(number), seed.wrapping_add(number << 8)))
            .buffer_unordered(CONCURRENCY)
            .for_each(|()| future::ready(()))
            .await;
        done.set(true);
    };
    future::join(scenarios, faults::inject_until_done(&world, seed, api, &done)).await;
    let (summary, seconds) = (faults::stop_and_summarize(&world).await, world.now() - started);

    recovery::refuse_certificates(&world, api >= 2).await;
    let rounds = recovery::run_until_settled(&cast).await;
    ledgers::compare_bills(&world).await;
    recovery::await_receipts(&cast).await;
    let totals = ledgers::compare(&world).await;
    println!(
        "{name}: seed {seed}, {orders} orders in {seconds} s of simulated time, {summary}; settled after {rounds} rounds; {totals}"
    );
}

const CONCURRENCY: usize = 16;

#[tokio::test]
async fn ledgers_agree_after_chaos_over_v2_with_md5() {
    run_chaos(0).await;
}

#[tokio::test]
async fn ledgers_agree_after_chaos_over_v2_with_hmac() {
    run_chaos(1).await;
}

#[tokio::test]
async fn ledgers_agree_after_chaos_over_v3_with_certificates() {
    run_chaos(2).await;
}

#[tokio::test]
async fn ledgers_agree_after_chaos_over_v3_with_the_public_key() {
    run_chaos(3).await;
}
