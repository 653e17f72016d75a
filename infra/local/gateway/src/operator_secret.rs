//! The operator's secret access key, from which the functions' keys and the generated secrets are derived.

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

/// Loads the operator's secret from the data folder, or creates one there. Without a data folder it is new at every start. The
/// database keeps values that are signed and encrypted with derived keys, so the secret must survive a restart.
///
/// # Errors
/// [`StartError`]: the file can't be read, written or parsed, or there is no randomness.
pub(crate) fn load_or_create(data: Option<&Path>) -> Result<String, StartError> {
    let Some(folder) = data else { return generate_secret().map_err(StartError::Randomness) };
    let path = folder.join(FILE_NAME);
    match fs::read_to_string(&path) {
        Ok(text) => parse_secret(text).map_err(|source| file_error(path, source)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = generate_secret().map_err(StartError::Randomness)?;
            write_file(folder, &path, &key).map_err(|source| file_error(path, source))?;
            Ok(key)
        }
        Err(source) => Err(file_error(path, source)),
    }
}

fn parse_secret(text: String) -> io::Result<String> {
    if text.len() == HEX_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a key; move the folder away to start anew"))
}

fn write_file(folder: &Path, path: &Path, key: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(key.as_bytes())
}

fn generate_secret() -> Result<String, HostError> {
    let mut bytes = [0; 32];
    SystemRandomness.fill(&mut bytes)?;
    Ok(crypto::hex(&bytes))
}

fn file_error(path: PathBuf, source: io::Error) -> StartError {
    StartError::KeyFile { path, source }
}

/// The file's name in the data folder.
const FILE_NAME: &str = "operator-secret";
const HEX_DIGITS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_folder_the_secret_is_new_at_every_start() {
        assert_ne!(load_or_create(None).unwrap(), load_or_create(None).unwrap());
    }

    #[test]
    fn a_folder_keeps_its_secret() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new");
        let first = load_or_create(Some(&data)).unwrap();
        assert_eq!(load_or_create(Some(&data)).unwrap(), first);
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), "short").unwrap();
        assert!(load_or_create(Some(folder.path())).is_err());
    }
}
