//! Everything the simulator remembers, behind one lock: each request is judged and takes effect as a whole.

use crate::account::Account;
use crate::delivery::Delivery;
use crate::faults::Faults;
use crate::log::Log;
use crate::pay::Orders;
use crate::platform::Sessions;
use crate::users::Users;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) users: Users,
    pub(crate) sessions: Sessions,
    pub(crate) orders: Orders,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    /// Notices held back by `notice_reordered`.
    pub(crate) held: Vec<Delivery>,
}

impl State {
    pub(crate) fn new(account: &Account) -> Self {
        Self {
            users: Users::default(),
            sessions: Sessions::default(),
            orders: Orders::default(),
            faults: Faults::default(),
            log: Log::new(account.secrets().map(str::to_owned)),
            held: Vec::new(),
        }
    }
}
