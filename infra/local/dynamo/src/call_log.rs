//! The log of calls: each with its permissions and its cost.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::capacity_units::CapacityUnits;
use crate::fault_kind::FaultKind;
use crate::permission::{Permission, PermissionUse};

/// A call that reached the endpoint with a valid signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCall {
    /// The caller: a function's logical id, or the operator.
    pub caller: String,
    /// The operation, such as `TransactWriteItems`.
    pub operation: String,
    /// The permissions that the call needed.
    pub permissions: Vec<Permission>,
    /// The tables that the call touched.
    pub tables: Vec<String>,
    /// The capacity units for reading.
    pub read_units: CapacityUnits,
    /// The capacity units for writing.
    pub write_units: CapacityUnits,
    /// Whether the caller's statements allowed the call.
    pub allowed: bool,
    /// The status of the response; 0 when there was none.
    pub status: u16,
    /// The code of the error in the response, such as `ConditionalCheckFailedException`.
    pub error: Option<String>,
    /// The fault that was injected into the call.
    pub fault: Option<FaultKind>,
}

/// Is called with every call when it ends: the call, its request's body (empty for services that are not served here), and how long it
/// took.
pub type CallObserver = Box<dyn Fn(&ServiceCall, &[u8], Duration) + Send + Sync>;

/// The log of all calls, shared by all requests.
#[derive(Default)]
pub(crate) struct CallLog {
    state: Mutex<CallLogState>,
    observer: OnceLock<CallObserver>,
}

#[derive(Default)]
struct CallLogState {
    calls: Vec<ServiceCall>,
    used: BTreeSet<PermissionUse>,
    denied: Vec<PermissionUse>,
}

impl CallLog {
    /// Sets the observer, once.
    pub(crate) fn set_observer(&self, observer: CallObserver) {
        // A second observer is dropped, because the first one belongs to whoever started this database.
        let _ = self.observer.set(observer);
    }

    pub(crate) fn add_call(&self, call: ServiceCall, request: &[u8], duration: Duration) {
        if let Some(observe) = self.observer.get() {
            observe(&call, request, duration);
        }
        let mut state = self.lock();
        if call.allowed {
            let uses = call.permissions.iter().map(|permission| permission.used_by(&call.caller));
            state.used.extend(uses);
        }
        state.calls.push(call);
    }

    pub(crate) fn add_denial(&self, caller: &str, missing: &Permission) {
        self.lock().denied.push(missing.used_by(caller));
    }

    pub(crate) fn calls(&self) -> Vec<ServiceCall> {
        self.lock().calls.clone()
    }

    pub(crate) fn take_calls(&self) -> Vec<ServiceCall> {
        std::mem::take(&mut self.lock().calls)
    }

    pub(crate) fn used_permissions(&self) -> BTreeSet<PermissionUse> {
        self.lock().used.clone()
    }

    pub(crate) fn denied_permissions(&self) -> Vec<PermissionUse> {
        self.lock().denied.clone()
    }

    fn lock(&self) -> MutexGuard<'_, CallLogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
