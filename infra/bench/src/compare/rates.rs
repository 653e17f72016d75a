//! Rates and counts of requests, which do not depend on the machine: orders a second under DynamoDB's throughput, and an idle minute of the
//! sweep. What can't be measured here is calculated, and says so.

use shared::types::BoxError;

use super::{
    figures::{Figure, Measured, Value, Values},
    trees::{Side, Tree, Trees},
};
use crate::{
    deployment,
    load::{self, LoadedBuild, OrderPath},
    merchant,
    process::Process,
    runtime_api::RuntimeApi,
    upstream::Upstream,
};

/// Measures both builds.
///
/// # Errors
/// A binary does not start, or refuses a request that was not throttled.
pub async fn measure(trees: &Trees) -> Result<Measured, BoxError> {
    let mut measured = calculated();
    for (figure, path) in [(Figure::PaidOrders, OrderPath::Paid), (Figure::PlacedOrders, OrderPath::Placed)] {
        if has(trees, path.functions()) {
            let (base, base_key) = orders_a_second(&trees.base, path).await?;
            let (new, new_key) = orders_a_second(&trees.new, path).await?;
            let note = format!("then throttled: {base_key}; {new_key}");
            measured.insert(figure, Values { base, new, note });
        }
    }
    if has(trees, &[SWEEP]) {
        let (base, new) = (idle_minute(&trees.base).await?, idle_minute(&trees.new).await?);
        measured.insert(Figure::IdleSweepRequests, Values { base, new, note: SWEEP.to_owned() });
    }
    Ok(measured)
}

/// The figures that need the real Lambda and WeChat Pay: what `infra/deploy/SCALE.md` calculates of each build.
fn calculated() -> Measured {
    let values = |[base, new]: [u64; 2], note: &str| {
        let note = format!("calculated: {note}");
        Values { base: Value::Count(base), new: Value::Count(new), note }
    };
    Measured::from([
        (
            Figure::SweepQuestions,
            values(
                SWEEP_QUESTIONS,
                "8 at once for 25 s of a minute; 64 workers with 32 at once for 50 s; 0.2 s each",
            ),
        ),
        (
            Figure::OutboxEvents,
            values(
                OUTBOX_EVENTS,
                "one execution with five events at the same time; ten executions, 10 ms an event",
            ),
        ),
    ])
}

/// Whether both builds have these functions.
fn has(trees: &Trees, functions: &[&str]) -> bool {
    functions.iter().all(|name| Side::BOTH.iter().all(|side| trees.side(*side).binary(name).is_ok()))
}

/// The highest rate without a throttled request, and the key that throttles above it.
async fn orders_a_second(tree: &Tree, path: OrderPath) -> Result<(Value, String), BoxError> {
    let template = tree.template();
    let build = LoadedBuild { template: &template, binaries: tree.binaries() };
    let limit = load::measure_path(&build, path).await?;
    let key = limit.throttled.map_or_else(|| "nothing".to_owned(), |(_, key)| key);
    Ok((Value::Count(limit.served), key))
}

/// The requests of a run of the sweep that finds nothing due. The run before it reads what an instance keeps.
async fn idle_minute(tree: &Tree) -> Result<Value, BoxError> {
    let upstream = Upstream::start(&merchant::secret()).await?;
    let function = tree.function(SWEEP, &upstream.url)?;
    let mut api = RuntimeApi::start().await?;
    let mut environment = deployment::environment(&function, &upstream.url);
    environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address.clone());
    let _process = Process::start(tree.binary(SWEEP)?, &environment)?;
    let event = deployment::smallest_event(&function);
    let mut calls = 0;
    for _ in 0..2 {
        calls = upstream.calls();
        if !api.invoke(&event).await?.ok {
            return Err(format!("{SWEEP} fails").into());
        }
    }
    Ok(Value::Count(u64::try_from(upstream.calls() - calls)?))
}

/// Questions to WeChat Pay a second, of the base and of this tree.
const SWEEP_QUESTIONS: [u64; 2] = [17, 8_500];
/// Events of the outbox a second and shard, likewise.
const OUTBOX_EVENTS: [u64; 2] = [110, 1_000];
const SWEEP: &str = "order-sweep";
