//! Events whose effects are not done, and the marks of the effects that are done.
//!
//! An event is delivered at least once, and perhaps twice at the same time. Each effect has a mark on the event's row, a
//! conditional update, so that the effect happens once:
//!
//! - `stock_done_at`: set in the transaction that changes the stock, if one must;
//! - `published_at`: set after the bus has taken the event, so that this one effect may happen twice;
//! - `message_claimed_at`, `message_claimed_by`: set before the message is sent, so that it is sent once at most;
//! - `done_at`: set last, with what became of the message; the row leaves the index `by_pending`.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld};
use serde::Deserialize;

use super::event::{Event, KEPT_AFTER_DONE};
use crate::{
    crypto::hex,
    host::{
        Host, HostError,
        dynamodb::{Client, UpdateItemFluentBuilder},
    },
    store::{
        StoreError, batch,
        item::{self, Item, UpdateOutcome},
        work_index::{BY_PENDING, OpenWork, WorkCursor, WorkKey, WorkPage, shards},
    },
    types::UnixSeconds,
};

/// An event whose effects are not all done.
#[derive(Debug, Clone)]
pub struct PendingEvent {
    /// The event.
    pub event: Event,
    /// Whether the event has taken the order's goods from stock.
    pub stock_done: bool,
    /// Whether the bus has accepted the event.
    pub published: bool,
    /// When a run claimed the event's message.
    pub message_claimed_at: Option<UnixSeconds>,
}

/// What came of reading an event.
#[derive(Debug)]
pub enum EventLookup {
    /// The event has effects that are not done.
    Pending(Box<PendingEvent>),
    /// All effects are done, or the row has expired.
    Done,
    /// The row can't be read as an event. A retry does not help.
    Unreadable(StoreError),
}

/// What became of the message to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStatus {
    /// WeChat has accepted the message.
    Sent,
    /// The user accepts no such message.
    NotSubscribed,
    /// WeChat refuses the message, or could not be reached for so long that the message is stale, or the operator's template can't
    /// be used.
    NotSent,
    /// The content of the message is not true any more.
    Outdated,
    /// WeChat's answer was lost, so the message may have been sent. It is not sent again.
    MaybeSent,
}

impl MessageStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "SENT",
            Self::NotSubscribed => "NOT_SUBSCRIBED",
            Self::NotSent => "NOT_SENT",
            Self::Outdated => "OUTDATED",
            Self::MaybeSent => "MAYBE_SENT",
        }
    }
}

/// The claim of an event's message: only the holder may send it.
#[derive(Debug)]
pub struct MessageClaim(AttributeValue);

#[derive(Deserialize)]
struct Marks {
    #[serde(default)]
    pending_shard: Option<String>,
    #[serde(default)]
    stock_done_at: Option<UnixSeconds>,
    #[serde(default)]
    published_at: Option<UnixSeconds>,
    #[serde(default)]
    message_claimed_at: Option<UnixSeconds>,
}

/// The table of events, with the table of products for the stock.
pub struct Outbox {
    pub(super) client: Client,
    pub(super) table: String,
    pub(super) orders: String,
    pub(super) products: String,
    pub(super) host: Host,
}

impl Outbox {
    /// Reads `OUTBOX_TABLE`, `ORDERS_TABLE` and `PRODUCTS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("OUTBOX_TABLE")?.to_owned(),
            orders: host.var("ORDERS_TABLE")?.to_owned(),
            products: host.var("PRODUCTS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// The events as they are now, in the order of the ids, in few requests.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn find_many(&self, event_ids: &[String]) -> Result<Vec<EventLookup>, StoreError> {
        let (clients, table) = ((&self.client, &self.host), (self.table.as_str(), "event_id"));
        let items = batch::get_many(clients, "reading the outbox", table, event_ids.iter().cloned()).await?;
        let mut found: BTreeMap<String, Item> =
            items.into_iter().filter_map(|item| Some((item::key(&item, "event_id")?, item))).collect();
        let lookups = event_ids.iter().map(|event_id| match found.remove(event_id).map(pending) {
            Some(Ok(Some(pending))) => EventLookup::Pending(Box::new(pending)),
            Some(Ok(None)) | None => EventLookup::Done,
            Some(Err(error)) => EventLookup::Unreadable(error),
        });
        Ok(lookups.collect())
    }

