//! Sessions: the codes of `wx.login`, the session keys for which they are exchanged, and the APIs that check or reset a key.

mod code_to_session;
pub(crate) mod service;
mod session_check;
mod session_keys;
mod wx;

use std::sync::Arc;

use self::service::SessionService;
use crate::base::platform::{secret_route, token_route};
use crate::core::exchange::Route;
use crate::core::persist::Keep;
use crate::core::service::Service;
use crate::core::wx_api::WxApi;

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

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("sessions", self.kept_sessions())]
    }
}
