//! The bus that the shop's other systems listen on. They get an event at least once and drop what they know by `eventId`.

use serde::Deserialize;
use serde_json::json;
use shared::{
    error::BoxError,
    host::{AwsCall, AwsClient, AwsService, Host, HostError},
    store::Event,
    types::UserId,
};

use crate::detail::Detail;

/// The bus has not taken an event, as far as we know.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BusError {
    /// It can't be asked.
    #[error("the bus can't be asked")]
    Unreachable(#[source] BoxError),
    /// It does not take the event.
    #[error("the bus refuses the event: {0}")]
    Refused(String),
}

/// The bus.
pub(crate) struct Bus {
    client: AwsClient,
    name: String,
}

impl Bus {
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { client: host.aws(AwsService::EventBridge)?, name: host.var("EVENT_BUS")?.to_owned() })
    }

    /// Puts the event on the bus.
    pub(crate) async fn publish(&self, event: &Event, user_id: Option<&UserId>) -> Result<(), BusError> {
        let detail = serde_json::to_string(&Detail::new(event, user_id))
            .map_err(|error| BusError::Unreachable(error.into()))?;
        let entry = json!({
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": event.event.as_str(),
            "Time": event.happened_at,
            "Detail": detail,
        });
        let call = AwsCall::json("AWSEvents.PutEvents", &json!({ "Entries": [entry] }));
        let answer = self.client.call(&call).await.map_err(|error| BusError::Unreachable(error.into()))?;
        let answer: Answer =
            serde_json::from_slice(answer.body()).map_err(|error| BusError::Unreachable(error.into()))?;
        if answer.failed_entry_count == 0 {
            return Ok(());
        }
        let code = answer.entries.into_iter().find_map(|entry| entry.error_code);
        Err(BusError::Refused(code.unwrap_or_else(|| "unknown error".to_owned())))
    }
}

/// What `PutEvents` answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    failed_entry_count: u32,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    error_code: Option<String>,
}

const SOURCE: &str = "mini-program.orders";
