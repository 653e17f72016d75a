//! What every function of the bundle shares.
//!
//! The path of a request: [`runtime`] receives it, [`http`] reads it, [`session`] says who asks, [`store`] and [`wechat`] or
//! [`pay`] do the work, [`error`] turns a failure into an answer, [`telemetry`] writes one log line about it.
//! [`host`] is the only way to the environment, the clock, randomness and the network.

pub mod crypto;
pub mod error;
pub mod host;
pub mod http;
pub mod pay;
pub mod runtime;
pub mod secrets;
pub mod session;
pub mod store;
pub mod telemetry;
pub mod types;
pub mod wechat;
