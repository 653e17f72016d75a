//! Compares every function with hello world: size, start, memory, time per request.
//!
//! Each round starts every binary once, hello world too, so that other load on the machine affects all of them alike. Each start
//! gets one event, then some that do not count, then those that are measured. The events need no network, so the time is that of
//! the code around an answer.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use shared::types::BoxError;

use crate::{
    binaries, deployment, event, merchant,
    plot::{self, Group, Plot},
    process::Process,
    progress::Progress,
    report::{Section, Target},
    runtime_api::RuntimeApi,
    statistics::{Ratio, Sample, megabytes, time},
    table::Table,
    upstream::Upstream,
};

/// The package that all functions are compared with.
pub const HELLO: &str = "local-hello";

/// The number of starts and events.
#[derive(Clone, Copy)]
pub struct FunctionsEffort {
    /// Starts of each binary.
    pub starts: usize,
    /// The measured events after each start.
    pub invocations: usize,
}

/// A binary with its environment, its event and its measurements.
struct MeasuredBinary {
    name: String,
    binary: PathBuf,
    environment: BTreeMap<String, String>,
    event: String,
    /// Whether the function is a task. The smallest event of a task needs the network, so its warm time is not measured.
    is_task: bool,
    starts: Vec<StartMeasurement>,
}

/// The measurements of one start, in nanoseconds and bytes.
struct StartMeasurement {
    init: u64,
    init_cpu: u64,
    peak_memory: u64,
    first: u64,
    warm: Vec<u64>,
    /// The processor time of all warm events together.
    cpu: u64,
    /// Whether a warm event used the network.
    called_out: bool,
}

/// The measurements of all starts of a binary, in nanoseconds and bytes.
struct BinarySummary {
    name: String,
    bytes: u64,
    init: u64,
    init_cpu: u64,
    peak_memory: u64,
    first: u64,
    warm: Option<WarmTimes>,
}

/// The times of warm events, in nanoseconds.
struct WarmTimes {
    p50: u64,
    p99: u64,
    cpu: u64,
}

/// Measures the functions of `only`, or all: those in the folder `built`, or without one all, which are built.
///
/// # Errors
/// A function does not build, start or answer.
pub async fn measure(
    only: &[String],
    built: Option<&Path>,
    effort: FunctionsEffort,
) -> Result<Section, BoxError> {
    let upstream = Upstream::start(&merchant::secret()).await?;
    let mut subjects = subjects(only, built, &upstream)?;
    let progress = Progress::new("functions", u64::try_from(effort.starts * subjects.len())?);
    for _ in 0..effort.starts {
        for subject in &mut subjects {
            progress.step();
            let start = start(subject, effort.invocations, &upstream).await;
            subject.starts.push(start.map_err(|error| format!("{}: {error}", subject.name))?);
        }
    }
    let summaries = subjects.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
    let (hello, functions) = summaries.split_first().ok_or("nothing was measured")?;
    Ok(Section {
        title: "Functions",
        text: format!(
            "Medians of {} starts of each binary, interleaved, with {} events each once warm; of processor time the least, because other work on the machine adds to it. `init` is from the start of the process \
             to its first question for an event, by the clock and on a processor; memory is the highest resident set after the first event; CPU is of the whole \
             process, user and system. The event is a request that is refused before anything is asked over the network; tasks have \
             none, so only their first is shown. In brackets: times hello world.\n",
            effort.starts, effort.invocations
        ),
        table: table(hello, functions),
        targets: targets(hello, functions),
        plots: plots(&summaries)?,
    })
}

/// Hello world, then the functions in the template's order.
fn subjects(
    only: &[String],
    built: Option<&Path>,
    upstream: &Upstream,
) -> Result<Vec<MeasuredBinary>, BoxError> {
    let stack = deployment::stack(&upstream.url)?;
    let wanted = |folder: &str| only.is_empty() || only.iter().any(|name| name == folder);
    let functions: Vec<_> = stack.functions.iter().filter(|function| wanted(&function.folder)).collect();
    // Apart, so that neither gets a feature that the other asks for.
    let mut binaries = binaries::find_or_build(built, [HELLO])?;
    let folders = functions.iter().map(|function| function.folder.as_str());
    binaries.extend(binaries::find_or_build(built, folders)?);
    let functions: Vec<_> =
        functions.into_iter().filter(|function| binaries.contains_key(&function.folder)).collect();
    let mut subject = |name: &str, environment, event, is_task| -> Result<MeasuredBinary, BoxError> {
        let binary = binaries.remove(name).ok_or_else(|| format!("there is no binary {name}"))?;
        Ok(MeasuredBinary { name: name.to_owned(), binary, environment, event, is_task, starts: Vec::new() })
    };
    let mut subjects = vec![subject(
        HELLO,
        deployment::lambda_variables(HELLO),
        event::http_event("GET /hello", &[], None),
        false,
    )?];
    for function in functions {
        let environment = deployment::environment(function, &upstream.url);
        let event = deployment::smallest_event(function);
        subjects.push(subject(&function.folder, environment, event, function.routes.is_empty())?);
    }
    Ok(subjects)
}

