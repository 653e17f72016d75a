//! The processor time of an order's whole life in a storm over the interface v2 with MD5: of the base as its tests are built, without
//! optimisation, and of this tree in the profile that long storms are built with.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use cargo_metadata::Message;
use shared::types::BoxError;

use super::{
    figures::{Figure, Measured, Value, Values},
    trees::{Tree, Trees},
};
use crate::progress::Progress;

/// How a tree's storm is built and run.
struct StormTest {
    profile: &'static [&'static str],
    test: &'static str,
    /// The test of the interface.
    interface: &'static str,
    /// The variable with the number of orders.
    variable: &'static str,
    orders: u64,
}

const OF_BASE: StormTest = StormTest {
    profile: &[],
    test: "storm",
    interface: "by_v2_with_md5",
    variable: "STORM_ORDERS",
    orders: 50,
};
const OF_NEW: StormTest = StormTest {
    profile: &["--profile", "storm"],
    test: "chaos",
    interface: "over_v2_with_md5",
    variable: "CHAOS_ORDERS",
    orders: 200,
};

/// Builds and runs the storms of both.
///
/// # Errors
/// A storm does not build, or fails.
pub fn measure(trees: &Trees) -> Result<Measured, BoxError> {
    let progress = Progress::new("storms", 2);
    let mut times = Vec::new();
    for (tree, storm) in [(&trees.base, OF_BASE), (&trees.new, OF_NEW)] {
        progress.step();
        times.push(Value::Time(storm.cpu_of_order(tree)?));
    }
    let [base, new] = times.as_slice() else { return Ok(Measured::new()) };
    let note = format!(
        "{} orders without optimisation; {} with it, which are shipped and complained of as well",
        OF_BASE.orders, OF_NEW.orders
    );
    Ok([(Figure::StormOrder, Values { base: *base, new: *new, note })].into())
}

impl StormTest {
    fn cpu_of_order(&self, tree: &Tree) -> Result<u64, BoxError> {
        let tests = tree.root().join("tests");
        let program = self.build(&tests)?;
        let before = cpu_of_children()?;
        let mut run = Command::new(program);
        run.current_dir(&tests).arg(self.interface).env(self.variable, self.orders.to_string());
        if !run.stdout(Stdio::null()).status()?.success() {
            return Err(format!("the storm in {} fails", tests.display()).into());
        }
        Ok(cpu_of_children()?.saturating_sub(before).checked_div(self.orders).unwrap_or_default())
    }

    /// The test program.
    fn build(&self, tests: &Path) -> Result<PathBuf, BoxError> {
        let mut command = Command::new("cargo");
        command.current_dir(tests).args(["test", "-p", "e2e", "--test", self.test, "--no-run"]);
        command.args(self.profile).arg("--message-format=json-render-diagnostics");
        let output = command.stderr(Stdio::inherit()).output()?;
        let mut messages = Message::parse_stream(output.stdout.as_slice());
        let program = messages.find_map(|message| match message {
            Ok(Message::CompilerArtifact(artifact)) if artifact.target.name == self.test => {
                artifact.executable
            }
            _ => None,
        });
        Ok(program.ok_or_else(|| format!("{} does not build", tests.display()))?.into_std_path_buf())
    }
}

/// The processor time of the children that have ended, in nanoseconds. Linux counts it in hundredths of a second.
fn cpu_of_children() -> Result<u64, BoxError> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    Ok(children_ticks(&stat).ok_or("no times in /proc/self/stat")?.saturating_mul(10_000_000))
}

/// The fields `cutime` and `cstime`, the 16th and 17th.
fn children_ticks(stat: &str) -> Option<u64> {
    // The name of the program, in parentheses, may contain blanks; the state, which is the third field, follows it.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks: Vec<u64> =
        rest.split_whitespace().skip(13).take(2).filter_map(|tick| tick.parse().ok()).collect();
    (ticks.len() == 2).then(|| ticks.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_children_is_read_behind_the_name_of_the_program() {
        let stat = "4711 (a b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 130 14 15 16 17 18";
        assert_eq!(children_ticks(stat), Some(130 + 14));
        assert_eq!(children_ticks("4711 (x) S 1 2"), None);
    }
}
