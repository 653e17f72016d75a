//! The effect on the event bus, on which the shop's other systems listen: they get the event at least once.
//!
//! Listeners recognise an event that comes again by its `eventId`.

use shared::{
    host::{Host, HostError},
    service::{BusEvent, EventBus, EventError},
    store::Event,
    types::UserId,
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

    /// Publishes the event, which is about an order of `user_id` if it is about an order of this shop.
    ///
    /// # Errors
    /// [`EventError`]: the event may be on the bus all the same. Publish it again.
    pub(crate) async fn publish(&self, event: &Event, user_id: Option<&UserId>) -> Result<(), EventError> {
        let detail = EventDetail::new(event, user_id);
        let (detail_type, happened_at) = (event.event.as_str(), event.happened_at);
        let published =
            self.0.put(BusEvent { source: SOURCE, detail_type, happened_at, detail: &detail }).await;
        published.map_err(|cause| EventError::at("publishing", &event.event_id, cause))
    }
}

const SOURCE: &str = "mini-program.orders";
