//! Where an instance of a function lives: started by the first call, as Lambda does, and thrown away by a restart.

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
pub(crate) type Start<T> = fn(Host) -> BoxFuture<'static, Result<Arc<T>, InitError>>;

/// What every instance of a function finds around it.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) roots: Vec<CertificateDer<'static>>,
}

impl Surroundings {
    /// A host of its own, with clients of its own: nothing of one instance is left to the next.
    pub(crate) fn host(&self) -> Host {
        Host::new(self.env.clone(), self.clock.clone(), Arc::new(SystemRandomness), self.roots.clone())
    }
}

/// See the [module](self).
pub(crate) struct Slot<T: ?Sized> {
    start: Start<T>,
    surroundings: Surroundings,
    current: Mutex<Arc<OnceCell<Arc<T>>>>,
}

impl<T: ?Sized> Slot<T> {
    pub(crate) fn new(start: Start<T>, surroundings: Surroundings) -> Self {
        Self { start, surroundings, current: Mutex::default() }
    }

    /// The instance; calls that come at once start one and wait for it. A failed start is tried again by the next call.
    pub(crate) async fn instance(&self) -> Result<Arc<T>, InitError> {
        let cell = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        cell.get_or_try_init(|| (self.start)(self.surroundings.host())).await.cloned()
    }

    /// What a new instance would find around it.
    pub(crate) fn host(&self) -> Host {
        self.surroundings.host()
    }

    /// Makes the next call a cold start.
    pub(crate) fn restart(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }
}
