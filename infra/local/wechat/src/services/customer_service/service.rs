//! The service that keeps windows, media and messages.

use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::media::MediaStore;
use super::message::CustomerMessage;
use super::windows::Windows;
use crate::base::Base;
use crate::core::lock::lock;
use crate::core::persist::{Keep, Kept};
use crate::core::push::sender::PushSender;

/// Keeps windows, media and messages.
pub(crate) struct CustomerService {
    pub(super) base: Arc<Base>,
    pub(super) pushes: Arc<PushSender>,
    state: Mutex<CustomerState>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct CustomerState {
    pub(super) windows: Windows,
    #[serde(skip)]
    pub(super) media: MediaStore,
    pub(super) sent: Vec<CustomerMessage>,
}

impl Kept for CustomerState {}

impl CustomerService {
    pub(crate) fn new(base: &Arc<Base>, pushes: &Arc<PushSender>) -> Self {
        Self { base: Arc::clone(base), pushes: Arc::clone(pushes), state: Mutex::default() }
    }

    /// The messages that users received, oldest first.
    pub(crate) fn sent(&self) -> Vec<CustomerMessage> {
        self.state().sent.clone()
    }

    /// The openids of the users who see that customer service is typing, sorted.
    pub(crate) fn typing(&self) -> Vec<String> {
        let now = self.base.now();
        self.state().windows.typing(now)
    }

    /// The state, for a snapshot.
    pub(super) fn kept_state(&self) -> &dyn Keep {
        &self.state
    }

    pub(super) fn state(&self) -> MutexGuard<'_, CustomerState> {
        lock(&self.state)
    }
}
