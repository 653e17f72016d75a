//! Messages of users to customer service, and users who enter the conversation.
//!
//! The message is kept before the event goes to the bus, so that a listener finds it in the conversation. The event has an id that follows
//! from the push, by which listeners recognise one that comes again.

use std::time::Duration;

use serde::Serialize;
use shared::{
    host::{Host, HostError},
    service::{
        BusEvent, CustomerEventKind, CustomerMessageError, CustomerMessageSender, EventBus, EventError,
        EventOutcome,
    },
    store::{CustomerInbox, NewMessage, PendingPush, WindowKind},
    telemetry,
    types::{OpenId, UnixSeconds},
    wechat::customer_message::{CustomerMessage, MAX_TEXT, Text},
};

/// Keeps what users write, and welcomes those who enter.
pub(crate) struct ConversationKeeper {
    inbox: CustomerInbox,
    bus: EventBus,
    sender: CustomerMessageSender,
    welcome: Option<CustomerMessage>,
    host: Host,
}

/// The `detail` of an event on the event bus. It names nobody and says nothing of the message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventDetail<'e> {
    event_id: &'e str,
    event: CustomerEventKind,
    happened_at: String,
}

impl ConversationKeeper {
    /// [`welcome_text`] and the constructors of the tables and clients read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            inbox: CustomerInbox::new(host)?,
            bus: EventBus::new(host)?,
            sender: CustomerMessageSender::new(host)?,
            welcome: welcome_text(host)?,
            host: host.clone(),
        })
    }

    /// Keeps a message in its conversation and tells the bus. [`EventOutcome::Abandoned`] if the push names no user or is no message.
    ///
    /// # Errors
    /// [`EventError`]: an effect may be missing. Process the push again; what was done is not done twice.
    pub(crate) async fn keep_message(&self, push: &PendingPush) -> Result<EventOutcome, EventError> {
        let message = &push.message;
        let (Some(user), Some(content)) = (message.from_user(), message.customer_message()) else {
            return Ok(EventOutcome::Abandoned);
        };
        let at = happened_at(push);
        let kept = self.inbox.keep_message(push, user, at, &content).await;
        kept.map_err(|cause| EventError::at("keeping a message", &push.push_id, cause))?;
        self.publish(CustomerEventKind::Message, push, at).await?;
        Ok(EventOutcome::Completed)
    }

    /// Opens the window of a user who entered, sends the welcome text and tells the bus. [`EventOutcome::Abandoned`] if the push names no
    /// user.
    ///
    /// # Errors
    /// [`EventError`]: an effect may be missing. Process the push again; what was done is not done twice.
    pub(crate) async fn enter(&self, push: &PendingPush) -> Result<EventOutcome, EventError> {
        let Some(user) = push.message.from_user() else { return Ok(EventOutcome::Abandoned) };
        let at = happened_at(push);
        let entered = self.inbox.enter(push, user, at).await;
        entered.map_err(|cause| EventError::at("opening a window", &push.push_id, cause))?;
        self.welcome(push, user, at).await?;
        self.publish(CustomerEventKind::Entered, push, at).await?;
        Ok(EventOutcome::Completed)
    }

    /// Sends the welcome text, at most once for each entering. When WeChat refuses or is busy, the user is not welcomed: a text that comes
    /// minutes later would be out of place.
    async fn welcome(&self, push: &PendingPush, user: &OpenId, at: UnixSeconds) -> Result<(), EventError> {
        let Some(message) = &self.welcome else { return Ok(()) };
        if self.host.now().since(at) >= WELCOME_WITHIN {
            telemetry::unusual_event("user-not-welcomed", &"the push came late");
            return Ok(());
        }
        let key = format!("welcome {}", push.push_id);
        let new = NewMessage { openid: user, message, key: &key, sent_by: None, window: WindowKind::Entry };
        match self.sender.send(new).await {
            Ok(_) => Ok(()),
            Err(CustomerMessageError::Store(cause)) => {
                Err(EventError::at("welcoming a user", &push.push_id, cause))
            }
            Err(error) => {
                telemetry::handled_error("send-welcome-text", &error);
                Ok(())
            }
        }
    }

    async fn publish(
        &self,
        event: CustomerEventKind,
        push: &PendingPush,
        at: UnixSeconds,
    ) -> Result<(), EventError> {
        let event_id = format!("{}#{}", event.as_str(), push.push_id);
        let detail = EventDetail { event_id: &event_id, event, happened_at: at.to_rfc3339() };
        let put = BusEvent { source: SOURCE, detail_type: event.as_str(), happened_at: at, detail: &detail };
        let published = self.bus.put(put).await;
        published.map_err(|cause| EventError::at("publishing", &event_id, cause))
    }
}

/// When it happened by WeChat's clock, and not later than the push was kept: a time in the future would keep later messages from opening a
/// window.
fn happened_at(push: &PendingPush) -> UnixSeconds {
    push.message.created_at().min(push.happened_at)
}

/// Reads `CUSTOMER_WELCOME_TEXT`; `None` if it is empty.
///
/// # Errors
/// [`HostError`]: the text is longer than WeChat takes.
fn welcome_text(host: &Host) -> Result<Option<CustomerMessage>, HostError> {
    let Some(content) = host.optional_var(WELCOME) else { return Ok(None) };
    if content.len() > MAX_TEXT {
        return Err(HostError::Invalid { name: WELCOME, expected: "at most 2048 bytes" });
    }
    Ok(Some(CustomerMessage::Text { text: Text { content: content.to_owned() } }))
}

const WELCOME: &str = "CUSTOMER_WELCOME_TEXT";
const SOURCE: &str = "mini-program.customer-service";
/// How long after entering a welcome text may come, which is how long WeChat takes it.
const WELCOME_WITHIN: Duration = Duration::from_secs(60);
