//! `cargo run --release -p local-bench`.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, ValueEnum};
use local_bench::{
    bill, binaries, compare, functions, growth, load, machine, notice, primitives,
    report::{self, Section},
};
use shared::types::{BoxError, error_chain};
use tokio::runtime::Builder;

/// Measures what ships: size, start, memory and time of every function against hello world; what a payment notice costs; that
/// nothing grows with the tables; signatures and ciphers. Says which targets are met. Times are shown and never asserted.
#[derive(Parser)]
#[command(bin_name = "cargo run --release -p local-bench --")]
struct Arguments {
    /// What to measure; everything but `bill` and `compare` if nothing is named.
    what: Vec<Measurement>,
    /// Only these functions, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "FUNCTION")]
    only: Vec<String>,
    /// How often each binary is started.
    #[arg(long, default_value_t = 25)]
    starts: usize,
    /// Events after each start, and notices.
    #[arg(long, default_value_t = 500)]
    invocations: usize,
    /// Customers in the large tables.
    #[arg(long, default_value_t = 1_000_000)]
    customers: usize,
    /// Lines of the bill.
    #[arg(long, default_value_t = 1_000_000)]
    lines: u64,
    /// Takes the functions from this folder instead of building them.
    #[arg(long, value_name = "FOLDER")]
    built: Option<PathBuf>,
    /// The template of these functions, if they are of another commit.
    #[arg(long, value_name = "FILE", requires = "built")]
    template: Option<PathBuf>,
    /// The commit that `compare` compares with.
    #[arg(long, default_value = "c84a456", value_name = "COMMIT")]
    base: String,
    /// Two folders with the binaries that `compare` compares, the base's first. Nothing is built then.
    #[arg(long, num_args = 2, value_name = "FOLDER")]
    binaries: Vec<PathBuf>,
    /// Writes infra/bench/RESULTS.md; only the sections of the measurements that are named.
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measurement {
    Functions,
    Notice,
    Primitives,
    Growth,
    Load,
    /// A bill of `--lines` lines.
    Bill,
    /// This tree against the commit of `--base`.
    Compare,
}

impl Measurement {
    /// Whether it runs if nothing is named. A bill takes minutes and a comparison builds another commit, so they are named.
    const fn runs_unnamed(self) -> bool {
        !matches!(self, Self::Bill | Self::Compare)
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {}", error_chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), BoxError> {
    let machine = machine::describe();
    let mut sections = Vec::new();
    for what in Measurement::value_variants() {
        let unnamed = arguments.what.is_empty() && what.runs_unnamed();
        if unnamed || arguments.what.contains(what) {
            let section = measure(*what, arguments)?;
            writeln!(io::stdout(), "{section}")?;
            sections.push(section);
        }
    }
    if arguments.write {
        write_results(arguments, &machine, &sections)?;
    }
    Ok(())
}

/// Writes RESULTS.md and the pictures in it. If only some measurements were named, the others stay as they are.
fn write_results(arguments: &Arguments, machine: &str, sections: &[Section]) -> Result<(), BoxError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plots = folder.join(report::PLOTS);
    fs::create_dir_all(&plots)?;
    for plot in sections.iter().flat_map(|section| &section.plots) {
        fs::write(plots.join(&plot.file), &plot.svg)?;
    }
    let file = folder.join("RESULTS.md");
    let text = if arguments.what.is_empty() {
        report::results_file(machine, sections)
    } else {
        report::updated_results(&fs::read_to_string(&file)?, sections)
    };
    Ok(fs::write(file, text)?)
}

fn measure(what: Measurement, arguments: &Arguments) -> Result<Section, BoxError> {
    let Arguments { only, starts, invocations, customers, built, template, base, binaries, lines, .. } =
        arguments;
    let (starts, invocations) = (*starts, *invocations);
    // A runtime with one thread, so that it disturbs the measured process as little as possible.
    let single_threaded = || Builder::new_current_thread().enable_all().build();
    match what {
        Measurement::Functions => single_threaded()?.block_on(functions::measure(
            only,
            built.as_deref(),
            functions::FunctionsEffort { starts, invocations },
        )),
        Measurement::Notice => single_threaded()?.block_on(notice::measure(
            built.as_deref(),
            notice::NoticeEffort { starts, notices: invocations },
        )),
        Measurement::Primitives => primitives::measure(),
        Measurement::Compare => compare::measure(&compare::ComparisonOptions {
            base: base.clone(),
            binaries: binaries.clone(),
            only: only.clone(),
            starts,
            requests: invocations,
        }),
        Measurement::Growth => {
            Builder::new_multi_thread().enable_all().build()?.block_on(growth::measure(*customers))
        }
        Measurement::Bill => {
            let mut binaries = binaries::find_or_build(built.as_deref(), [bill::FUNCTION])?;
            let binary = binaries.remove(bill::FUNCTION).ok_or("there is no such binary")?;
            Builder::new_multi_thread().enable_all().build()?.block_on(bill::measure(&binary, *lines))
        }
        Measurement::Load => {
            let binaries = binaries::find_or_build(built.as_deref(), load::FUNCTIONS)?;
            let template = template.clone().unwrap_or_else(|| binaries::root().join("template.yaml"));
            let build = load::LoadedBuild { template: &template, binaries: &binaries };
            Builder::new_multi_thread().enable_all().build()?.block_on(load::measure(&build))
        }
    }
}
