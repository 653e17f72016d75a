//! Builds the release binaries as they ship: with the workspace's release profile and without other packages' features.

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

/// The binaries of these packages that lie in `folder`; without a folder, of all of them, which are built.
///
/// # Errors
/// A package does not build.
pub fn find_or_build<'a>(
    folder: Option<&Path>,
    packages: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, PathBuf>, BoxError> {
    let Some(folder) = folder else { return build_release(packages) };
    let found = packages.into_iter().map(|name| (name.to_owned(), folder.join(name)));
    Ok(found.filter(|(_, binary)| binary.exists()).collect())
}

/// Builds the packages of this workspace in one build. Returns the paths of their binaries by name.
///
/// # Errors
/// A package does not build.
pub fn build_release<'a>(
    packages: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, PathBuf>, BoxError> {
    build_release_in(root(), packages)
}

/// As [`build_release`], for packages of the workspace at `root`.
///
/// # Errors
/// A package does not build.
pub fn build_release_in<'a>(
    root: &Path,
    packages: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, PathBuf>, BoxError> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args([
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
