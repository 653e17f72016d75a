//! The effect on the event bus, on which the shop's other systems listen: they get the event at least once.
//!
//! Listeners recognise an event that comes again by its `eventId`.

use serde::Deserialize;
use serde_json::json;
use shared::{
    host::{AwsCall, AwsClient, AwsService, Host, HostError},
    service::EventError,
    store::Event,
    types::{BoxError, UserId},
};

use crate::event_detail::EventDetail;

/// The event may not be on the bus.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    /// EventBridge did not answer, or its answer is not understood. The event may be on the bus.
    #[error("the bus can't be asked")]
    Unreachable(#[source] BoxError),
    /// EventBridge does not take the event, for the reason of this code.
    #[error("the bus refuses the event: {0}")]
    Refused(String),
}

/// Publishes events on the event bus.
pub(crate) struct EventPublisher {
    client: AwsClient,
    bus_name: String,
}

impl EventPublisher {
    /// Reads `EVENT_BUS`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { client: host.aws(AwsService::EventBridge)?, bus_name: host.var("EVENT_BUS")?.to_owned() })
    }

    /// Publishes the event, which is about an order of `user_id` if it is about an order of this shop.
    ///
    /// # Errors
    /// [`EventError`]: the event may be on the bus all the same. Publish it again.
    pub(crate) async fn publish(&self, event: &Event, user_id: Option<&UserId>) -> Result<(), EventError> {
        let published = self.put_event(event, user_id).await;
        published.map_err(|cause| EventError::at("publishing", &event.event_id, cause))
    }

    async fn put_event(&self, event: &Event, user_id: Option<&UserId>) -> Result<(), PublishError> {
        let detail = serde_json::to_string(&EventDetail::new(event, user_id))
            .map_err(|error| PublishError::Unreachable(error.into()))?;
        let entry = json!({
            "EventBusName": self.bus_name,
            "Source": SOURCE,
            "DetailType": event.event.as_str(),
            "Time": event.happened_at,
            "Detail": detail,
        });
        let call = AwsCall::json("AWSEvents.PutEvents", &json!({ "Entries": [entry] }));
        let response =
            self.client.call(&call).await.map_err(|error| PublishError::Unreachable(error.into()))?;
        let response: PutEventsResponse = serde_json::from_slice(response.body())
            .map_err(|error| PublishError::Unreachable(error.into()))?;
        if response.failed_entry_count == 0 {
            return Ok(());
        }
        let code = response.entries.into_iter().find_map(|entry| entry.error_code);
        Err(PublishError::Refused(code.unwrap_or_else(|| "unknown error".to_owned())))
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

const SOURCE: &str = "mini-program.orders";
