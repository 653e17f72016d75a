//! The share of a processor that Lambda gives a function after its start, as a control group of Linux.

use std::{fs, path::PathBuf};

use shared::types::BoxError;

/// A control group whose processes share a part of one processor. It is removed when this is dropped and its processes have ended.
pub struct ProcessorShare {
    group: PathBuf,
}

impl ProcessorShare {
    /// The share of a function with so much memory: Lambda gives a whole processor at 1769 MB. `None` without control groups or the right to
    /// make one; then processes run on a whole processor.
    #[must_use]
    pub fn of_memory(megabytes: u32) -> Option<Self> {
        let quota = PERIOD_MICROS * megabytes / WHOLE_PROCESSOR_MB;
        let name = format!("local-bench-{}", std::process::id());
        let (first, second) = (PathBuf::from("/sys/fs/cgroup/cpu"), PathBuf::from("/sys/fs/cgroup"));
        if first.join("cpu.cfs_quota_us").exists() {
            let group = first.join(name);
            fs::create_dir(&group).ok()?;
            let share = Self { group };
            share.write("cpu.cfs_period_us", PERIOD_MICROS).ok()?;
            share.write("cpu.cfs_quota_us", quota).ok()?;
            return Some(share);
        }
        let group = second.join(name);
        fs::create_dir(&group).ok()?;
        let share = Self { group };
        fs::write(share.group.join("cpu.max"), format!("{quota} {PERIOD_MICROS}")).ok()?;
        Some(share)
    }

    /// Puts a process into the group.
    ///
    /// # Errors
    /// The process has ended.
    pub fn add(&self, process: u32) -> Result<(), BoxError> {
        Ok(self.write("cgroup.procs", process)?)
    }

    fn write(&self, file: &str, value: u32) -> std::io::Result<()> {
        fs::write(self.group.join(file), value.to_string())
    }
}

impl Drop for ProcessorShare {
    fn drop(&mut self) {
        // Fails while a process of the group has not ended.
        let _ = fs::remove_dir(&self.group);
    }
}

/// Within this time a process may use its share; then it waits for the next period.
const PERIOD_MICROS: u32 = 20_000;
/// The memory with which a function has a whole processor.
const WHOLE_PROCESSOR_MB: u32 = 1_769;
