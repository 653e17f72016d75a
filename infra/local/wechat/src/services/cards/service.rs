//! The service that keeps the cards of the official account.

use std::sync::{Arc, Mutex, MutexGuard};

use super::card::NewCard;
use super::card_state::CardState;
use crate::base::Base;
use crate::core::lock::lock;
use crate::core::persist::Keep;

/// Keeps the cards of the official account.
pub(crate) struct CardService {
    pub(super) base: Arc<Base>,
    state: Mutex<CardState>,
}

impl CardService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), state: Mutex::new(CardState::new(base.now())) }
    }

    /// Creates a card, or replaces the card with this id; returns the card id.
    pub(crate) fn create_card(&self, new: NewCard) -> String {
        self.state().create_card(new, self.base.now())
    }

    /// The state, for a snapshot.
    pub(super) fn kept_state(&self) -> &dyn Keep {
        &self.state
    }

    pub(super) fn state(&self) -> MutexGuard<'_, CardState> {
        lock(&self.state)
    }
}
