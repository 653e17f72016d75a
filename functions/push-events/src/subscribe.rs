//! Events of subscribe messages: they correct the counts of what users may still be sent.

use shared::{
    host::{Host, HostError},
    service::{EventError, EventOutcome},
    store::{PendingPush, SubscribeEventsOutcome, SubscribeInbox},
    telemetry,
    types::BoxError,
    wechat::push::SubscribeEventKind,
};

/// Keeps the counts in step with what users chose.
pub(crate) struct ConsentKeeper(SubscribeInbox);

impl ConsentKeeper {
    /// [`SubscribeInbox::new`] reads the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        SubscribeInbox::new(host).map(Self)
    }

    /// Applies the push to the counts of its user and finishes it, in one transaction. [`EventOutcome::Abandoned`] if the push names no
    /// user, or more templates than one transaction takes; then nothing has changed.
    ///
    /// # Errors
    /// [`EventError`]: nothing has changed, or the answer was lost. Process the push again.
    pub(crate) async fn apply(&self, push: &PendingPush) -> Result<EventOutcome, EventError> {
        let message = &push.message;
        let failed = |cause: BoxError| EventError::at("applying the push", &push.push_id, cause);
        let events = message.subscribe_events();
        let Some(user) = message.from_user().filter(|_| events.len() <= MAX_TEMPLATES) else {
            return Ok(EventOutcome::Abandoned);
        };
        // Before the push is finished, so that a run that is killed between the two does not lose the alert.
        for event in &events {
            if let SubscribeEventKind::NotDelivered(errcode) = event.kind
                && !event.kind.ends_consent()
            {
                let subject = format!("template {}, errcode {errcode}", event.template_id.as_str());
                telemetry::operator_alert("subscribe-message-undelivered", &subject);
            }
        }
        let applied = self.0.apply(&push.push_id, user, message.created_at(), &events).await;
        Ok(match applied.map_err(|error| failed(error.into()))? {
            SubscribeEventsOutcome::Applied => EventOutcome::Completed,
            SubscribeEventsOutcome::AlreadyApplied => EventOutcome::Skipped,
        })
    }
}

/// A user answers for three templates at a time, and a transaction takes a hundred changes.
const MAX_TEMPLATES: usize = 50;
