//! Everything the simulator remembers, behind one lock: each request is judged and takes effect as a whole.

use crate::account::Account;
use crate::delivery::Delivery;
use crate::faults::Faults;
use crate::log::Log;
use crate::pay::{Bills, Orders, PlatformKeys, PlatformMode, Refunds};
use crate::platform::cards::Cards;
use crate::platform::subscribe::{Subscriptions, Templates};
use crate::platform::wxacode::Codes;
use crate::platform::{OpenApi, PhoneCodes, Sessions, Tickets, Tokens};
use crate::soter::Phones;
use crate::users::Users;
use crate::werun::Steps;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) users: Users,
    pub(crate) sessions: Sessions,
    pub(crate) tokens: Tokens,
    pub(crate) tickets: Tickets,
    pub(crate) phone_codes: PhoneCodes,
    pub(crate) steps: Steps,
    pub(crate) codes: Codes,
    pub(crate) templates: Templates,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) cards: Cards,
    pub(crate) openapi: OpenApi,
    pub(crate) phones: Phones,
    pub(crate) orders: Orders,
    pub(crate) refunds: Refunds,
    pub(crate) bills: Bills,
    pub(crate) platform_keys: PlatformKeys,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    /// Notices held back by `notice_reordered`.
    pub(crate) held: Vec<Delivery>,
}

impl State {
    pub(crate) fn new(account: &Account, platform_mode: PlatformMode, now: u64) -> Self {
        Self {
            users: Users::default(),
            sessions: Sessions::default(),
            tokens: Tokens::default(),
            tickets: Tickets::default(),
            phone_codes: PhoneCodes::default(),
            steps: Steps::default(),
            codes: Codes::default(),
            templates: Templates::default(),
            subscriptions: Subscriptions::default(),
            cards: Cards::new(now),
            openapi: OpenApi::default(),
            phones: Phones::default(),
            orders: Orders::default(),
            refunds: Refunds::default(),
            bills: Bills::default(),
            platform_keys: PlatformKeys::new(platform_mode),
            faults: Faults::default(),
            log: Log::new(account.secrets().map(str::to_owned)),
            held: Vec::new(),
        }
    }
}
