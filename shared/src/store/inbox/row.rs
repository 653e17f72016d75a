//! A row of the inbox: a push that waits, or the trace of one that is processed.

use serde::{Deserialize, Serialize};

use crate::{crypto::Sealed, store::StoreError, types::UnixSeconds, wechat::push::PushedMessage};

/// A push that nobody has finished acting on.
#[derive(Debug, Clone)]
pub struct PendingPush {
    /// Its key.
    pub push_id: String,
    /// What was pushed.
    pub message: PushedMessage,
    /// When it was kept.
    pub happened_at: UnixSeconds,
}

/// What is stored under a push's key.
#[derive(Debug)]
pub enum PushLookup {
    /// Something is still to do.
    Pending(Box<PendingPush>),
    /// Nothing: it is done, or the row has expired.
    Done,
    /// The row can't be opened or read as a push; a retry does not help.
    Unreadable(StoreError),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) push_id: String,
    /// The event's name or the message's type, for operators.
    pub(super) name: String,
    pub(super) happened_at: UnixSeconds,
    pub(super) expires_at: UnixSeconds,
    /// Absent when the push is processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending_shard: Option<String>,
    /// Absent when the push is processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<Sealed>,
}
