//! The simulated WeChat of the local world: the open platform, WeChat Pay, and the APIs `wx.*` of the phone.
//!
//! The simulator checks requests as WeChat does, and really signs and encrypts. It is written from WeChat's documentation alone and
//! shares no code with the functions that call it, so that both cannot contain the same misreading.
//!
//! ```text
//!   test, browser ──▶ control()   /users /werun /wx/{api} /cards /orders /refunds /bill /platform_keys
//!                                 /shipping /complaints
//!                                 /messages /customer_messages /media_checks /groups /push /log /faults
//!   back end      ──▶ upstream()  /sns/… /cgi-bin/… /wxa/… /wxaapi/… /datacube/… /card/… /pay/… /secapi/… /v3/…
//!   back end      ◀── notices to the order's or refund's notify_url, redelivered on WeChat's schedule
//!   back end      ◀── pushes to the address in the console, three times at most
//! ```
//!
//! - [`Simulator::upstream`] is the router that `WECHAT_API_BASE` and `PAY_API_BASE` point to.
//! - [`Simulator::pay_listener`] serves the same router over TLS, which a refund of Pay v2 requires.
//! - [`Simulator::snapshot`] is what outlives the program, and [`Simulator::resume`] goes on from it.
//! - [`Simulator::control`] is the router that the host program mounts under `/_wechat`.
//!
//! The crate consists of services in layers, which use each other in one direction only:
//!
//! ```text
//!   core ◀── base ◀─┬─ services ◀─┬─ simulator
//!                   └─ pay      ◀─┘
//! ```
//!
//! - `core/` uses no service: account, clock, log, fault queue, snapshot, server, sender of notices and pushes.
//! - `base/` has what every product uses: users, sessions, access tokens and tickets, pages.
//! - `services/` has a folder per product of the platform, with its state, routes, `wx` APIs and controls.
//! - `pay/` is WeChat Pay: one ledger under one lock, and a folder per version of the API.
//! - `simulator/` builds all services. A new service is a folder in `services/` and a line there.

mod base;
mod core;
mod pay;
mod services;
mod simulator;
#[cfg(test)]
mod tests;

pub use crate::core::account::Account;
pub use crate::core::faults::Fault;
pub use crate::core::log::{CallKind, CallObserver, LoggedCall};
pub use crate::core::notices::http_client;
pub use crate::core::persist::{Snapshot, SnapshotError};
pub use crate::core::push::{PushFormat, PushMode, PushSettings, SignedPush};
pub use crate::core::refund_status::RefundStatus;
pub use crate::core::tls::{PayListener, TlsPeer};
pub use crate::core::user::{NewUser, User};
pub use crate::core::verdict::{Suggest, Verdict};
pub use crate::pay::ledger::bills::bill_change::BillChange;
pub use crate::pay::ledger::complaints::{ComplaintEntry, ComplaintState, NewComplaint, ProblemType};
pub use crate::pay::ledger::orders::{LedgerEntry, TradeState};
pub use crate::pay::ledger::platform_keys::{PlatformKey, PlatformMode};
pub use crate::pay::ledger::refunds::{RefundEntry, RefundSource};
pub use crate::pay::ledger::shipping::parcel::Parcel;
pub use crate::pay::ledger::shipping::settings::ShippingSettings;
pub use crate::pay::ledger::shipping::shipment::ShippingEntry;
pub use crate::pay::v3::notice::SignedNotice;
pub use crate::pay::version::SignType;
pub use crate::services::cards::card::{CardStatus, CardType, NewCard};
pub use crate::services::content_security::media_check::{MediaCheck, MediaCheckState};
pub use crate::services::customer_service::message::CustomerMessage;
pub use crate::services::subscribe::message::SubscribeMessage;
pub use crate::services::werun::steps::StepInfo;
pub use crate::simulator::{Simulator, SimulatorOptions};
