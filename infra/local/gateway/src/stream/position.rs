//! The position in a stream up to which records were delivered. A data folder keeps it, so that a restart does not deliver them
//! again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::error::StartError;

/// The position in a stream up to which records were delivered.
pub(super) struct StreamPosition {
    iterator: String,
    file: Option<PathBuf>,
}

impl StreamPosition {
    /// Loads the position that the last run saved; `None` when there is none.
    pub(super) fn load(data: Option<&Path>, name: &str) -> Result<Option<Self>, StartError> {
        let Some(file) = data.map(|folder| path(folder, name)) else { return Ok(None) };
        match fs::read_to_string(&file) {
            Ok(iterator) => Ok(Some(Self { iterator, file: Some(file) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StartError::Position { path: file, source }),
        }
    }

    /// Creates a position and saves it.
    pub(super) fn create(data: Option<&Path>, name: &str, iterator: String) -> Result<Self, StartError> {
        let position = Self { iterator, file: data.map(|folder| path(folder, name)) };
        match position.save() {
            Ok(()) => Ok(position),
            Err(source) => Err(StartError::Position { path: position.file.unwrap_or_default(), source }),
        }
    }

    /// The shard iterator with which to read next.
    pub(super) fn iterator(&self) -> &str {
        &self.iterator
    }

    pub(super) fn set_iterator(&mut self, iterator: String) {
        self.iterator = iterator;
    }

    /// Saves the position. Every record before it must be done.
    pub(super) fn save(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| fs::write(file, &self.iterator))
    }
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("stream-{name}"))
}
