//! Access tokens and tickets: what a back end calls the platform's APIs with, and what pages and cards are signed with.

mod access_tokens;
mod server;
mod tickets;

pub(crate) use access_tokens::Owner;
pub(crate) use server::is_token_path;
pub(crate) use tickets::TicketKind;

use std::sync::{Arc, Mutex, MutexGuard};

use crate::base::platform::{Refusal, secret_route, token_route};
use crate::core::context::Context;
use crate::core::exchange::Route;
use crate::core::lock::lock;
use crate::core::service::Service;

use self::access_tokens::Tokens;
use self::tickets::Tickets;

/// Gives out access tokens and tickets, and says whose a token is.
pub(crate) struct TokenService {
    pub(crate) context: Arc<Context>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tokens: Tokens,
    tickets: Tickets,
}

impl TokenService {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, state: Mutex::default() }
    }

    /// Whose access token it is, if it is live.
    pub(crate) fn owner_of(&self, token: &str) -> Result<Owner, Refusal> {
        self.state().tokens.owner_of(token, self.context.now())
    }

    /// Ends all access tokens at once. If `stuck`, `stable_token` does not notice.
    pub(crate) fn revoke(&self, stuck: bool) {
        self.state().tokens.revoke(stuck, self.context.now());
    }

    /// The tickets a signature may be made with now.
    pub(crate) fn live_tickets(&self, kind: TicketKind) -> Vec<String> {
        let now = self.context.now();
        self.state().tickets.live(kind, now).into_iter().map(str::to_owned).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Service for TokenService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            secret_route("/cgi-bin/token", &self, server::token),
            secret_route("/cgi-bin/stable_token", &self, server::stable_token),
            token_route("/cgi-bin/ticket/getticket", &self, tickets::get_ticket),
        ]
    }
}
