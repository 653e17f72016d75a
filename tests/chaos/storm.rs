//! A storm: many orders in one world after another, and the smallest world that still fails.

use std::{
    any::Any,
    cell::Cell,
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use e2e::World;
use futures_util::{StreamExt, future, stream};

use crate::{cast, cast::Cast, faults, ledgers, number_of, recovery, scenario};

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

/// Runs the storm of `CHAOS_ORDERS` and `CHAOS_SEED` over an interface. A failure says how to repeat it.
pub(crate) fn run_storm(api: usize) {
    let orders = number_of("CHAOS_ORDERS").unwrap_or(12);
    let seed = number_of("CHAOS_SEED").unwrap_or(1);
    let faults = number_of("CHAOS_FAULTS").unwrap_or(100);
    let worlds = orders.div_ceil(MOST_ORDERS);
    for number in 0..worlds {
        let orders = (orders - number * MOST_ORDERS).min(MOST_ORDERS);
        let storm = Storm { api, orders, seed: seed.wrapping_add(number << 40), faults };
        if let Err(panic) = storm.run() {
            let storm = if worlds > 1 { storm.shrink() } else { storm };
            let Storm { orders, seed, faults, .. } = storm;
            println!(
                "{}: CHAOS_ORDERS={orders} CHAOS_SEED={seed} CHAOS_FAULTS={faults} repeats it",
                APIS[api].0
            );
            resume_unwind(panic);
        }
        if worlds > 1 {
            println!("{}: {} of {worlds} worlds", APIS[api].0, number + 1);
        }
    }
    let milliseconds = processor_milliseconds();
    println!(
        "{}: {orders} orders in {worlds} worlds; this process has used {}.{:03} s of processor time so far",
        APIS[api].0,
        milliseconds / 1000,
        milliseconds % 1000
    );
}

/// One world, its orders and their faults.
#[derive(Clone, Copy)]
struct Storm {
    api: usize,
    orders: u64,
    seed: u64,
    /// How many faults there are, in percent of the usual.
    faults: u64,
}

impl Storm {
    fn run(self) -> Result<(), Box<dyn Any + Send>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        catch_unwind(AssertUnwindSafe(|| runtime.block_on(self.rage())))
    }

    /// The smallest storm that still fails: with half of the orders, or half of the faults.
    fn shrink(self) -> Self {
        let halves = [Self { orders: self.orders / 2, ..self }, Self { faults: self.faults / 2, ..self }];
        let smaller = halves.into_iter().filter(|half| half.orders >= FEWEST_ORDERS && half.faults > 0);
        smaller.into_iter().find(|half| half.run().is_err()).map_or(self, Self::shrink)
    }

    async fn rage(self) {
        let Self { api, orders, seed, faults: percent } = self;
        let (name, config) = APIS[api];
        let world = World::start().with_config(config).with_shipping().await;
        cast::stock_up(&world).await;
        let cast = Cast::gather(&world).await;

        let started = world.now();
        faults::start_random_faults(&world, seed, percent);
        let done = Cell::new(false);
        let scenarios = async {
            stream::iter(0..orders)
                .map(|number| scenario::run(&cast, cast.user(number), seed.wrapping_add(number << 8)))
                .buffer_unordered(CONCURRENCY)
                .for_each(|()| future::ready(()))
                .await;
            done.set(true);
        };
        future::join(scenarios, faults::inject_until_done(&world, seed, percent, api, &done)).await;
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
}

/// The processor time of this process, user's and system's. Linux counts it in hundredths of a second.
fn processor_milliseconds() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may contain blanks.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

/// The most orders of a world. More would keep gigabytes of logs and answers, which are searched for secrets at its end.
const MOST_ORDERS: u64 = 500;
/// With fewer orders too little happens.
const FEWEST_ORDERS: u64 = 20;
const CONCURRENCY: usize = 16;
