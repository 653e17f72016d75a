//! Why an event is not processed to its end.

use crate::{store::StoreError, types::BoxError};

/// Something is still to do for an event: the stream delivers it again, or the schedule finds it.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// A step of processing an event failed.
    #[error("{step} failed for {event_id}")]
    Step {
        /// The step that failed.
        step: &'static str,
        /// For which event.
        event_id: String,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// The table could not be asked which events are pending.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EventError {
    /// The step that failed, for which event, and why.
    #[must_use]
    pub fn at(step: &'static str, event_id: &str, cause: impl Into<BoxError>) -> Self {
        Self::Step { step, event_id: event_id.to_owned(), cause: cause.into() }
    }
}
