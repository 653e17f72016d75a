//! The service that keeps templates, acceptances and sent messages.

use std::sync::{Arc, Mutex, MutexGuard};

use super::account_templates::AccountTemplates;
use super::message::SubscribeMessage;
use super::subscriptions::Subscriptions;
use crate::base::Base;
use crate::core::lock::lock;

/// Keeps templates, consents and sent messages.
pub(crate) struct SubscribeService {
    pub(super) base: Arc<Base>,
    state: Mutex<SubscribeState>,
}

#[derive(Debug, Default)]
pub(super) struct SubscribeState {
    pub(super) templates: AccountTemplates,
    pub(super) subscriptions: Subscriptions,
}

impl SubscribeService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), state: Mutex::default() }
    }

    /// The messages that were sent, oldest first.
    pub(crate) fn sent(&self) -> Vec<SubscribeMessage> {
        self.state().subscriptions.sent.clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, SubscribeState> {
        lock(&self.state)
    }
}
