//! The effect on the event bus, on which the shop's other systems listen: they get the event at least once.
//!
//! Listeners recognise an event that comes again by its `eventId`.

use futures_util::future;
use shared::{
    host::{Host, HostError},
    service::{BusEvent, EventBus, EventError},
    store::Event,
    types::{BoxError, UserId, error_chain},
};

use crate::event_detail::EventDetail;

/// Publishes events on the event bus.
pub(crate) struct EventPublisher(EventBus);

impl EventPublisher {
    /// [`EventBus::new`] reads the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        EventBus::new(host).map(Self)
    }

    /// Publishes events, each with the user whose order it is about, if it is about an order of this shop. The results stand in the order of
    /// the events.
    ///
    /// # Errors
    /// [`EventError`] of an event: the event may be on the bus all the same. Publish it again.
    pub(crate) async fn publish(&self, events: &[(&Event, Option<&UserId>)]) -> Vec<Result<(), EventError>> {
        let requests: Vec<_> =
            events.chunks(EventBus::MAX_EVENTS).map(|events| self.publish_together(events)).collect();
        future::join_all(requests).await.into_iter().flatten().collect()
    }

    async fn publish_together(&self, events: &[(&Event, Option<&UserId>)]) -> Vec<Result<(), EventError>> {
        let details: Vec<_> =
            events.iter().map(|(event, user_id)| EventDetail::new(event, *user_id)).collect();
        let entries: Vec<_> = events
            .iter()
            .zip(&details)
            .map(|((event, _), detail)| BusEvent {
                source: SOURCE,
                detail_type: event.event.as_str(),
                happened_at: event.happened_at,
                detail,
            })
            .collect();
        let failed = |event: &Event, cause: BoxError| EventError::at("publishing", &event.event_id, cause);
        match self.0.put_together(&entries).await {
            Ok(results) => events
                .iter()
                .zip(results)
                .map(|((event, _), result)| result.map_err(|cause| failed(event, cause.into())))
                .collect(),
            Err(error) => {
                let cause = error_chain(&error);
                events.iter().map(|(event, _)| Err(failed(event, cause.clone().into()))).collect()
            }
        }
    }
}

const SOURCE: &str = "mini-program.orders";
