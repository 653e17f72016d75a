//! The bus that the shop's other systems listen on. They get an event at least once and drop what they know by `eventId`.

use aws_sdk_eventbridge::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::DateTime,
    types::PutEventsRequestEntry,
};
use shared::{
    error::BoxError,
    host::{Host, HostError},
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
    client: Client,
    name: String,
}

impl Bus {
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { client: host.eventbridge()?, name: host.var("EVENT_BUS")?.to_owned() })
    }

    /// Puts the event on the bus.
    pub(crate) async fn publish(&self, event: &Event, user_id: Option<&UserId>) -> Result<(), BusError> {
        let detail = serde_json::to_string(&Detail::new(event, user_id))
            .map_err(|error| BusError::Unreachable(error.into()))?;
        let seconds = i64::try_from(event.happened_at.get()).unwrap_or(i64::MAX);
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(event.event.as_str())
            .time(DateTime::from_secs(seconds))
            .detail(detail)
            .build();
        let answer = self.client.put_events().entries(entry).send().await.map_err(not_asked)?;
        if answer.failed_entry_count() == 0 {
            return Ok(());
        }
        let code = answer.entries().iter().find_map(|entry| entry.error_code()).unwrap_or("unknown error");
        Err(BusError::Refused(code.to_owned()))
    }
}

/// A service's message can quote what it was sent; its code is enough to find the fault.
fn not_asked<E>(error: SdkError<E>) -> BusError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    BusError::Unreachable(match error.as_service_error() {
        Some(service) => service.code().unwrap_or("unknown error").to_owned().into(),
        None => error.into(),
    })
}

const SOURCE: &str = "mini-program.orders";
