//! Telling the user that the order is paid: once at most. Only who has claimed the message sends it, and after an outcome that
//! nobody knows it is not sent again.

use std::time::Duration;

use shared::{
    store::{MessageFate, Order, Pending},
    telemetry,
    types::UnixSeconds,
    wechat::subscribe::{Message, SendError},
};

use crate::{OrderEventsTask, act::ActError, paid::PaidTemplate};

/// What came of telling the user.
pub(crate) enum Told {
    /// It is over, so or so.
    Fate(MessageFate),
    /// Another run may be sending the message just now.
    Elsewhere,
}

impl OrderEventsTask {
    /// Sends the message that the order is paid, if the user takes one.
    pub(crate) async fn tell(
        &self,
        pending: &Pending,
        order: &Order,
        template: &PaidTemplate,
    ) -> Result<Told, ActError> {
        let event = &pending.event;
        let failed = |cause| ActError::at("claiming the message", &event.event_id, cause);
        if !pending.published {
            // The bus has the event by now: a message that fails must not bring it there again.
            self.outbox.published(&event.event_id).await.map_err(failed)?;
        }
        if let Some(claimed_at) = pending.message_claimed_at {
            if self.host.now().since(claimed_at) < CLAIM_LIFE {
                return Ok(Told::Elsewhere);
            }
            // Whoever claimed it is gone, before or after sending.
            telemetry::attention("message-maybe-sent", &event.event_id);
            return Ok(Told::Fate(MessageFate::MaybeSent));
        }
        let message = match template.message(order, event.happened_at) {
            Ok(message) => message,
            Err(error) => {
                telemetry::survived("write-message", &error);
                telemetry::attention("message-not-sent", &event.event_id);
                return Ok(Told::Fate(MessageFate::NotSent));
            }
        };
        let claim = self.outbox.claim_message(&event.event_id).await.map_err(failed)?;
        let Some(claim) = claim else { return Ok(Told::Elsewhere) };
        match self.send(&message, &event.event_id, event.happened_at).await {
            Ok(fate) => Ok(Told::Fate(fate)),
            Err(error) => {
                self.outbox.release_message(&event.event_id, claim).await.map_err(failed)?;
                Err(ActError::at("sending the message", &event.event_id, error))
            }
        }
    }

    /// Sends it; an error is that it was certainly not sent, and that sending it again may help.
    async fn send(
        &self,
        message: &Message,
        event_id: &str,
        happened_at: UnixSeconds,
    ) -> Result<MessageFate, SendError> {
        let Err(error) = self.subscriber.send(message).await else { return Ok(MessageFate::Sent) };
        if matches!(error, SendError::NotSubscribed(_)) {
            return Ok(MessageFate::NotSubscribed);
        }
        let maybe_sent = error.may_have_been_sent();
        let is_refused = matches!(error, SendError::Refused { .. });
        if !maybe_sent && !is_refused && self.host.now().since(happened_at) <= MESSAGE_LIFE {
            return Err(error);
        }
        telemetry::survived("send-message", &error);
        if maybe_sent {
            telemetry::attention("message-maybe-sent", &event_id);
            return Ok(MessageFate::MaybeSent);
        }
        telemetry::attention("message-not-sent", &event_id);
        Ok(MessageFate::NotSent)
    }
}

/// How long whoever claimed a message may be alive: longer than the function's timeout.
const CLAIM_LIFE: Duration = Duration::from_secs(2 * 60);
/// After this time a message that WeChat does not take is not tried again: so late it only confuses, and it would be tried for as
/// long as the event is kept.
const MESSAGE_LIFE: Duration = Duration::from_secs(60 * 60);
