//! `OUTBOX_TABLE`: what happened to orders, for those who act on it.
//!
//! `event.rs` writes an event in the transaction that made it happen. `queue.rs` lists the events whose effects are not done, and
//! marks each effect that is done. `stock.rs` is the one effect that changes a table of ours.

mod event;
mod queue;
mod stock;

pub(super) use event::put_event;
pub use event::{Event, EventKind};
pub use queue::{EventLookup, MessageClaim, MessageStatus, Outbox, PendingEvent};
pub use stock::StockOutcome;
