//! `OUTBOX_TABLE`: events of orders whose effects (stock, event bus, message to the user) must follow.
//!
//! `event.rs` writes an event in the transaction that made it happen. `queue.rs` lists the events whose effects are not done, and
//! marks each effect that is done. `stock.rs` is the one effect that changes another of our tables.

mod event;
mod queue;
mod stock;

pub(super) use event::put_event;
pub use event::{Event, EventKind};
pub use queue::{EventLookup, MessageClaim, MessageStatus, Outbox, PendingEvent};
pub use stock::StockOutcome;
