//! Processing one event: those of its effects that are still missing, in the order stock, event bus, message to the user.

use shared::{
    host::{Host, HostError},
    service::{EventError, EventOutcome, EventProcessor},
    store::{
        EventKind, EventLookup, OpenWork, Order, Orders, Outbox, PendingEvent, StoreError, WorkCursor,
        WorkPage,
    },
    telemetry::{self, Metric},
    types::UnixSeconds,
};

use crate::{
    notify_user::{Notification, UserNotifier},
    publish::EventPublisher,
    shipping::{ShippingReport, ShippingReporter},
    stock::StockTaker,
};

/// Processes events.
pub(crate) struct OrderEventProcessor {
    outbox: Outbox,
    orders: Orders,
    stock: StockTaker,
    publisher: EventPublisher,
    notifier: UserNotifier,
    shipping: ShippingReporter,
}

impl OrderEventProcessor {
    /// The constructors of the tables and the effects read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            outbox: Outbox::new(host)?,
            orders: Orders::new(host)?,
            stock: StockTaker::new(host)?,
            publisher: EventPublisher::new(host)?,
            notifier: UserNotifier::new(host)?,
            shipping: ShippingReporter::new(host)?,
        })
    }

    async fn notify_if_paid(
        &self,
        pending: &PendingEvent,
        paid_order: Option<&Order>,
    ) -> Result<Notification, EventError> {
        match paid_order {
            Some(order) => self.notifier.notify_user(pending, order).await,
            None => Ok(Notification::NotWanted),
        }
    }

    async fn abandon_event(&self, event_id: &str) -> Result<EventOutcome, EventError> {
        telemetry::operator_alert("event-unreadable", &event_id);
        let given_up = self.outbox.abandon(event_id).await;
        given_up.map_err(|cause| EventError::at("giving the event up", event_id, cause))?;
        Ok(EventOutcome::Abandoned)
    }
}

impl EventProcessor for OrderEventProcessor {
    const KEY: &'static str = "event_id";

    /// Takes stock, publishes the event, notifies the user, and marks the event as done. Each effect that is done has its mark, so the event
    /// can be processed again.
    async fn process(&self, event_id: &str) -> Result<EventOutcome, EventError> {
        let failed = |step| move |cause| EventError::at(step, event_id, cause);
        let pending = match self.outbox.find(event_id).await.map_err(failed("reading the event"))? {
            EventLookup::Pending(pending) => pending,
            EventLookup::Done => return Ok(EventOutcome::Skipped),
            EventLookup::Unreadable(error) => {
                telemetry::handled_error("read-event", &error);
                return self.abandon_event(event_id).await;
            }
        };
        let order = match pending.event.order_id {
            Some(order_id) => self.orders.get(order_id).await.map_err(failed("reading the order"))?,
            None => None,
        };
        let paid_order = match (pending.event.event, &order) {
            (EventKind::OrderPaid, None) => return self.abandon_event(event_id).await,
            (EventKind::OrderPaid, Some(order)) => Some(order),
            _ => None,
        };

        if let Some(order) = paid_order.filter(|_| !pending.stock_done) {
            self.stock.take_stock(event_id, order).await?;
        }
        if let Some(order) = paid_order {
            self.shipping.begin(event_id, order).await?;
        }
        if !pending.published {
            let user_id = order.as_ref().and_then(|order| order.user_id.as_ref());
            self.publisher.publish(&pending.event, user_id).await?;
        }
        if let (EventKind::OrderShipped, Some(order)) = (pending.event.event, &order) {
            match self.shipping.report(&pending.event, order).await? {
                ShippingReport::Finished => {}
                ShippingReport::NotYet => return Ok(EventOutcome::Deferred),
                ShippingReport::ElsewhereNow => return Ok(EventOutcome::Skipped),
            }
        }
        let message_status = match self.notify_if_paid(&pending, paid_order).await? {
            Notification::Finished(status) => Some(status),
            Notification::NotWanted => None,
            Notification::ClaimedElsewhere => return Ok(EventOutcome::Skipped),
        };
        self.outbox.finish(event_id, message_status).await.map_err(failed("finishing the event"))?;
        Ok(EventOutcome::Completed)
    }

    async fn find_pending(&self, until: UnixSeconds) -> Result<OpenWork<String>, StoreError> {
        self.outbox.find_pending(until).await
    }

    async fn list_pending(
        &self,
        shard: &str,
        until: UnixSeconds,
        after: Option<WorkCursor>,
        limit: u16,
    ) -> Result<WorkPage<String>, StoreError> {
        self.outbox.list_pending(shard, until, after, limit).await
    }

    fn age_metric(oldest_age_seconds: u64) -> Metric<'static> {
        Metric::OutboxAge(oldest_age_seconds)
    }
}
