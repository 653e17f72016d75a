//! The release binaries, built the way they ship: the workspace's release profile, no other package's features.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use cargo_metadata::Message;
use shared::types::BoxError;

/// The root of the workspace.
#[must_use]
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Builds the packages together and finds their binaries, by name.
///
/// # Errors
/// They do not build.
pub fn build<'a>(packages: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<String, PathBuf>, BoxError> {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args([
        "build",
        "--release",
        "--bins",
        "--message-format=json-render-diagnostics",
    ]);
    for package in packages {
        command.args(["-p", package]);
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err("the functions do not build".into());
    }
    let mut binaries = BTreeMap::new();
    for message in Message::parse_stream(output.stdout.as_slice()) {
        if let Message::CompilerArtifact(artifact) = message?
            && let Some(binary) = artifact.executable
        {
            binaries.insert(artifact.target.name, binary.into_std_path_buf());
        }
    }
    Ok(binaries)
}
