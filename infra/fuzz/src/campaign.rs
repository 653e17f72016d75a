//! Runs of libFuzzer: what it is told, what it reports, and how far it is.

use std::{
    collections::VecDeque,
    fmt, fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use local_bench::clock;
use shared::types::BoxError;

/// How readers are fuzzed.
pub(crate) struct Campaign {
    /// The program of all readers.
    pub(crate) program: PathBuf,
    /// The folder with the seeds and the dictionary.
    pub(crate) folder: PathBuf,
    /// How long each reader is fuzzed.
    pub(crate) seconds: u64,
}

/// What libFuzzer reports of a reader.
#[derive(Default)]
pub(crate) struct Outcome {
    target: String,
    inputs: u64,
    inputs_per_second: u64,
    /// The edges of the instrumented code that an input has reached.
    edges: u64,
    peak_megabytes: u64,
    /// Whether an input failed. The last lines say why.
    pub(crate) has_failed: bool,
    last_lines: VecDeque<String>,
}

impl Campaign {
    /// Fuzzes the targets one after another.
    pub(crate) fn run(&self, targets: &[String]) -> impl Iterator<Item = Result<Outcome, BoxError>> {
        let count = u64::try_from(targets.len()).unwrap_or(u64::MAX);
        let bar = ProgressBar::new(self.seconds.saturating_mul(count));
        // The template is a constant, so that an error would be seen at the first use; the default style serves then.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {eta} left") {
            bar.set_style(style);
        }
        (0_u64..).zip(targets).map(move |(number, target)| {
            bar.set_position(number.saturating_mul(self.seconds));
            bar.set_message(target.clone());
            let outcome =
                bar.suspend(|| self.start(target)).and_then(|child| self.watch(child, target, &bar));
            if number.saturating_add(1) == count {
                bar.finish_and_clear();
            }
            outcome
        })
    }

    fn start(&self, target: &str) -> Result<Child, BoxError> {
        let kept = self.folder.join("../../target/fuzz");
        let (corpus, crashes) = (kept.join("corpus").join(target), kept.join("crashes"));
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&crashes)?;
        // The whole world has the requests of single functions as its seeds.
        let seeds = if target == "world" { "route" } else { target };
        let mut command = Command::new(&self.program);
        command.env("FUZZ_TARGET", target).env("RUST_BACKTRACE", "0");
        command.arg(corpus).arg(self.folder.join("seeds").join(seeds));
        command.arg(format!("-dict={}", self.folder.join("dictionary").display()));
        command.arg(format!("-artifact_prefix={}/{target}-", crashes.display()));
        command.arg(format!("-max_total_time={}", self.seconds));
        command.args(["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]);
        Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?)
    }

    /// Reads what libFuzzer reports until it ends.
    fn watch(&self, mut child: Child, target: &str, bar: &ProgressBar) -> Result<Outcome, BoxError> {
        let mut outcome = Outcome { target: target.to_owned(), ..Outcome::default() };
        let (started, begun_at) = (clock::now(), bar.position());
        let report = BufReader::new(child.stderr.take().ok_or("no report")?);
        let (sender, lines) = mpsc::channel();
        let reader = thread::spawn(move || {
            // What is no text is a part of an input, which is not needed.
            report.split(b'\n').map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        loop {
            match lines.recv_timeout(Duration::from_secs(1)) {
                Ok(line) => outcome.read(&String::from_utf8_lossy(&line)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let elapsed = clock::now().saturating_duration_since(started).as_secs().min(self.seconds);
            bar.set_position(begun_at.saturating_add(elapsed));
            bar.set_message(format!("{target}: {} inputs, {} edges", outcome.inputs, outcome.edges));
        }
        drop(reader.join());
        outcome.has_failed = !child.wait()?.success();
        Ok(outcome)
    }
}

impl Outcome {
    /// Reads a line, such as `#1048576 pulse  cov: 1204 ft: 5871 …` or `stat::peak_rss_mb: 61`.
    fn read(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let second = words.next().unwrap_or_default();
        let number = |word: &str| word.parse().unwrap_or_default();
        match first {
            "stat::number_of_executed_units:" => self.inputs = number(second),
            "stat::average_exec_per_sec:" => self.inputs_per_second = number(second),
            "stat::peak_rss_mb:" => self.peak_megabytes = number(second),
            _ => match first.strip_prefix('#').map(str::parse) {
                Some(Ok(inputs)) => {
                    self.inputs = inputs;
                    if let Some(edges) = line.split_once("cov: ").and_then(|(_, rest)| rest.split(' ').next())
                    {
                        self.edges = number(edges).max(self.edges);
                    }
                }
                _ => {
                    self.last_lines.push_back(line.chars().take(MAX_LINE).collect());
                    if self.last_lines.len() > MAX_LINES {
                        self.last_lines.pop_front();
                    }
                }
            },
        }
    }
}

/// A row of the table, and after a failure what libFuzzer said last.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, inputs, inputs_per_second, edges, peak_megabytes, has_failed, last_lines } = self;
        let finds = if *has_failed { "one" } else { "none" };
        write!(
            f,
            "| `{target}` | {inputs} | {inputs_per_second} | {edges} | {peak_megabytes} MB | {finds} |"
        )?;
        if *has_failed {
            for line in last_lines {
                write!(f, "\n{line}")?;
            }
        }
        Ok(())
    }
}

/// The head of the table.
pub(crate) const HEADING: &str =
    "| target | inputs | inputs/s | edges | peak memory | finds |\n|---|---|---|---|---|---|";
/// How much is kept of what libFuzzer says.
const MAX_LINES: usize = 40;
const MAX_LINE: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_libfuzzer_becomes_a_row() {
        let mut outcome = Outcome { target: "json".to_owned(), ..Outcome::default() };
        for line in [
            "INFO: seed corpus: files: 2",
            "#2097152\tpulse  cov: 1204 ft: 5871 corp: 913/88Kb lim: 4096 exec/s: 95325 rss: 61Mb",
            "#2200000\tDONE   cov: 1210 ft: 5901 corp: 921/90Kb lim: 4096 exec/s: 94000 rss: 61Mb",
            "stat::number_of_executed_units: 2200000",
            "stat::average_exec_per_sec:     94000",
            "stat::peak_rss_mb:              61",
        ] {
            outcome.read(line);
        }
        assert_eq!(outcome.to_string(), "| `json` | 2200000 | 94000 | 1210 | 61 MB | none |");
        outcome.has_failed = true;
        assert!(outcome.to_string().ends_with("| one |\nINFO: seed corpus: files: 2"), "{outcome}");
    }

    #[test]
    fn the_end_of_a_long_report_is_kept() {
        let mut outcome = Outcome::default();
        for number in 0..100 {
            outcome.read(&format!("line {number}"));
        }
        assert_eq!(outcome.last_lines.front().map(String::as_str), Some("line 60"));
    }
}
