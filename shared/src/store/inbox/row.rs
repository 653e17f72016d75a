//! A row of the inbox: a push that waits, or the trace of one that is processed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    crypto::Sealed,
    store::StoreError,
    types::{OpenId, UnixSeconds, UserId},
    wechat::push::PushedMessage,
};

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

/// A person who is being erased.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedPerson {
    /// The id that the user had.
    pub user_id: UserId,
    /// The openids that logged in as the user.
    pub openids: Vec<OpenId>,
    /// The keys of the records that this user and another one are one person.
    pub merge_records: Vec<String>,
}

/// Shows the user alone.
impl fmt::Debug for ErasedPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErasedPerson({})", self.user_id)
    }
}

/// An erasure that nobody has finished.
#[derive(Debug, Clone)]
pub struct PendingErasure {
    /// Its key.
    pub push_id: String,
    /// Who is erased.
    pub person: ErasedPerson,
    /// When the person asked for it. Tokens from before are void.
    pub erased_at: UnixSeconds,
}

/// What a person is sealed for. A push is sealed for its key alone, so no sealed push can be read as an erasure.
pub(super) fn erasure_context(push_id: &str) -> String {
    format!("{ERASURE}#{push_id}")
}

/// What is stored under a push's key.
#[derive(Debug)]
pub enum PushLookup {
    /// Something is still to do.
    Pending(Box<PendingPush>),
    /// A person is still to be erased.
    Erasure(Box<PendingErasure>),
    /// Nothing: it is done, or the row has expired.
    Done,
    /// The row can't be opened or read as a push; a retry does not help.
    Unreadable(StoreError),
}

/// What a row is that is no push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RowKind {
    /// A user who is being erased.
    UserErasure,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) push_id: String,
    /// The event's name or the message's type, for operators.
    pub(super) name: String,
    /// What the row is, if it is no push. No push can have it, because only our own transactions write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<RowKind>,
    pub(super) happened_at: UnixSeconds,
    /// Absent while the row must not be lost, because it is an erasure that is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<UnixSeconds>,
    /// Absent when the push is processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending_shard: Option<String>,
    /// Absent when the push is processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<Sealed>,
}

/// The name of rows of users who are being erased.
pub(super) const ERASURE: &str = "user-erasure";
