//! The service that keeps login codes and session keys.

use std::sync::{Arc, Mutex, MutexGuard};

use super::session_keys::Sessions;
use crate::base::tokens::service::TokenService;
use crate::base::users::UserService;
use crate::core::context::Context;
use crate::core::lock::lock;
use crate::core::persist::Keep;

/// Keeps login codes and session keys.
pub(crate) struct SessionService {
    pub(crate) context: Arc<Context>,
    pub(super) users: Arc<UserService>,
    pub(super) tokens: Arc<TokenService>,
    sessions: Mutex<Sessions>,
}

impl SessionService {
    pub(crate) fn new(context: Arc<Context>, users: Arc<UserService>, tokens: Arc<TokenService>) -> Self {
        Self { context, users, tokens, sessions: Mutex::default() }
    }

    /// The user's live session key. The log masks it from now on, even if no server ever gets it.
    pub(crate) fn use_live_key(&self, openid: &str) -> String {
        let session_key = self.sessions().use_live_key(openid, self.context.now());
        self.context.log().add_secret(&session_key);
        session_key
    }

    /// The state, for a snapshot.
    pub(super) fn kept_sessions(&self) -> &dyn Keep {
        &self.sessions
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }
}
