//! Access tokens, with which a back end calls the platform's APIs, and tickets, with which it signs pages and cards.

pub(crate) mod access_tokens;
pub(crate) mod server;
pub(crate) mod service;
pub(crate) mod tickets;

use std::sync::Arc;

use self::service::TokenService;
use crate::base::platform::{secret_route, token_route};
use crate::core::exchange::Route;
use crate::core::persist::Keep;
use crate::core::service::Service;

impl Service for TokenService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            secret_route("/cgi-bin/token", &self, server::get_token),
            secret_route("/cgi-bin/stable_token", &self, server::get_stable_token),
            token_route("/cgi-bin/ticket/getticket", &self, server::get_ticket),
        ]
    }

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        vec![("tokens", self.kept_state())]
    }
}
