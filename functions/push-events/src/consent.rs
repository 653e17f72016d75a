//! A withdrawn consent: what the user gave is removed.

use shared::{
    host::{Host, HostError},
    service::{EventError, EventOutcome},
    store::{ConsentInbox, PendingPush},
};

/// Removes what users gave and no longer want us to have.
pub(crate) struct ConsentWithdrawer(ConsentInbox);

impl ConsentWithdrawer {
    /// [`ConsentInbox::new`] reads the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        ConsentInbox::new(host).map(Self)
    }

    /// Removes the personal data that the push's user gave before, and finishes the push, in one transaction. [`EventOutcome::Abandoned`] if the push names
    /// no user.
    ///
    /// # Errors
    /// [`EventError`]: nothing has changed, or the answer was lost. Process the push again.
    pub(crate) async fn withdraw(&self, push: &PendingPush) -> Result<EventOutcome, EventError> {
        let Some(user) = push.message.affected_user() else { return Ok(EventOutcome::Abandoned) };
        let withdrawn = self.0.withdraw(&push.push_id, &user, push.message.created_at()).await;
        withdrawn.map_err(|cause| EventError::at("withdrawing a consent", &push.push_id, cause))?;
        Ok(EventOutcome::Completed)
    }
}
