//! The lowest layer, which every service uses: account, clock, randomness, call log, faults, the server for the back end, the
//! sender of notices, and the trait that a service implements.
//!
//! This layer uses no service. The log and the fault queue are leaf locks: code that holds one of them locks nothing else, so
//! they may be taken while a service's state is locked.

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
pub(crate) mod persist;
pub(crate) mod phone_number;
pub(crate) mod push;
pub(crate) mod random;
pub(crate) mod refund_status;
pub(crate) mod server;
pub(crate) mod service;
pub(crate) mod tls;
pub(crate) mod user;
pub(crate) mod verdict;
pub(crate) mod wx_api;
