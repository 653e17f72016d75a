//! What every service of the simulator stands on: the account, time and randomness, the log, the faults, the server that
//! answers the back end, the sender of notices, and the trait that a service implements.
//!
//! Nothing here knows a service. The log and the fault queue are leaf locks: they are held for one statement, nothing else
//! is locked under them, and so they may be taken while a service's state is locked.

pub(crate) mod account;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod control;
pub(crate) mod exchange;
pub(crate) mod family;
pub(crate) mod faults;
pub(crate) mod keys;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod notices;
pub(crate) mod percent;
pub(crate) mod phone_number;
pub(crate) mod random;
pub(crate) mod refund_status;
pub(crate) mod server;
pub(crate) mod service;
pub(crate) mod tls;
pub(crate) mod user;
pub(crate) mod wx_api;
