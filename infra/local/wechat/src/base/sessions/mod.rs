//! Sessions: the codes of `wx.login`, the session keys that they are exchanged for, and what a server asks about a key.

mod code_to_session;
mod session_check;
mod session_keys;
mod wx;

use std::sync::{Arc, Mutex, MutexGuard};

use crate::base::platform::{secret_route, token_route};
use crate::base::tokens::TokenService;
use crate::base::users::UserService;
use crate::core::context::Context;
use crate::core::exchange::Route;
use crate::core::lock::lock;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

use self::session_keys::Sessions;

/// Knows all codes and session keys.
pub(crate) struct SessionService {
    pub(crate) context: Arc<Context>,
    users: Arc<UserService>,
    tokens: Arc<TokenService>,
    sessions: Mutex<Sessions>,
}

impl SessionService {
    pub(crate) fn new(context: Arc<Context>, users: Arc<UserService>, tokens: Arc<TokenService>) -> Self {
        Self { context, users, tokens, sessions: Mutex::default() }
    }

    /// The live session key, which is a secret from now on even if no server was given it.
    pub(crate) fn live_key(&self, openid: &str) -> String {
        let session_key = self.sessions().live_key(openid, self.context.now());
        self.context.log().remember(&session_key);
        session_key
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }
}

impl Service for SessionService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            secret_route("/sns/jscode2session", &self, code_to_session::code_to_session),
            token_route("/wxa/checksession", &self, session_check::check_session),
            token_route("/wxa/resetusersessionkey", &self, session_check::reset_session_key),
        ]
    }

    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![WxApi::new("login", &self, wx::login), WxApi::new("checkSession", &self, wx::check_session)]
    }
}
