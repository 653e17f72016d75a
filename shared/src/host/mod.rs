//! The only seam between the cloud and a developer's machine: environment, clock, randomness, clients.
//!
//! A function gets its environment, the time, randomness and all clients from its `Host`. In Lambda the environment is the process's
//! and the clients reach AWS. Locally the environment comes from the template and the clients reach servers of this machine. All other
//! code is the same.

mod aws_client;
mod client;
pub mod dynamodb;
mod http;
mod retry;
mod s3;
mod upstream;

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use rustls::pki_types::CertificateDer;

pub use aws_client::{AwsCall, AwsClient, AwsError, AwsService};
use client::Clients;
pub use client::{OpeningConnections, RemoteService};
pub use http::{HttpClient, HttpError, HttpResponse, RequestBuilder};
pub use retry::RetryPolicy;
pub(crate) use retry::{Backoff, FailureKind, retry};
pub use s3::{CopyOutcome, DeleteObjectsError, PostForm, UploadsBucket};
pub(crate) use upstream::{Address, AddressChoice, Upstream};

use crate::types::UnixSeconds;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_millis(&self) -> u64;
}

/// Fills buffers from a cryptographically secure source.
pub trait Randomness: Send + Sync {
    /// Fills the whole buffer.
    ///
    /// # Errors
    /// [`HostError::Randomness`]: the source failed. Don't sign or number anything then.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), HostError>;
}

/// A setting or a resource that a function needs is not available.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// An environment variable is absent or empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// An environment variable has a wrong value.
    #[error("the environment variable {name} is not {expected}")]
    Invalid {
        /// The name of the variable.
        name: &'static str,
        /// What the value should be, in words.
        expected: &'static str,
    },
    /// The TLS or HTTP client can't be made.
    #[error("the HTTP client can't be made")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operating system gives no randomness.
    #[error("no randomness")]
    Randomness,
}

/// The outside of a function. Cheap to clone: all clones share their clients.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    env: BTreeMap<String, String>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    roots: Vec<CertificateDer<'static>>,
    http: Clients,
    dynamodb: OnceLock<dynamodb::Client>,
}

impl Host {
    /// The host of a deployed function: the process's environment, the system's clock and randomness, the public certificate
    /// authorities.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the process's environment"
    )]
    pub fn lambda() -> Self {
        Self::new(std::env::vars().collect(), Arc::new(SystemClock), Arc::new(SystemRandomness), Vec::new())
    }

    /// A host made of parts; `roots` are trusted besides the public certificate authorities.
    #[must_use]
    pub fn new(
        env: BTreeMap<String, String>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        roots: Vec<CertificateDer<'static>>,
    ) -> Self {
        Self(Arc::new(Inner {
            env,
            clock,
            randomness,
            roots,
            http: Clients::default(),
            dynamodb: OnceLock::new(),
        }))
    }

    /// The environment variable `name`.
    ///
    /// # Errors
    /// [`HostError::Missing`]: the variable is absent or empty.
    pub fn var(&self, name: &'static str) -> Result<&str, HostError> {
        self.optional_var(name).ok_or(HostError::Missing(name))
    }

    /// The environment variable `name`, if it is set and not empty.
    #[must_use]
    pub fn optional_var(&self, name: &str) -> Option<&str> {
        self.0.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The environment variable `name`, read by `parse`. `expected` says in words what the value should be.
    ///
    /// # Errors
    /// [`HostError::Missing`] or [`HostError::Invalid`]: the variable is absent or empty, or `parse` refuses its value.
    pub fn parsed_var<T, E>(
        &self,
        name: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, HostError> {
        parse(self.var(name)?).map_err(|_| HostError::Invalid { name, expected })
    }

    /// The time, in whole seconds.
    #[must_use]
    pub fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.now_millis() / 1000)
    }

    /// The time, in milliseconds.
    #[must_use]
    pub fn now_millis(&self) -> u64 {
        self.0.clock.now_millis()
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// [`HostError::Randomness`]: the source failed.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], HostError> {
        let mut bytes = [0; N];
        self.0.randomness.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// 32 random characters, as WeChat takes for a `nonce_str`.
    ///
    /// # Errors
    /// [`HostError::Randomness`]: the source failed.
    pub fn nonce_str(&self) -> Result<String, HostError> {
        Ok(crate::crypto::hex(&self.random::<16>()?))
    }
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    fn now_millis(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system for randomness"
    )]
    fn fill(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        getrandom::fill(buffer).map_err(|_| HostError::Randomness)
    }
}
