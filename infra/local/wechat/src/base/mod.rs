//! The layer that every product of WeChat uses: users, their sessions, access tokens and tickets, and pages.
//!
//! This layer uses `core` only. Services call it and get owned values; it calls no service.

pub(crate) mod access;
pub(crate) mod encrypted_data;
pub(crate) mod open_data;
pub(crate) mod pages;
pub(crate) mod platform;
pub(crate) mod quota;
pub(crate) mod sessions;
pub(crate) mod tokens;
pub(crate) mod users;

use std::sync::Arc;

use crate::base::sessions::service::SessionService;
use crate::base::tokens::service::TokenService;
use crate::base::users::UserService;
use crate::core::account::Account;
use crate::core::context::Context;

/// The services that all other services may call.
pub(crate) struct Base {
    pub(crate) context: Arc<Context>,
    pub(crate) users: Arc<UserService>,
    pub(crate) tokens: Arc<TokenService>,
    pub(crate) sessions: Arc<SessionService>,
}

impl Base {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        let users = Arc::new(UserService::default());
        let tokens = Arc::new(TokenService::new(Arc::clone(&context)));
        let sessions = SessionService::new(Arc::clone(&context), Arc::clone(&users), Arc::clone(&tokens));
        Self { context, users, tokens, sessions: Arc::new(sessions) }
    }

    /// The account it plays.
    pub(crate) fn account(&self) -> &Account {
        self.context.account()
    }

    /// Unix milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.context.now()
    }
}
