//! The service that keeps chats, cards and figures.

use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::chats::Chats;
use super::figures::Figures;
use crate::base::Base;
use crate::core::lock::lock;
use crate::core::persist::{Keep, Kept};

/// Keeps chats, the cards in them and the figures of each day.
pub(crate) struct ShareService {
    pub(super) base: Arc<Base>,
    state: Mutex<ShareState>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ShareState {
    pub(super) chats: Chats,
    pub(super) figures: Figures,
}

impl Kept for ShareState {}

impl ShareService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), state: Mutex::default() }
    }

    /// The state, for a snapshot.
    pub(super) fn kept_state(&self) -> &dyn Keep {
        &self.state
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ShareState> {
        lock(&self.state)
    }
}
