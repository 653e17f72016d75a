//! The service that keeps templates, acceptances and sent messages.

use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::account_templates::AccountTemplates;
use super::events;
use super::message::SubscribeMessage;
use super::subscriptions::Subscriptions;
use crate::base::Base;
use crate::core::lock::lock;
use crate::core::persist::{Keep, Kept};
use crate::core::push::sender::PushSender;

/// Keeps templates, consents and sent messages.
pub(crate) struct SubscribeService {
    pub(super) base: Arc<Base>,
    pub(super) pushes: Arc<PushSender>,
    state: Mutex<SubscribeState>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SubscribeState {
    #[serde(skip)]
    pub(super) templates: AccountTemplates,
    pub(super) subscriptions: Subscriptions,
}

impl Kept for SubscribeState {}

impl SubscribeService {
    pub(crate) fn new(base: &Arc<Base>, pushes: &Arc<PushSender>) -> Self {
        Self { base: Arc::clone(base), pushes: Arc::clone(pushes), state: Mutex::default() }
    }

    /// The messages that were sent, oldest first.
    pub(crate) fn sent(&self) -> Vec<SubscribeMessage> {
        self.state().subscriptions.sent.clone()
    }

    /// Withdraws all consents of the user to messages of the template, as the settings of the mini program do.
    pub(crate) fn withdraw(&self, openid: &str, template_id: &str) {
        self.state().subscriptions.withdraw(openid, template_id);
        events::push_change(&self.pushes, openid, template_id);
    }

    /// The state, for a snapshot.
    pub(super) fn kept_state(&self) -> &dyn Keep {
        &self.state
    }

    pub(super) fn state(&self) -> MutexGuard<'_, SubscribeState> {
        lock(&self.state)
    }
}
