//! Acting on one event: what is not done of it yet, the goods first, the message last.

use shared::{
    error::BoxError,
    pay::order::Status,
    store::{EventKind, Found, MessageFate, Order, StockTaken, StoreError},
    telemetry,
};

use crate::{OrderEventsTask, tell::Told};

/// What became of an event.
#[derive(Debug)]
pub(crate) enum Acted {
    /// All of its effects are done.
    Done,
    /// It had nothing left to do, or another run is at it.
    Passed,
    /// Nothing can ever be done about it.
    GivenUp,
}

/// Something is still to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActError {
    /// A part of acting on an event failed.
    #[error("{step} failed for {event_id}")]
    Step {
        /// Which part.
        step: &'static str,
        /// For which event.
        event_id: String,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// The table can't be asked what waits.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ActError {
    pub(crate) fn at(step: &'static str, event_id: &str, cause: impl Into<BoxError>) -> Self {
        Self::Step { step, event_id: event_id.to_owned(), cause: cause.into() }
    }
}

impl OrderEventsTask {
    /// Does what is not done of the event: stock, bus, message.
    pub(crate) async fn act_on(&self, event_id: &str) -> Result<Acted, ActError> {
        let failed = |step| move |cause| ActError::at(step, event_id, cause);
        let pending = match self.outbox.find(event_id).await.map_err(failed("reading the event"))? {
            Found::Pending(pending) => pending,
            Found::Done => return Ok(Acted::Passed),
            Found::Unreadable(error) => {
                telemetry::survived("read-event", &error);
                return self.give_up(event_id).await;
            }
        };
        let order = match pending.event.order_id {
            Some(order_id) => self.orders.get(order_id).await.map_err(failed("reading the order"))?,
            None => None,
        };
        let paid = match (pending.event.event, &order) {
            (EventKind::OrderPaid, None) => return self.give_up(event_id).await,
            (EventKind::OrderPaid, Some(order)) => Some(order),
            _ => None,
        };
        if let Some(order) = paid.filter(|_| !pending.stock_done) {
            self.take_stock(event_id, order).await.map_err(failed("taking stock"))?;
        }
        if !pending.published {
            let user_id = order.as_ref().map(|order| &order.user_id);
            let published = self.bus.publish(&pending.event, user_id).await;
            published.map_err(|cause| ActError::at("publishing", event_id, cause))?;
        }
        let message = match (paid, &self.paid) {
            (None, _) | (_, Ok(None)) => None,
            // An event can wait for long, and "paid" is no news to who has the money back or gets it back just now.
            (Some(order), _) if matches!(order.status, Status::Refunding | Status::Refunded) => {
                Some(MessageFate::Outdated)
            }
            (Some(_), Err(error)) => {
                telemetry::attention("paid-template-unusable", error);
                Some(MessageFate::NotSent)
            }
            (Some(order), Ok(Some(template))) => match self.tell(&pending, order, template).await? {
                Told::Fate(fate) => Some(fate),
                Told::Elsewhere => return Ok(Acted::Passed),
            },
        };
        self.outbox.finish(event_id, message).await.map_err(failed("finishing the event"))?;
        Ok(Acted::Done)
    }

    async fn give_up(&self, event_id: &str) -> Result<Acted, ActError> {
        telemetry::attention("event-unreadable", &event_id);
        let given_up = self.outbox.give_up(event_id).await;
        given_up.map_err(|cause| ActError::at("giving the event up", event_id, cause))?;
        Ok(Acted::GivenUp)
    }

    async fn take_stock(&self, event_id: &str, order: &Order) -> Result<(), StoreError> {
        match self.outbox.take_stock(event_id, order).await? {
            StockTaken::Oversold(_) => telemetry::attention("oversold", &order.order_id),
            StockTaken::Now | StockTaken::Before => {}
        }
        Ok(())
    }
}
