//! The one key of a local world: the operator's, from which the functions' keys and the generated secrets are derived.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use shared::{
    crypto,
    host::{HostError, Randomness, SystemRandomness},
};

use crate::error::StartError;

/// A key: a new one, or that of the data folder, so that what it signed and sealed survives a restart.
pub(crate) fn operator_secret(data: Option<&Path>) -> Result<String, StartError> {
    let Some(folder) = data else { return random().map_err(StartError::Randomness) };
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => checked(text).map_err(|source| unusable(path, source)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = random().map_err(StartError::Randomness)?;
            write(folder, &path, &key).map_err(|source| unusable(path, source))?;
            Ok(key)
        }
        Err(source) => Err(unusable(path, source)),
    }
}

fn checked(text: String) -> io::Result<String> {
    if text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a key; move the folder away to start anew"))
}

fn write(folder: &Path, path: &Path, key: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(key.as_bytes())
}

fn random() -> Result<String, HostError> {
    let mut bytes = [0; 32];
    SystemRandomness.fill(&mut bytes)?;
    Ok(crypto::hex(&bytes))
}

fn unusable(path: PathBuf, source: io::Error) -> StartError {
    StartError::KeyFile { path, source }
}

/// The key's file in the data folder.
const FILE: &str = "operator-secret";
const LENGTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_in_memory_has_a_new_key_every_time() {
        assert_ne!(operator_secret(None).unwrap(), operator_secret(None).unwrap());
    }

    #[test]
    fn a_world_in_a_folder_keeps_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new");
        let first = operator_secret(Some(&data)).unwrap();
        assert_eq!(operator_secret(Some(&data)).unwrap(), first);
    }

    #[test]
    fn a_damaged_key_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "short").unwrap();
        assert!(operator_secret(Some(folder.path())).is_err());
    }
}
