//! `INBOX_TABLE`: what WeChat pushed, for those who act on it.
//!
//! Key `push_id`, which follows from the push, so that the same push is one row ([`PushedMessage::push_id`]). Index `by_pending`
//! (`pending_shard`, `happened_at`) lists what nobody has acted on yet. The message is sealed with the key ring of `DATA_KEYS_ARN`, and is
//! removed when the push is processed, so that nothing of a person stays in the table; what is left tells a repeated delivery.
//!
//! A row with a `kind` is no push: it is work of ours that the same machinery does ([`PendingErasure`]).
//!
//! [`PushedMessage::push_id`]: crate::wechat::push::PushedMessage::push_id

mod consent;
mod customer;
mod erasure;
mod media_verdicts;
mod queue;
mod row;
mod subscribe_events;

pub(super) use erasure::put_erasure;
use queue::finish_part;

pub use consent::ConsentInbox;
pub use customer::{CustomerInbox, CustomerPushOutcome};
pub use media_verdicts::{VerdictInbox, VerdictOutcome};
pub use queue::{Inbox, InboxError, KeepOutcome};
pub use row::{ErasedPerson, PendingErasure, PendingPush, PushLookup};
pub use subscribe_events::{SubscribeEventsOutcome, SubscribeInbox};
