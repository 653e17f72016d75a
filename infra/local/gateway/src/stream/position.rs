//! How far a stream was read. In a data folder it is kept, so that a restart does not deliver everything again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::error::StartError;

/// How far a stream was read.
pub(super) struct Position {
    iterator: String,
    file: Option<PathBuf>,
}

impl Position {
    /// The one that the last run kept.
    pub(super) fn kept(data: Option<&Path>, name: &str) -> Result<Option<Self>, StartError> {
        let Some(file) = data.map(|folder| path(folder, name)) else { return Ok(None) };
        match fs::read_to_string(&file) {
            Ok(iterator) => Ok(Some(Self { iterator, file: Some(file) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StartError::Position { path: file, source }),
        }
    }

    /// A first one.
    pub(super) fn new(data: Option<&Path>, name: &str, iterator: String) -> Result<Self, StartError> {
        let position = Self { iterator, file: data.map(|folder| path(folder, name)) };
        match position.keep() {
            Ok(()) => Ok(position),
            Err(source) => Err(StartError::Position { path: position.file.unwrap_or_default(), source }),
        }
    }

    /// Where to read on.
    pub(super) fn iterator(&self) -> &str {
        &self.iterator
    }

    pub(super) fn move_to(&mut self, iterator: String) {
        self.iterator = iterator;
    }

    /// Everything before it is done.
    pub(super) fn keep(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| fs::write(file, &self.iterator))
    }
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("stream-{name}"))
}
