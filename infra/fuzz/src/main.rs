//! `cargo run -p fuzz`: builds the readers with coverage and lets libFuzzer run them, one after another.

mod campaign;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use clap::{Parser, builder::PossibleValuesParser};
use shared::types::{BoxError, error_chain};

use crate::campaign::{Campaign, HEADING};

/// Fuzzes what reads the messages of strangers. What fails is kept in target/fuzz/crashes, what was learned in target/fuzz/corpus.
#[derive(Parser)]
#[command(bin_name = "cargo run -p fuzz --")]
struct Arguments {
    /// The readers; all of them if none is named.
    #[arg(value_parser = PossibleValuesParser::new(fuzz::TARGETS.map(|target| target.name)))]
    targets: Vec<String>,
    /// How long each is fuzzed.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Runs this input again instead, through the one reader that is named.
    #[arg(long, value_name = "FILE", requires = "targets")]
    repeat: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {}", error_chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Whether no input has failed.
fn run(arguments: Arguments) -> Result<bool, BoxError> {
    let mut targets = arguments.targets;
    if targets.is_empty() {
        targets.extend(fuzz::TARGETS.map(|target| target.name.to_owned()));
    }
    let program = build()?;
    if let (Some(input), Some(target)) = (arguments.repeat, targets.first()) {
        return Ok(Command::new(program).env("FUZZ_TARGET", target).arg(input).status()?.success());
    }
    let campaign = Campaign { program, folder: folder(), seconds: arguments.seconds };
    let mut found_nothing = true;
    writeln!(io::stdout(), "{HEADING}")?;
    for outcome in campaign.run(&targets) {
        let outcome = outcome?;
        writeln!(io::stdout(), "{outcome}")?;
        found_nothing &= !outcome.has_failed;
    }
    Ok(found_nothing)
}

/// Builds the program of all readers: its path.
fn build() -> Result<PathBuf, BoxError> {
    let (folder, target) = (folder(), folder().join("../../target/fuzz"));
    let version = Command::new("rustc").arg("-vV").output()?;
    let version = String::from_utf8(version.stdout)?;
    let triple = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--profile", "fuzz", "-p", "fuzz", "--bin", "libfuzzer"]);
    // With --target, build scripts and macros are compiled apart.
    cargo.args(["--features", "libfuzzer", "--target", triple, "--target-dir"]).arg(&target);
    let status = cargo.env("RUSTC_WRAPPER", folder.join("rustc")).current_dir(&folder).status()?;
    if !status.success() {
        return Err("the fuzzers can't be built".into());
    }
    Ok(target.join(triple).join("fuzz/libfuzzer"))
}

/// The folder of this crate.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
