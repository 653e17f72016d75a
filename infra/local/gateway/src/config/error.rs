//! Why a configuration file was refused, and what to write instead.

use std::{io, path::PathBuf};

/// Why a configuration file was refused. No message quotes a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file, or one that it names, can't be read.
    #[error("cannot read the configuration's file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The text is not TOML, a key is unknown, or a value has another type.
    #[error("the configuration, line {line}: {key}{problem}")]
    Form {
        /// The line, counted from 1.
        line: usize,
        /// The key and a colon, if one is concerned.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// A value is not what its key means.
    #[error("the configuration: {key} must be {expected}")]
    Value {
        /// The key.
        key: String,
        /// What to write.
        expected: &'static str,
    },
    /// A key names a file that does not hold what it must.
    #[error("the configuration: {key}: {path} must be a PEM file with {expected}")]
    Pem {
        /// The key.
        key: String,
        /// The file.
        path: PathBuf,
        /// What must stand in it.
        expected: &'static str,
        /// Why it was not found there.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
}
