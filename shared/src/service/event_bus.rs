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
        let detail =
            serde_json::to_string(event.detail).map_err(|error| EventBusError::Unreachable(error.into()))?;
        let entry = json!({
            "EventBusName": self.name,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Time": event.happened_at,
            "Detail": detail,
        });
        let call = AwsCall::json("AWSEvents.PutEvents", &json!({ "Entries": [entry] }));
        let response =
            self.client.call(&call).await.map_err(|error| EventBusError::Unreachable(error.into()))?;
        let response: PutEventsResponse = serde_json::from_slice(response.body())
            .map_err(|error| EventBusError::Unreachable(error.into()))?;
        if response.failed_entry_count == 0 {
            return Ok(());
        }
        let code = response.entries.into_iter().find_map(|entry| entry.error_code);
        Err(EventBusError::Refused(code.unwrap_or_else(|| "unknown error".to_owned())))
    }
}

/// The response of EventBridge's `PutEvents`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEventsResponse {
    failed_entry_count: u32,
    entries: Vec<PutEventsEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEventsEntry {
    error_code: Option<String>,
}
