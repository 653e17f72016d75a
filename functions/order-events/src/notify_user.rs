//! The effect on the user: a subscribe message that the order is paid, at most once.
//!
//! Only the run that has claimed the message sends it. When the outcome of sending is unknown, the message is not sent again.

use std::time::Duration;

use shared::{
    host::{Host, HostError},
    order::Status,
    service::{EventError, SendError, SubscribeMessageSender},
    store::{MessageStatus, Order, Outbox, PendingEvent},
    telemetry,
    types::{OpenId, UnixSeconds},
    wechat::subscribe::Message,
};

use crate::paid_template::PaidTemplate;

/// What came of notifying the user.
pub(crate) enum Notification {
    /// Finished: sent, not sent, outdated, or unknown. The caller stores this status on the event.
    Finished(MessageStatus),
    /// The event has no message, or the operator has not configured one.
    NotWanted,
    /// Another run holds the claim and may be sending the message now.
    ClaimedElsewhere,
}

/// Sends users the message that their order is paid.
pub(crate) struct UserNotifier {
    host: Host,
    outbox: Outbox,
    sender: SubscribeMessageSender,
    /// The operator's template. Malformed settings stop the messages alone; stock and event bus do not wait for them.
    template: Result<Option<PaidTemplate>, HostError>,
}

impl UserNotifier {
    /// Makes the table, the template and the [`SubscribeMessageSender`]; they read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed, except for the three of the template: those are logged, and no message
    /// is sent.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        let template = PaidTemplate::read(host);
        if let Err(error) = &template {
            telemetry::handled_error("read-paid-template", error);
            telemetry::operator_alert("paid-template-unusable", error);
        }
        Ok(Self {
            host: host.clone(),
            outbox: Outbox::new(host)?,
            sender: SubscribeMessageSender::new(host)?,
            template,
        })
    }

    /// Sends the message that `order` is paid, unless it was sent, is claimed, or is outdated.
    ///
    /// # Errors
    /// [`EventError`]: the message was certainly not sent. Process the event again.
    pub(crate) async fn notify_user(
        &self,
        pending: &PendingEvent,
        order: &Order,
    ) -> Result<Notification, EventError> {
        let template = match &self.template {
            Ok(None) => return Ok(Notification::NotWanted),
            // An event can be pending for long. Whose money went back, or goes back just now, must not read "paid".
            _ if matches!(order.status, Status::Refunding | Status::Refunded) => {
                return Ok(Notification::Finished(MessageStatus::Outdated));
            }
            Err(error) => {
                telemetry::operator_alert("paid-template-unusable", error);
                return Ok(Notification::Finished(MessageStatus::NotSent));
            }
            Ok(Some(template)) => template,
        };
        // A user who was erased takes no message.
        let Some(openid) = &order.openid else {
            return Ok(Notification::Finished(MessageStatus::NotSubscribed));
        };
        self.claim_and_send(pending, (order, openid), template).await
    }

    async fn claim_and_send(
        &self,
        pending: &PendingEvent,
        (order, openid): (&Order, &OpenId),
        template: &PaidTemplate,
    ) -> Result<Notification, EventError> {
        let event = &pending.event;
        let failed = |cause| EventError::at("claiming the message", &event.event_id, cause);
        if !pending.published {
            // The bus has the event by now. The mark is set before the message, so that a message that fails does not publish
            // the event again.
            self.outbox.mark_published(&event.event_id).await.map_err(failed)?;
        }
        if let Some(claimed_at) = pending.message_claimed_at {
            if self.host.now().since(claimed_at) < CLAIM_LIFE {
                return Ok(Notification::ClaimedElsewhere);
            }
            // The run that claimed the message was killed, before or after it sent the message.
            telemetry::operator_alert("message-maybe-sent", &event.event_id);
            return Ok(Notification::Finished(MessageStatus::MaybeSent));
        }
        let message = match template.message(order, openid, event.happened_at) {
            Ok(message) => message,
            Err(error) => {
                telemetry::handled_error("write-message", &error);
                telemetry::operator_alert("message-not-sent", &event.event_id);
                return Ok(Notification::Finished(MessageStatus::NotSent));
            }
        };
        let claim = self.outbox.claim_message(&event.event_id).await.map_err(failed)?;
        let Some(claim) = claim else { return Ok(Notification::ClaimedElsewhere) };
        match self.send_message(&message, &event.event_id, event.happened_at).await {
            Ok(status) => Ok(Notification::Finished(status)),
            Err(error) => {
                self.outbox.release_message(&event.event_id, claim).await.map_err(failed)?;
                Err(EventError::at("sending the message", &event.event_id, error))
            }
        }
    }

    /// Sends the message, and says what became of it.
    ///
    /// # Errors
    /// [`SendError`]: the message was certainly not sent, and sending it again may help.
    async fn send_message(
        &self,
        message: &Message,
        event_id: &str,
        happened_at: UnixSeconds,
    ) -> Result<MessageStatus, SendError> {
        let Err(error) = self.sender.send(message).await else { return Ok(MessageStatus::Sent) };
        if matches!(error, SendError::NotSubscribed(_)) {
            return Ok(MessageStatus::NotSubscribed);
        }
        let maybe_sent = error.may_have_been_sent();
        let is_refused = matches!(error, SendError::Refused { .. });
        if !maybe_sent && !is_refused && self.host.now().since(happened_at) <= MESSAGE_LIFE {
            return Err(error);
        }
        telemetry::handled_error("send-message", &error);
        if maybe_sent {
            telemetry::operator_alert("message-maybe-sent", &event_id);
            return Ok(MessageStatus::MaybeSent);
        }
        telemetry::operator_alert("message-not-sent", &event_id);
        Ok(MessageStatus::NotSent)
    }
}

/// A claim that is older belongs to a run that was killed: the function's timeout is shorter.
const CLAIM_LIFE: Duration = Duration::from_secs(2 * 60);
/// A message that WeChat does not take is not tried again when its event is older than this, because such a late message only
/// confuses the user.
const MESSAGE_LIFE: Duration = Duration::from_secs(60 * 60);
