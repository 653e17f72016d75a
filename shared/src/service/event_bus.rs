//! The event bus, on which the shop's other systems listen.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    host::{AwsCall, AwsClient, AwsService, Host, HostError},
    types::{BoxError, UnixSeconds},
};

/// The event may not be on the bus.
#[derive(Debug, thiserror::Error)]
pub enum EventBusError {
    /// EventBridge did not answer, or its answer is not understood. The event may be on the bus.
    #[error("the bus can't be asked")]
    Unreachable(#[source] BoxError),
    /// EventBridge does not take the event, for the reason of this code.
    #[error("the bus refuses the event: {0}")]
    Refused(String),
}

/// What customer service tells the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CustomerEventKind {
    /// A user wrote a message.
    #[serde(rename = "customer.message")]
    Message,
    /// A user entered the conversation.
    #[serde(rename = "customer.entered")]
    Entered,
}

impl CustomerEventKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Message, Self::Entered];

    /// As the bus has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "customer.message",
            Self::Entered => "customer.entered",
        }
    }
}

/// An event for the bus.
#[derive(Debug, Clone, Copy)]
pub struct BusEvent<'e, D> {
    /// Which part of this system it comes from.
    pub source: &'static str,
    /// Its kind.
    pub detail_type: &'static str,
    /// When the system knew of it.
    pub happened_at: UnixSeconds,
    /// What listeners read.
    pub detail: &'e D,
}

/// The event bus.
pub struct EventBus {
    client: AwsClient,
    name: String,
}

impl EventBus {
    /// Reads `EVENT_BUS`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { client: host.aws(AwsService::EventBridge)?, name: host.var("EVENT_BUS")?.to_owned() })
    }

    /// Puts the event on the bus.
    ///
    /// # Errors
    /// [`EventBusError`]: the event may be on the bus all the same. Put it again.
    pub async fn put(&self, event: BusEvent<'_, impl Serialize>) -> Result<(), EventBusError> {
        let result = self.put_together(&[event]).await?.pop();
        result.unwrap_or_else(|| Err(EventBusError::Unreachable("the answer names no event".into())))
    }

    /// Puts the events, [`MAX_EVENTS`](Self::MAX_EVENTS) at most, on the bus in one request. The results stand in the order of the events.
    ///
    /// # Errors
    /// [`EventBusError`]: of the events, or of the one that an error belongs to, each may be on the bus all the same. Put it again.
    pub async fn put_together(
        &self,
        events: &[BusEvent<'_, impl Serialize>],
    ) -> Result<Vec<Result<(), EventBusError>>, EventBusError> {
        let unreachable = |cause: BoxError| EventBusError::Unreachable(cause);
        let entries = events.iter().map(|event| self.entry(event)).collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|error| unreachable(error.into()))?;
        let call = AwsCall::json("AWSEvents.PutEvents", &json!({ "Entries": entries }));
        let response = self.client.call(&call).await.map_err(|error| unreachable(error.into()))?;
        let response: PutEventsResponse =
            serde_json::from_slice(response.body()).map_err(|error| unreachable(error.into()))?;
        if response.entries.len() != events.len() {
            return Err(unreachable("the answer names other events".into()));
        }
        let result =
            |entry: PutEventsEntry| entry.error_code.map_or(Ok(()), |code| Err(EventBusError::Refused(code)));
        Ok(response.entries.into_iter().map(result).collect())
    }

    /// How many events a request takes, which is EventBridge's limit.
    pub const MAX_EVENTS: usize = 10;

    fn entry(&self, event: &BusEvent<'_, impl Serialize>) -> serde_json::Result<serde_json::Value> {
        Ok(json!({
            "EventBusName": self.name,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Time": event.happened_at,
            "Detail": serde_json::to_string(event.detail)?,
        }))
    }
}

/// The response of EventBridge's `PutEvents`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEventsResponse {
    entries: Vec<PutEventsEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEventsEntry {
    error_code: Option<String>,
}
