//! The processor time of a start, and the peak memory after the first event, of every function, each in relation to hello world.

use std::collections::BTreeMap;

use shared::types::BoxError;

use super::{
    figures::{Figure, Measured, Value, Values},
    trees::{Side, Trees},
};
use crate::{
    deployment, event,
    functions::HELLO,
    merchant,
    process::Process,
    progress::Progress,
    runtime_api::RuntimeApi,
    statistics::{Ratio, Sample},
    upstream::Upstream,
};

/// The values of the starts of one binary.
#[derive(Default)]
struct Starts {
    init: Vec<u64>,
    memory: Vec<u64>,
}

/// Starts every binary of both builds so often, in turns.
///
/// # Errors
/// A binary does not start or answer.
pub async fn measure(trees: &Trees, starts: usize) -> Result<Measured, BoxError> {
    let upstream = Upstream::start(&merchant::secret()).await?;
    let mut measured = [BTreeMap::<String, Starts>::new(), BTreeMap::new()];
    let count: usize = Side::BOTH.iter().map(|side| trees.side(*side).functions().count() + 1).sum();
    let progress = Progress::new("starts", u64::try_from(starts * count)?);
    for _ in 0..starts {
        for (side, measured) in Side::BOTH.into_iter().zip(&mut measured) {
            let tree = trees.side(side);
            for name in [HELLO].into_iter().chain(tree.functions()) {
                progress.step();
                let (environment, event) = if name == HELLO {
                    (deployment::lambda_variables(HELLO), event::http_event("GET /hello", &[], None))
                } else {
                    let function = tree.function(name, &upstream.url)?;
                    (deployment::environment(&function, &upstream.url), deployment::smallest_event(&function))
                };
                let (init, memory) = start(tree.binary(name)?, environment, &event)
                    .await
                    .map_err(|error| format!("{name}: {error}"))?;
                let one = measured.entry(name.to_owned()).or_default();
                one.init.push(init);
                one.memory.push(memory);
            }
        }
    }
    let [base, new] = &measured;
    let least = |values: &Vec<u64>| values.iter().copied().min().unwrap_or_default();
    let median = |values: &Vec<u64>| values.iter().copied().collect::<Sample>().median();
    Ok([
        (Figure::Init, worst(Figure::Init, [base, new], |starts| least(&starts.init))),
        (Figure::Memory, worst(Figure::Memory, [base, new], |starts| median(&starts.memory))),
    ]
    .into())
}

/// The greatest ratio to hello world of each build, of which function it is, and how many functions of this tree miss the target.
fn worst(figure: Figure, builds: [&BTreeMap<String, Starts>; 2], of: impl Fn(&Starts) -> u64) -> Values {
    let [base, new] = builds.map(|starts| {
        let hello = starts.get(HELLO).map_or(0, &of);
        let functions = starts.iter().filter(|(name, _)| *name != HELLO);
        functions.map(|(name, starts)| (Ratio::of(of(starts), hello), name.as_str())).collect::<Vec<_>>()
    });
    let greatest = |ratios: &Vec<(Ratio, &str)>| {
        let greatest = ratios.iter().max().map(|(ratio, name)| (*ratio, (*name).to_owned()));
        greatest.unwrap_or((Ratio::hundredths(0), String::new()))
    };
    let ((base_ratio, base_name), (new_ratio, new_name)) = (greatest(&base), greatest(&new));
    let over = new.iter().filter(|(ratio, _)| !figure.is_met_by(*ratio)).count();
    Values {
        base: Value::OfHello(base_ratio),
        new: Value::OfHello(new_ratio),
        note: format!("{base_name}; {new_name}; {over} of {} miss it", new.len()),
    }
}

/// The processor time until the first question for an event, and the peak memory after its answer.
async fn start(
    binary: &std::path::Path,
    mut environment: BTreeMap<String, String>,
    event: &str,
) -> Result<(u64, u64), BoxError> {
    let mut api = RuntimeApi::start().await?;
    environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address.clone());
    let process = Process::start(binary, &environment)?;
    let _ = api.wait_for_next().await?;
    let init = process.cpu_time()?;
    let _ = api.invoke(event).await?;
    Ok((init, process.peak_memory()?))
}
