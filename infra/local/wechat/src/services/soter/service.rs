//! The service that signs SOTER challenges and verifies the signatures.

use std::sync::{Arc, Mutex, MutexGuard};

use super::devices::SoterDevices;
use crate::base::Base;
use crate::core::lock::lock;
use crate::core::persist::Keep;

/// Signs challenges and verifies the signatures.
pub(crate) struct SoterService {
    pub(super) base: Arc<Base>,
    devices: Mutex<SoterDevices>,
}

impl SoterService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), devices: Mutex::default() }
    }

    /// The state, for a snapshot.
    pub(super) fn kept_state(&self) -> &dyn Keep {
        &self.devices
    }

    pub(super) fn devices(&self) -> MutexGuard<'_, SoterDevices> {
        lock(&self.devices)
    }
}
