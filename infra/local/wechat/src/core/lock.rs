//! How every state is locked.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a state. A poisoned lock is still a state, because one test's panic must not hide behind another's.
pub(crate) fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
