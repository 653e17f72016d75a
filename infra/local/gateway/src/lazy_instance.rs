//! An instance of a function that the first call starts, as in Lambda, and that a restart drops.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use rustls::pki_types::CertificateDer;
use shared::{
    host::{Clock, Host, SystemRandomness},
    runtime::InitError,
};
use tokio::sync::OnceCell;

/// Starts an instance.
pub(crate) type StartInstance<T> = fn(Host) -> BoxFuture<'static, Result<Arc<T>, InitError>>;

/// The environment of a function's instances: variables, clock, trusted certificates.
#[derive(Clone)]
pub(crate) struct InstanceEnv {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) roots: Vec<CertificateDer<'static>>,
}

impl InstanceEnv {
    /// A new host with HTTP and AWS clients of its own, so that instances share no connection.
    pub(crate) fn host(&self) -> Host {
        Host::new(self.variables.clone(), self.clock.clone(), Arc::new(SystemRandomness), self.roots.clone())
    }
}

/// Holds one function's running instance; empty until the first call.
pub(crate) struct LazyInstance<T: ?Sized> {
    start: StartInstance<T>,
    env: InstanceEnv,
    current: Mutex<Arc<OnceCell<Arc<T>>>>,
}

impl<T: ?Sized> LazyInstance<T> {
    pub(crate) fn new(start: StartInstance<T>, env: InstanceEnv) -> Self {
        Self { start, env, current: Mutex::default() }
    }

    /// The running instance, started if there is none. Concurrent first calls start one instance and wait for it.
    ///
    /// # Errors
    /// [`InitError`]: the function can't start. The next call tries again.
    pub(crate) async fn get_or_start(&self) -> Result<Arc<T>, InitError> {
        let cell = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        cell.get_or_try_init(|| (self.start)(self.env.host())).await.cloned()
    }

    /// The host that a new instance would get.
    pub(crate) fn host(&self) -> Host {
        self.env.host()
    }

    /// Drops the instance, so that the next call is a cold start.
    pub(crate) fn restart(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }
}