async fn start(
    subject: &MeasuredBinary,
    invocations: usize,
    upstream: &Upstream,
) -> Result<StartMeasurement, BoxError> {
    let mut api = RuntimeApi::start().await?;
    let mut environment = subject.environment.clone();
    environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address.clone());
    let process = Process::start(&subject.binary, &environment)?;
    let asked = api.wait_for_next().await?;
    let init = u64::try_from(asked.saturating_duration_since(process.started).as_nanos())?;
    let init_cpu = process.cpu_time()?;
    let first = api.invoke(&subject.event).await?.nanos;
    let peak_memory = process.peak_memory()?;
    let (mut warm, mut cpu, mut called_out) = (Vec::with_capacity(invocations), 0, false);
    if !subject.is_task {
        for _ in 0..WARM_UP {
            let _ = api.invoke(&subject.event).await?;
        }
        let (before, calls) = (process.cpu_time()?, upstream.calls());
        for _ in 0..invocations {
            warm.push(api.invoke(&subject.event).await?.nanos);
        }
        cpu = process.cpu_time()?.saturating_sub(before);
        called_out = upstream.calls() > calls;
    }
    Ok(StartMeasurement { init, init_cpu, peak_memory, first, warm, cpu, called_out })
}

fn summary(subject: &MeasuredBinary) -> Result<BinarySummary, BoxError> {
    let starts = &subject.starts;
    let median = |of: fn(&StartMeasurement) -> u64| starts.iter().map(of).collect::<Sample>().median();
    // Other work on the machine can only add to processor time.
    let least = |values: Sample| values.percentile(0);
    let warm: Sample = starts.iter().flat_map(|start| start.warm.iter().copied()).collect();
    let each =
        |start: &StartMeasurement| start.cpu.checked_div(u64::try_from(start.warm.len()).unwrap_or_default());
    let cpu: Sample = starts.iter().filter_map(each).collect();
    let alone = !subject.is_task && starts.iter().all(|start| !start.called_out);
    Ok(BinarySummary {
        name: subject.name.clone(),
        bytes: fs::metadata(&subject.binary)?.len(),
        init: median(|start| start.init),
        init_cpu: least(starts.iter().map(|start| start.init_cpu).collect()),
        peak_memory: median(|start| start.peak_memory),
        first: median(|start| start.first),
        warm: alone.then(|| WarmTimes { p50: warm.median(), p99: warm.percentile(99), cpu: least(cpu) }),
    })
}

fn table(hello: &BinarySummary, functions: &[BinarySummary]) -> Table {
    let mut table = Table::new([
        "function",
        "size",
        "init",
        "init, CPU",
        "peak memory",
        "first event",
        "warm p50",
        "warm p99",
        "events per CPU second",
    ]);
    for one in std::iter::once(hello).chain(functions) {
        let against = |text: String, value: u64, base: u64| format!("{text} ({})", Ratio::of(value, base));
        let warm = |shown: fn(&WarmTimes) -> String, value: fn(&WarmTimes) -> u64| {
            let (warm, base) = (one.warm.as_ref(), hello.warm.as_ref().map_or(0, value));
            warm.map_or_else(|| "–".to_owned(), |warm| against(shown(warm), value(warm), base))
        };
        let per_second = |warm: &WarmTimes| SECOND.checked_div(warm.cpu).unwrap_or_default();
        table.add_row([
            one.name.clone(),
            against(megabytes(one.bytes), one.bytes, hello.bytes),
            against(time(one.init), one.init, hello.init),
            against(time(one.init_cpu), one.init_cpu, hello.init_cpu),
            against(megabytes(one.peak_memory), one.peak_memory, hello.peak_memory),
            against(time(one.first), one.first, hello.first),
            warm(|warm| time(warm.p50), |warm| warm.p50),
            warm(|warm| time(warm.p99), |warm| warm.p99),
            one.warm.as_ref().map_or_else(
                || "–".to_owned(),
                |warm| {
                    let base = hello.warm.as_ref().map_or(0, per_second);
                    against(per_second(warm).to_string(), per_second(warm), base)
                },
            ),
        ]);
    }
    table
}

/// Size, processor time of a start and of a warm event, by function.
fn plots(all: &[BinarySummary]) -> Result<Vec<Plot>, BoxError> {
    let plot = |file: &str, title: &str, bar: fn(&BinarySummary) -> Option<(u64, String)>| {
        let groups: Vec<Group> = all
            .iter()
            .filter_map(|one| bar(one).map(|(value, text)| Group::single(&one.name, value, text)))
            .collect();
        plot::bars(file, title, &[], &groups)
    };
    Ok(vec![
        plot("size.svg", "Size of the binaries", |one| Some((one.bytes, megabytes(one.bytes))))?,
        plot("init.svg", "Processor time of a start", |one| Some((one.init_cpu, time(one.init_cpu))))?,
        plot("warm.svg", "Processor time of a warm event without network", |one| {
            one.warm.as_ref().map(|warm| (warm.cpu, time(warm.cpu)))
        })?,
    ])
}

fn targets(hello: &BinarySummary, functions: &[BinarySummary]) -> Vec<Target> {
    let ratios = |of: fn(&BinarySummary) -> Option<u64>| -> Vec<(String, Ratio)> {
        let base = of(hello).unwrap_or_default();
        functions.iter().filter_map(|one| Some((one.name.clone(), Ratio::of(of(one)?, base)))).collect()
    };
    [
        ("size", 250, ratios(|one| Some(one.bytes))),
        ("init", 130, ratios(|one| Some(one.init))),
        ("init, CPU", 130, ratios(|one| Some(one.init_cpu))),
        ("peak memory", 200, ratios(|one| Some(one.peak_memory))),
        // Processor time, because the elapsed time includes the connection and this process, and would hide differences.
        ("CPU of a warm event without network", 130, ratios(|one| one.warm.as_ref().map(|warm| warm.cpu))),
    ]
    .map(|(what, limit, ratios)| Target::at_most(what, Ratio::hundredths(limit), &ratios))
    .into()
}

/// The events after the first that do not count, because they touch memory pages for the first time.
const WARM_UP: usize = 20;
const SECOND: u64 = 1_000_000_000;
