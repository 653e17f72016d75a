//! The faults that can be injected into a call.

use crate::event_buses::PUT_EVENTS;

/// A fault that can be injected into a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Status 200, but the response of `PutEvents` says of every entry that it failed. Hits `PutEvents` only.
    FailedEntries,
    /// Status 500, nothing done.
    InternalError,
    /// `ProvisionedThroughputExceededException`, or `ThrottlingException` from the other services.
    Throttle,
    /// The connection breaks after the effect, without a response.
    TimeoutAfter,
    /// The connection breaks before the effect, without a response.
    TimeoutBefore,
    /// Another transaction holds an item: the whole transaction is cancelled, or the single write refused. Hits only
    /// operations to which this can happen.
    TransactionConflict,
}

impl FaultKind {
    pub(crate) const ALL: [Self; 6] = [
        Self::FailedEntries,
        Self::InternalError,
        Self::Throttle,
        Self::TimeoutAfter,
        Self::TimeoutBefore,
        Self::TransactionConflict,
    ];

    /// Whether AWS's operation can fail in this way.
    pub(crate) fn can_hit(self, operation: &str) -> bool {
        match self {
            Self::FailedEntries => operation == PUT_EVENTS,
            Self::TransactionConflict => CONFLICTING.contains(&operation),
            Self::InternalError | Self::Throttle | Self::TimeoutAfter | Self::TimeoutBefore => true,
        }
    }
}

/// The operations that another transaction on the same item can make fail.
const CONFLICTING: [&str; 5] =
    ["DeleteItem", "PutItem", "TransactGetItems", "TransactWriteItems", "UpdateItem"];
