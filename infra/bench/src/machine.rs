//! The machine on which the measurements run.

use std::{fs, num::NonZero, process::Command, thread};

use shared::host::{Clock, SystemClock};
use time::OffsetDateTime;

/// The day, in UTC: `2026-11-21`.
#[must_use]
pub fn today() -> String {
    let seconds = i64::try_from(SystemClock.now_millis() / 1000).unwrap_or_default();
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    now.date().to_string()
}

/// The number of processes that wait for a processor, as the average of the last minute.
#[must_use]
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("unknown").to_owned()
}

/// Describes processor, kernel and compiler, one per line.
#[must_use]
pub fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = processor(&read("/proc/cpuinfo")).unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let load = load();
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    [
        format!("- processor: {processor}, {cores} cores; load when it began: {load}"),
        format!(
            "- kernel: {} {}",
            read("/proc/sys/kernel/ostype").trim(),
            read("/proc/sys/kernel/osrelease").trim()
        ),
        format!("- compiler: {}, the workspace's release profile", compiler.unwrap_or_default()),
    ]
    .join("\n")
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nmodel name\t: another\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("Some CPU @ 2.00GHz"));
    }
}
