//! `cargo bench -p local-bench`, and what it wrote down: the parts that requests are made of.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use cargo_metadata::MetadataCommand;
use serde_json::Value;
use shared::types::BoxError;

use crate::{binaries::root, report::Section, statistics::time, table::Table};

/// Runs criterion and reads its estimates.
///
/// # Errors
/// It does not build or run.
pub fn measure() -> Result<Section, BoxError> {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(["bench", "-p", "local-bench", "--bench", "primitives"]);
    if !command.stdout(Stdio::null()).status()?.success() {
        return Err("the benches do not run".into());
    }
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec()?;
    let mut table = Table::new(["operation", "median"]);
    for name in NAMES {
        let nanos = estimate(metadata.target_directory.join("criterion").as_std_path(), name)?;
        table.add_row([name.to_owned(), time(nanos)]);
    }
    Ok(Section {
        title: "Primitives",
        text: "By criterion, in the release profile that ships.\n".to_owned(),
        table,
        targets: Vec::new(),
        plots: Vec::new(),
    })
}

/// Criterion's median of a bench, in nanoseconds.
fn estimate(criterion: &Path, name: &str) -> Result<u64, BoxError> {
    let path = criterion.join(name).join("new").join("estimates.json");
    let estimates: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let median = estimates.pointer("/median/point_estimate").ok_or("no median")?.to_string();
    Ok(median.split('.').next().unwrap_or_default().parse()?)
}

/// Everything that is benched, as criterion calls it.
pub const NAMES: [&str; 13] = [
    "v2 sign MD5",
    "v2 sign HMAC-SHA256",
    "v2 XML read",
    "v2 XML write",
    "v2 notice verify and read",
    "v3 notice verify decrypt and read",
    "AES-128-CBC open data 1 KiB",
    "AES-256-GCM open 1 KiB",
    "RSA-2048 sign",
    "RSA-2048 verify",
    "HMAC-SHA256 1 KiB",
    "session token issue",
    "session token check",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criterion_s_median_is_read() {
        let folder = std::env::temp_dir().join(format!("local-bench-{}", std::process::id()));
        let bench = folder.join("a bench").join("new");
        fs::create_dir_all(&bench).expect("a folder");
        let estimates = r#"{"mean":{"point_estimate":2.5},"median":{"point_estimate":1234.56}}"#;
        fs::write(bench.join("estimates.json"), estimates).expect("a file");
        assert_eq!(estimate(&folder, "a bench").expect("an estimate"), 1234);
        assert!(estimate(&folder, "another").is_err());
        fs::remove_dir_all(folder).expect("it goes");
    }
}
