//! The simulated WeChat of the local world: the platform, WeChat Pay and the phone's side.
//!
//! It judges as WeChat does and really signs and encrypts: a back end that passes here has computed what
//! WeChat computes. It is written from WeChat's documentation alone and shares no code with the functions it
//! serves, so that one misreading cannot be in both.
//!
//! ```text
//!   test, browser ──▶ control()   /users /werun /wx/{api} /cards /orders /refunds /bill /platform_keys
//!                                 /messages /log /faults
//!   back end      ──▶ upstream()  /sns/… /cgi-bin/… /wxa/… /wxaapi/… /card/… /pay/… /secapi/… /v3/…
//!   back end      ◀── notices to the order's or refund's notify_url, redelivered on WeChat's schedule
//! ```
//!
//! - [`WeChat::upstream`] is what `WECHAT_API_BASE` and `PAY_API_BASE` point at.
//! - [`WeChat::pay_listener`] serves the same over TLS, which a refund of Pay v2 needs.
//! - [`WeChat::control`] is mounted under `/_wechat` by the host program.
//!
//! One file is one API family; a new family is its file and its rows in `upstream.rs` (or `phone/mod.rs`).

mod account;
mod clock;
mod control;
mod delivery;
mod faults;
mod log;
mod open_data;
mod pay;
mod phone;
mod phone_number;
mod platform;
mod random;
mod soter;
mod state;
#[cfg(test)]
mod tests;
mod tls;
mod upstream;
mod users;
mod wechat;
mod werun;

pub use account::Account;
pub use faults::Fault;
pub use log::{Call, CallKind};
pub use pay::{
    BillChange, LedgerEntry, PlatformKey, PlatformMode, RefundEntry, RefundSource, RefundStatus, SignType,
    SignedNotice, TradeState,
};
pub use platform::cards::{CardStatus, CardType, NewCard};
pub use platform::subscribe::Message;
pub use tls::{PayListener, TlsPeer};
pub use users::{NewUser, User};
pub use wechat::{Options, WeChat};
pub use werun::StepInfo;