    /// Events that happened by `until` and are pending, or the shards to read with [`Self::list_pending`] if the index has too many rows for one request.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn find_pending(&self, until: UnixSeconds) -> Result<OpenWork<String>, StoreError> {
        BY_PENDING.find((&self.client, &self.table), &KEY, shards(), until).await
    }

    /// Events of one shard that happened by `until` and are pending, the oldest first, from `after` on; at most
    /// `limit`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_pending(
        &self,
        shard: &str,
        until: UnixSeconds,
        after: Option<WorkCursor>,
        limit: u16,
    ) -> Result<WorkPage<String>, StoreError> {
        BY_PENDING.page((&self.client, &self.table), &KEY, (shard, until), after, limit).await
    }

    /// Marks that the bus has accepted the event.
    ///
    /// Condition: the row exists and has no such mark; otherwise nothing changes.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn mark_published(&self, event_id: &str) -> Result<(), StoreError> {
        let update = self
            .update(event_id)
            .update_expression("SET published_at = :now")
            .condition_expression("attribute_exists(event_id) AND attribute_not_exists(published_at)")
            .expression_attribute_values(":now", item::n(self.host.now().get()));
        item::update(&self.host, "marking an event as published", update).await.map(drop)
    }

    /// Claims the event's message; `None` if another run has claimed it.
    ///
    /// Condition: the event is pending, and the message is not claimed. The AWS client repeats a request after a lost answer; the mark
    /// `message_claimed_by` shows then that the claim is this request's.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the claim may have been made; then no run sends the
    /// message.
    pub async fn claim_message(&self, event_id: &str) -> Result<Option<MessageClaim>, StoreError> {
        let mark = self.host.random::<16>().map_err(|error| StoreError::new(CLAIMING, error))?;
        let mark = item::s(hex(&mark));
        let update = self
            .update(event_id)
            .update_expression("SET message_claimed_at = :now, message_claimed_by = :mark")
            .condition_expression(
                "attribute_exists(pending_shard) AND attribute_not_exists(message_claimed_at)",
            )
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .expression_attribute_values(":mark", mark.clone())
            .return_values_on_condition_check_failure(AllOld);
        let is_claimed = match item::update(&self.host, CLAIMING, update).await? {
            UpdateOutcome::Done(_) => true,
            UpdateOutcome::ConditionFailed(row) => {
                row.and_then(|mut row| row.remove("message_claimed_by")) == Some(mark.clone())
            }
        };
        Ok(is_claimed.then_some(MessageClaim(mark)))
    }

    /// Removes the claim, so that another run can send the message. Call this only if the message was certainly not sent.
    ///
    /// Condition: the row has this claim.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. If the claim was not removed, no run sends the message.
    pub async fn release_message(&self, event_id: &str, claim: MessageClaim) -> Result<(), StoreError> {
        let MessageClaim(mark) = claim;
        let update = self
            .update(event_id)
            .update_expression("REMOVE message_claimed_at, message_claimed_by")
            .condition_expression("message_claimed_by = :mark")
            .expression_attribute_values(":mark", mark);
        item::update(&self.host, "releasing a message", update).await.map(drop)
    }

    /// Records that all effects of the event are done, and the status of its message, if it had one. The event is not pending any
    /// more.
    ///
    /// Condition: the event is pending; otherwise nothing changes.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn finish(&self, event_id: &str, message: Option<MessageStatus>) -> Result<(), StoreError> {
        let set = "SET done_at = :now, expires_at = :then, published_at = if_not_exists(published_at, :now)";
        let update = self
            .end(event_id)
            .update_expression(match message {
                None => format!("{set} REMOVE pending_shard"),
                Some(_) => format!("{set}, message = :message REMOVE pending_shard"),
            })
            .set_expression_attribute_values(Some(self.end_values(message)));
        item::update(&self.host, "finishing an event", update).await.map(drop)
    }

    /// Records that the effects of the row can never be done, because it can't be read as an event. The row is not pending any more.
    ///
    /// Condition: the row is pending; otherwise nothing changes.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn abandon(&self, event_id: &str) -> Result<(), StoreError> {
        let update = self
            .end(event_id)
            .update_expression("SET given_up_at = :now, expires_at = :then REMOVE pending_shard")
            .set_expression_attribute_values(Some(self.end_values(None)));
        item::update(&self.host, "giving an event up", update).await.map(drop)
    }

    fn end(&self, event_id: &str) -> UpdateItemFluentBuilder {
        self.update(event_id).condition_expression("attribute_exists(pending_shard)")
    }

    fn end_values(&self, message: Option<MessageStatus>) -> Item {
        let now = self.host.now();
        let times = [(":now", now), (":then", now.plus(KEPT_AFTER_DONE))];
        let times = times.map(|(name, at)| (name.to_owned(), item::n(at.get())));
        let message = message.map(|status| (":message".to_owned(), item::s(status.as_str())));
        times.into_iter().chain(message).collect()
    }

    fn update(&self, event_id: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("event_id", item::s(event_id))
    }
}

/// Reads the row; `None` if the event is not pending.
fn pending(row: Item) -> Result<Option<PendingEvent>, StoreError> {
    let marks: Marks = item::read(row.clone())?;
    if marks.pending_shard.is_none() {
        return Ok(None);
    }
    Ok(Some(PendingEvent {
        event: item::read(row)?,
        stock_done: marks.stock_done_at.is_some(),
        published: marks.published_at.is_some(),
        message_claimed_at: marks.message_claimed_at,
    }))
}

const CLAIMING: &str = "claiming a message";

const KEY: WorkKey<String> =
    WorkKey { name: "event_id", alert: "event-unreadable", parse: |id| Ok(id.to_owned()) };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::EventKind;

    fn row(more: &[(&str, AttributeValue)]) -> Item {
        let event = [
            ("event_id", item::s("order.paid#1")),
            ("event", item::s("order.paid")),
            ("fee", item::n(200_u64)),
            ("happened_at", item::n(1_700_000_000_u64)),
        ];
        event.iter().chain(more).map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn a_row_shows_which_effects_of_its_event_are_done() {
        let shard = ("pending_shard", item::s("03"));
        let fresh = pending(row(std::slice::from_ref(&shard))).unwrap().unwrap();
        assert_eq!(fresh.event.event, EventKind::OrderPaid);
        assert!(!fresh.stock_done && !fresh.published && fresh.message_claimed_at.is_none());
        let marks =
            ["stock_done_at", "published_at", "message_claimed_at"].map(|name| (name, item::n(7_u64)));
        let marked = pending(row(&[&[shard][..], &marks].concat())).unwrap().unwrap();
        assert!(marked.stock_done && marked.published);
        assert_eq!(marked.message_claimed_at, Some(UnixSeconds::new(7)));
    }

    #[test]
    fn a_row_without_pending_effects_is_done_and_a_bad_row_is_unreadable() {
        assert!(pending(row(&[])).unwrap().is_none());
        let shard = ("pending_shard", item::s("03"));
        for wrong in [("event", item::s("order.eaten")), ("fee", item::n(0_u64)), ("order_id", item::s("x"))]
        {
            assert!(pending(row(&[shard.clone(), wrong])).is_err());
        }
    }
}
