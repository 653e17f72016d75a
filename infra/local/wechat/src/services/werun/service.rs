//! The service that knows how many steps users walked.

use std::sync::{Arc, Mutex, MutexGuard};

use super::steps::{StepInfo, Steps};
use crate::base::Base;
use crate::core::lock::lock;
use crate::core::persist::Keep;

/// Keeps the steps of users.
pub(crate) struct WeRunService {
    pub(super) base: Arc<Base>,
    steps: Mutex<Steps>,
}

impl WeRunService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), steps: Mutex::default() }
    }

    /// Sets the user's days. `None` returns to generated steps.
    pub(crate) fn set_steps(&self, openid: &str, steps: Option<Vec<StepInfo>>) {
        self.steps().set_steps(openid, steps);
    }

    /// The state, for a snapshot.
    pub(super) fn kept_state(&self) -> &dyn Keep {
        &self.steps
    }

    pub(super) fn steps(&self) -> MutexGuard<'_, Steps> {
        lock(&self.steps)
    }
}
