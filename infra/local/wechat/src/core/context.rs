//! The account, the clock, the call log and the fault queue, which all services share.

use std::sync::{Mutex, MutexGuard};

use crate::core::account::Account;
use crate::core::clock::Clock;
use crate::core::faults::{Fault, FaultQueue};
use crate::core::lock::lock;
use crate::core::log::CallLog;

/// The account and the state that all services share.
pub(crate) struct Context {
    account: Account,
    clock: Clock,
    faults: Mutex<FaultQueue>,
    log: Mutex<CallLog>,
}

impl Context {
    pub(crate) fn new(account: Account, clock: Clock) -> Self {
        let log = Mutex::new(CallLog::new(account.secrets().map(str::to_owned)));
        Self { account, clock, faults: Mutex::default(), log }
    }

    /// The account that the simulator plays.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Unix milliseconds.
    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Locks the fault queue. Hold the guard for one statement only.
    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultQueue> {
        lock(&self.faults)
    }

    /// Locks the call log. Hold the guard for one statement only.
    pub(crate) fn log(&self) -> MutexGuard<'_, CallLog> {
        lock(&self.log)
    }

    /// Takes one use of the first waiting fault that matches.
    pub(crate) fn take_fault(&self, matches: impl Fn(&Fault) -> bool) -> Option<Fault> {
        self.faults().take(matches)
    }

    /// Whether a waiting fault matches. For faults that last until they are cleared.
    pub(crate) fn has_fault(&self, matches: impl Fn(&Fault) -> bool) -> bool {
        self.faults().active().iter().any(matches)
    }
}
