//! A storm: many orders in one world after another, and the smallest world that still fails.

use std::{
    any::Any,
    cell::Cell,
    fmt::{self, Display, Formatter},
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use e2e::World;
use futures_util::{StreamExt, future, stream};

use crate::{
    cast::{self, Cast},
    faults, ledgers, number_of,
    progress::{self, Progress},
    recovery, scenario,
    shrink::{self, Shrink},
};

/// An interface of WeChat Pay.
#[derive(Clone, Copy)]
struct Interface {
    name: &'static str,
    /// The test that runs its storm.
    test: &'static str,
    /// The configuration that selects it.
    config: &'static str,
}

const INTERFACES: [Interface; 4] = [
    Interface {
        name: "v2, MD5",
        test: "ledgers_agree_after_chaos_over_v2_with_md5",
        config: "[merchant]\nsign_type = \"MD5\"",
    },
    Interface {
        name: "v2, HMAC-SHA256",
        test: "ledgers_agree_after_chaos_over_v2_with_hmac",
        config: "[merchant]\nsign_type = \"HMAC-SHA256\"",
    },
    Interface {
        name: "v3, certificates",
        test: "ledgers_agree_after_chaos_over_v3_with_certificates",
        config: "[merchant]\napi = \"v3\"",
    },
    Interface {
        name: "v3, public key",
        test: "ledgers_agree_after_chaos_over_v3_with_the_public_key",
        config: "[merchant]\napi = \"v3\"\nplatform_keys = [{ id = \"PUB_KEY_ID_0116482039572024061300382800\", \
                 file = \"../infra/local/wechat/keys/pub_key.pem\" }]",
    },
];

/// Runs the storm of `CHAOS_ORDERS` and `CHAOS_SEED` over an interface. A failure says how to repeat it.
pub(crate) fn run_storm(api: usize) {
    let whole = Storm {
        api,
        orders: number_of("CHAOS_ORDERS").unwrap_or(12),
        seed: number_of("CHAOS_SEED").unwrap_or(1),
        faults: number_of("CHAOS_FAULTS").unwrap_or(100),
    };
    let name = INTERFACES[api].name;
    let worlds = whole.worlds();
    let progress = Progress::new(name, whole.orders);
    for world in &worlds {
        if let Err(panic) = world.run() {
            progress::print(&format!("{name}: {world} failed; looking for a smaller storm that does"));
            let smallest = shrink::smallest(*world, |storm| storm.run().is_err());
            progress::print(&format!("{name}: {smallest} repeats it"));
            resume_unwind(panic);
        }
        progress.advance(world.orders);
    }
    let milliseconds = processor_milliseconds();
    progress::print(&format!(
        "{name}: {} orders in {} worlds; this process has used {}.{:03} s of processor time so far",
        whole.orders,
        worlds.len(),
        milliseconds / 1000,
        milliseconds % 1000
    ));
}

/// One world, its orders and their faults; displayed as the command that runs it.
#[derive(Clone, Copy)]
struct Storm {
    api: usize,
    orders: u64,
    seed: u64,
    /// How many faults there are, in percent of the usual.
    faults: u64,
}

impl Storm {
    /// The worlds that a long storm is made of, each with a seed of its own.
    fn worlds(self) -> Vec<Self> {
        let world = |number: u64| Self {
            orders: (self.orders - number * MOST_ORDERS).min(MOST_ORDERS),
            seed: self.seed.wrapping_add(number << 40),
            ..self
        };
        (0..self.orders.div_ceil(MOST_ORDERS)).map(world).collect()
    }

    fn run(self) -> Result<(), Box<dyn Any + Send>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        catch_unwind(AssertUnwindSafe(|| runtime.block_on(self.rage())))
    }

    async fn rage(self) {
        let Self { api, orders, seed, faults: percent } = self;
        let Interface { name, config, .. } = INTERFACES[api];
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
        progress::print(&format!(
            "{name}: seed {seed}, {orders} orders in {seconds} s of simulated time, {summary}; settled after {rounds} rounds; {totals}"
        ));
    }
}

impl Shrink for Storm {
    /// With half of the orders, or half of the faults.
    fn smaller(self) -> Vec<Self> {
        let halves = [Self { orders: self.orders / 2, ..self }, Self { faults: self.faults / 2, ..self }];
        halves.into_iter().filter(|half| half.orders >= FEWEST_ORDERS && half.faults > 0).collect()
    }
}

impl Display for Storm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { api, orders, seed, faults } = self;
        let test = INTERFACES[*api].test;
        write!(
            f,
            "CHAOS_ORDERS={orders} CHAOS_SEED={seed} CHAOS_FAULTS={faults} \
             cargo test --profile storm -p e2e --test chaos {test}"
        )
    }
}

/// The processor time of this process, user's and system's. Linux counts it in hundredths of a second.
fn processor_milliseconds() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may contain blanks.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

/// The most orders of a world. More would keep gigabytes of logs and answers, which are searched for secrets at its end, and some work of the
/// local world grows with the square of its orders.
const MOST_ORDERS: u64 = 200;
/// With fewer orders too little happens.
const FEWEST_ORDERS: u64 = 20;
const CONCURRENCY: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Storm = Storm { api: 2, orders: 401, seed: 7, faults: 100 };

    #[test]
    fn a_long_storm_has_all_its_orders_in_worlds_of_their_own_seeds() {
        let worlds: Vec<_> = LONG.worlds().iter().map(|world| (world.orders, world.seed)).collect();
        assert_eq!(worlds, [(200, 7), (200, 7 + (1 << 40)), (1, 7 + (2 << 40))]);
        assert_eq!(Storm { orders: 0, ..LONG }.worlds().len(), 0);
    }

    #[test]
    fn a_storm_is_displayed_as_the_command_that_runs_it_alone() {
        assert_eq!(
            LONG.to_string(),
            "CHAOS_ORDERS=401 CHAOS_SEED=7 CHAOS_FAULTS=100 cargo test --profile storm -p e2e --test chaos \
             ledgers_agree_after_chaos_over_v3_with_certificates"
        );
    }

    #[test]
    fn the_smallest_storm_that_fails_is_found() {
        let storm = Storm { orders: 500, ..LONG };
        let shrunk = |fails: fn(Storm) -> bool| {
            let smallest = shrink::smallest(storm, fails);
            assert_eq!((smallest.api, smallest.seed), (storm.api, storm.seed));
            (smallest.orders, smallest.faults)
        };
        assert_eq!(shrunk(|storm| storm.orders >= 100), (125, 1));
        assert_eq!(shrunk(|storm| storm.faults >= 20), (31, 25));
        assert_eq!(shrunk(|_| true), (31, 1));
        assert_eq!(shrunk(|_| false), (500, 100));
    }

    #[test]
    fn a_storm_that_fails_now_and_then_is_shrunk_nevertheless() {
        let mut runs = 0;
        let smallest = shrink::smallest(Storm { orders: 40, faults: 1, ..LONG }, |_| {
            runs += 1;
            runs % 3 == 0
        });
        assert_eq!((smallest.orders, runs), (20, 3));
    }
}
