//! The service that issues access tokens and tickets.

use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::access_tokens::{IssuedTokens, TokenOwner};
use super::tickets::{TicketKind, Tickets};
use crate::base::platform::Errcode;
use crate::core::context::Context;
use crate::core::lock::lock;
use crate::core::persist::{Keep, Kept};

/// Issues access tokens and tickets, and knows the owner of each token.
pub(crate) struct TokenService {
    pub(crate) context: Arc<Context>,
    state: Mutex<TokenState>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TokenState {
    pub(super) tokens: IssuedTokens,
    pub(super) tickets: Tickets,
}

impl Kept for TokenState {}

impl TokenService {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, state: Mutex::default() }
    }

    /// The owner of a live access token.
    pub(crate) fn owner_of(&self, token: &str) -> Result<TokenOwner, Errcode> {
        self.state().tokens.owner_of(token, self.context.now())
    }

    /// Revokes all access tokens. If `stuck`, `stable_token` returns the revoked token until a caller sends `force_refresh`.
    pub(crate) fn revoke_all(&self, stuck: bool) {
        self.state().tokens.revoke_all(stuck, self.context.now());
    }

    /// The tickets that are valid for signatures now.
    pub(crate) fn live_tickets(&self, kind: TicketKind) -> Vec<String> {
        let now = self.context.now();
        self.state().tickets.live(kind, now).into_iter().map(str::to_owned).collect()
    }

    /// The state, for a snapshot.
    pub(super) fn kept_state(&self) -> &dyn Keep {
        &self.state
    }

    pub(super) fn state(&self) -> MutexGuard<'_, TokenState> {
        lock(&self.state)
    }
}
