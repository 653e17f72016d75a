//! Processing events: those of their effects that are still missing, in the order stock, event bus, message to the user.

use shared::{
    host::{Host, HostError},
    service::{Deadline, EventError, EventOutcome, EventProcessor, concurrently},
    store::{
        EventKind, EventLookup, OpenWork, Order, Orders, Outbox, PendingEvent, StoreError, WorkCursor,
        WorkPage,
    },
    telemetry::{self, Metric},
    types::{UnixSeconds, UserId},
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

/// An event on its way through the steps.
enum Progress {
    /// Effects are still to do.
    Open(Box<OpenEvent>),
    /// Nothing more is done in this run.
    Ended(Result<EventOutcome, EventError>),
}

/// An event of which effects are still to do.
struct OpenEvent {
    pending: PendingEvent,
    /// The order that it is about, if it is about an order of this shop.
    order: Option<Order>,
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

    /// The events with their orders, in two requests. Those of which nothing can be done, or nothing is left to do, have ended.
    async fn read(&self, event_ids: &[String]) -> Vec<Progress> {
        let found = match self.outbox.find_many(event_ids).await {
            Ok(found) => found,
            Err(error) => {
                telemetry::handled_error("read-events", &error);
                return event_ids
                    .iter()
                    .map(|event_id| Progress::failed("reading the event", event_id))
                    .collect();
            }
        };
        let order_ids = found.iter().filter_map(|lookup| match lookup {
            EventLookup::Pending(pending) => pending.event.order_id,
            EventLookup::Done | EventLookup::Unreadable(_) => None,
        });
        let orders = self.orders.get_many(order_ids).await;
        if let Err(error) = &orders {
            telemetry::handled_error("read-orders", error);
        }
        let mut events = Vec::with_capacity(event_ids.len());
        for (event_id, lookup) in event_ids.iter().zip(found) {
            events.push(match (lookup, &orders) {
                (EventLookup::Done, _) => Progress::Ended(Ok(EventOutcome::Skipped)),
                (EventLookup::Unreadable(error), _) => {
                    telemetry::handled_error("read-event", &error);
                    Progress::Ended(self.abandon_event(event_id).await)
                }
                (EventLookup::Pending(_), Err(_)) => Progress::failed("reading the order", event_id),
                (EventLookup::Pending(pending), Ok(orders)) => {
                    let order = pending.event.order_id.and_then(|order_id| orders.get(&order_id)).cloned();
                    if pending.event.event == EventKind::OrderPaid && order.is_none() {
                        Progress::Ended(self.abandon_event(event_id).await)
                    } else {
                        Progress::Open(Box::new(OpenEvent { pending: *pending, order }))
                    }
                }
            });
        }
        events
    }

    /// The effects that come before the event bus: stock, and the beginning of the shipping.
    async fn prepare(&self, event: Progress, deadline: &Deadline<'_>) -> Progress {
        let Progress::Open(event) = event else { return event };
        match self.try_prepare(&event, deadline).await {
            Ok(()) => Progress::Open(event),
            Err(error) => Progress::Ended(Err(error)),
        }
    }

    async fn try_prepare(&self, event: &OpenEvent, deadline: &Deadline<'_>) -> Result<(), EventError> {
        let (event_id, pending, paid_order) = (event.id(), &event.pending, event.paid_order());
        deadline.check(event_id)?;
        // As a rule the order took its goods when it was placed.
        if let Some(order) = paid_order.filter(|order| order.reserved.is_none() && !pending.stock_done) {
            self.stock.take_stock(event_id, order).await?;
        }
        if let Some(order) = paid_order {
            self.shipping.begin(event_id, order).await?;
        }
        Ok(())
    }

    /// Publishes the events that are not on the bus, ten in a request.
    async fn publish(&self, events: Vec<Progress>) -> Vec<Progress> {
        let unpublished = events.iter().filter_map(|event| match event {
            Progress::Open(event) if !event.pending.published => {
                Some((&event.pending.event, event.user_id()))
            }
            _ => None,
        });
        let unpublished: Vec<_> = unpublished.collect();
        let mut results = self.publisher.publish(&unpublished).await.into_iter();
        let published = events.into_iter().map(|event| match event {
            Progress::Open(event) if !event.pending.published => match results.next() {
                Some(Ok(())) => Progress::Open(event),
                Some(Err(error)) => Progress::Ended(Err(error)),
                None => Progress::failed("publishing", event.id()),
            },
            event => event,
        });
        published.collect()
    }

    /// The effects that come after the event bus: WeChat's knowledge of the shipping, and the message to the user. Then the event is done.
    async fn finish(&self, event: Progress) -> Result<EventOutcome, EventError> {
        let event = match event {
            Progress::Open(event) => event,
            Progress::Ended(result) => return result,
        };
        let OpenEvent { pending, order } = &*event;
        if let (EventKind::OrderShipped, Some(order)) = (pending.event.event, order) {
            match self.shipping.report(&pending.event, order).await? {
                ShippingReport::Finished => {}
                ShippingReport::NotYet => return Ok(EventOutcome::Deferred),
                ShippingReport::ElsewhereNow => return Ok(EventOutcome::Skipped),
            }
        }
        let message_status = match self.notify_if_paid(pending, event.paid_order()).await? {
            Notification::Finished(status) => Some(status),
            Notification::NotWanted => None,
            Notification::ClaimedElsewhere => return Ok(EventOutcome::Skipped),
        };
        let finished = self.outbox.finish(event.id(), message_status).await;
        finished.map_err(|cause| EventError::at("finishing the event", event.id(), cause))?;
        Ok(EventOutcome::Completed)
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

impl Progress {
    fn failed(step: &'static str, event_id: &str) -> Self {
        Self::Ended(Err(EventError::at(step, event_id, "the request for the whole batch failed")))
    }
}

impl OpenEvent {
    fn id(&self) -> &str {
        &self.pending.event.event_id
    }

    /// The order, if the event is that it was paid.
    fn paid_order(&self) -> Option<&Order> {
        self.order.as_ref().filter(|_| self.pending.event.event == EventKind::OrderPaid)
    }

    fn user_id(&self) -> Option<&UserId> {
        self.order.as_ref()?.user_id.as_ref()
    }
}

impl EventProcessor for OrderEventProcessor {
    const KEY: &'static str = "event_id";

    /// Takes stock where an order holds none, publishes the events, notifies the users, and marks the events as done. Each effect that is
    /// done has its mark, so an event can be processed again. A step is done for all events before the next one begins, so that events
    /// share requests.
    async fn process(
        &self,
        event_ids: &[String],
        deadline: &Deadline<'_>,
    ) -> Vec<Result<EventOutcome, EventError>> {
        let events = self.read(event_ids).await;
        let events = concurrently(events, |event| self.prepare(event, deadline)).await;
        let events = self.publish(events).await;
        concurrently(events, |event| self.finish(event)).await
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
