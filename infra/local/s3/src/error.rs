//! Why the local S3 can't start.

use std::{io, path::PathBuf};

/// Why the local S3 can't start.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// The folder of the objects can't be used.
    #[error("cannot use the folder {path} for uploads")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The server refuses the folder.
    #[error("the S3 server can't use the folder {path}: {problem}")]
    Server {
        /// The folder.
        path: PathBuf,
        /// What it says.
        problem: String,
    },
}
