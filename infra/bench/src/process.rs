//! A function's process, and its memory and processor time from Linux's `/proc`.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use shared::types::BoxError;

use crate::clock;

/// A running binary, which is killed when this is dropped.
pub struct Process {
    child: Child,
    /// The time of the start.
    pub started: Instant,
}

impl Process {
    /// Starts the binary with exactly this environment. Its output is dropped.
    ///
    /// # Errors
    /// The binary can't be started.
    pub fn start(binary: &Path, environment: &BTreeMap<String, String>) -> Result<Self, BoxError> {
        let mut command = Command::new(binary);
        command.env_clear().envs(environment).stdin(Stdio::null()).stdout(Stdio::null());
        let started = clock::now();
        Ok(Self { child: command.spawn()?, started })
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process's peak memory, in bytes.
    ///
    /// # Errors
    /// The process has ended, or the system is not Linux.
    pub fn peak_memory(&self) -> Result<u64, BoxError> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        Ok(peak_memory(&status).ok_or("no VmHWM in /proc/<pid>/status")?)
    }

    /// The processor time of all threads together, in nanoseconds.
    ///
    /// # Errors
    /// The process has ended, or the system is not Linux.
    pub fn cpu_time(&self) -> Result<u64, BoxError> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let schedule = fs::read_to_string(thread?.path().join("schedstat"))?;
            sum += cpu_time(&schedule).ok_or("no time in /proc/<pid>/task/<tid>/schedstat")?;
        }
        Ok(sum)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn peak_memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Parses `/proc/<pid>/schedstat`: nanoseconds on a processor, nanoseconds waiting for one, number of time slices.
fn cpu_time(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_time_are_parsed_from_proc_files() {
        let status = "Name:\tuser\nVmPeak:\t   20480 kB\nVmHWM:\t    4712 kB\nVmRSS:\t    4700 kB\n";
        assert_eq!(peak_memory(status), Some(4712 * 1024));
        assert_eq!(peak_memory("Name:\tuser\n"), None);
        assert_eq!(cpu_time("417538 11186 3\n"), Some(417_538));
        assert_eq!(cpu_time(""), None);
    }
}
