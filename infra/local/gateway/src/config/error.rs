//! The error of the configuration file.

use std::{io, path::PathBuf};

/// Why a configuration file was refused. No message quotes a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file can't be read.
    #[error("cannot read the configuration's file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The text is not TOML, a key is unknown, or a value has another type.
    #[error("the configuration, line {line}: {key}{problem}")]
    Form {
        /// The line, counted from 1.
        line: usize,
        /// The key and a colon; empty when the error is not about one key.
        key: String,
        /// The parser's message.
        problem: String,
    },
    /// The value of a key is not valid.
    #[error("the configuration: {key} must be {expected}")]
    Value {
        /// The key.
        key: String,
        /// The expected value.
        expected: &'static str,
    },
    /// A key names a file without the expected PEM object.
    #[error("the configuration: {key}: {path} must be a PEM file with {expected}")]
    Pem {
        /// The key.
        key: String,
        /// The file.
        path: PathBuf,
        /// The expected object.
        expected: &'static str,
        /// The parser's error.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
}
