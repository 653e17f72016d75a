//! Locking of the services' state.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a state, also after a panic of another holder: that test has failed already, and the others must not fail with it.
pub(crate) fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
