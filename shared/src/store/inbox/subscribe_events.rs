//! What pushed events of subscribe messages change: the user's counts and the inbox's row, in one transaction.
//!
//! A phone reports what its user accepted, and WeChat pushes the same. So that one consent counts once, whichever of the two comes first,
//! a count keeps `reports_ahead`: how many reports came without their push, or below zero how many pushes without their report. The
//! second of a pair that comes within [`PAIR_TIME`] changes this number and not the count.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};
use serde::Deserialize;

use crate::{
    host::{Host, HostError, dynamodb::Client},
    store::{
        StoreError,
        item::{self, Item, TransactionCancelled},
        subscriptions::{MAX_MESSAGES, PAIR_TIME},
    },
    types::{OpenId, UnixSeconds},
    wechat::push::{SubscribeEvent, SubscribeEventKind},
};

/// What came of applying a push to the user's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscribeEventsOutcome {
    /// The counts are right now, and the push is finished.
    Applied,
    /// The push was finished before.
    AlreadyApplied,
}

/// The inbox and the counts of subscribe messages.
pub struct SubscribeInbox {
    client: Client,
    inbox: String,
    sessions: String,
    subscriptions: String,
    host: Host,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Count {
    #[serde(default)]
    template_id: String,
    #[serde(default)]
    remaining: u64,
    #[serde(default)]
    reports_ahead: Option<i64>,
    #[serde(default)]
    reported_at: Option<UnixSeconds>,
    #[serde(default)]
    accepted_at: Option<UnixSeconds>,
    /// When the user took the consent back, as far as pushes have told.
    #[serde(default)]
    ended_at: Option<UnixSeconds>,
}

impl SubscribeInbox {
    /// Reads `INBOX_TABLE`, `SESSIONS_TABLE` and `SUBSCRIPTIONS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            inbox: host.var("INBOX_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            subscriptions: host.var("SUBSCRIPTIONS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// Applies what a push of `happened_at` says of the user's consents, and finishes the push.
    ///
    /// - A consent counts one message, unless the phone has reported it just before, or the user has taken it back later.
    /// - The end of a consent sets the count to zero, unless the user has accepted the template later than that.
    /// - Nothing is kept of an openid without a session: nobody has logged in with it, or its user was erased.
    ///
    /// Condition: the push is pending, and each count's `reports_ahead`, `accepted_at` and `ended_at` are as they were read. If one of these has
    /// changed, the counts are read again.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Either nothing has changed, or everything has and the answer was lost. The
    /// call can be repeated.
    pub async fn apply(
        &self,
        push_id: &str,
        openid: &OpenId,
        happened_at: UnixSeconds,
        events: &[SubscribeEvent],
    ) -> Result<SubscribeEventsOutcome, StoreError> {
        let events = changes_by_template(events);
        for _ in 0..item::MAX_ATTEMPTS {
            let counts = self.read(openid, &events).await?;
            let mut parts = vec![super::finish_part(&self.host, &self.inbox, push_id)?];
            for event in counts.iter().flat_map(|_| &events) {
                let count = counts.as_ref().and_then(|counts| counts.get(event.template_id.as_str()));
                let count = count.cloned().unwrap_or_default();
                parts.extend(self.change(openid, event, &count, happened_at)?);
            }
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else { return Ok(SubscribeEventsOutcome::Applied) };
            match item::cancellation(APPLYING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(reasons) => {
                    if item::failed_condition(&reasons, 0).is_some() {
                        return Ok(SubscribeEventsOutcome::AlreadyApplied);
                    }
                }
            }
        }
        Err(StoreError::contended(APPLYING))
    }

    /// The counts by template; `None` if the openid has no session. One request.
    async fn read(
        &self,
        openid: &OpenId,
        events: &[SubscribeEvent],
    ) -> Result<Option<HashMap<String, Count>>, StoreError> {
        let openid = item::s(openid.as_str());
        let counts = events.iter().map(|event| {
            let template = item::s(event.template_id.as_str());
            Item::from([("openid".to_owned(), openid.clone()), ("template_id".to_owned(), template)])
        });
        let counts: Vec<_> = counts.collect();
        let session = vec![Item::from([("openid".to_owned(), openid.clone())])];
        let mut request = self.client.batch_get_item();
        for (table, keys) in [(&self.sessions, session), (&self.subscriptions, counts)] {
            if !keys.is_empty() {
                let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
                let keys = keys.map_err(|error| StoreError::new(READING, error))?;
                request = request.request_items(table, keys);
            }
        }
        let answer = request.send().await.map_err(|error| StoreError::from_sdk(READING, error))?;
        if answer.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
            return Err(StoreError::contended(READING));
        }
        let mut tables = answer.responses.unwrap_or_default();
        if tables.remove(&self.sessions).is_none_or(|sessions| sessions.is_empty()) {
            return Ok(None);
        }
        let rows = tables.remove(&self.subscriptions).unwrap_or_default();
        let counts = rows.into_iter().map(|row| {
            let count: Count = item::read(row)?;
            Ok((count.template_id.clone(), count))
        });
        counts.collect::<Result<_, _>>().map(Some)
    }

    /// The change of one count; `None` if it stays as it is.
    fn change(
        &self,
        openid: &OpenId,
        event: &SubscribeEvent,
        count: &Count,
        at: UnixSeconds,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let Some(next) = count.after(event.kind, at) else { return Ok(None) };
        let mut conditions = Vec::new();
        let mut update = Update::builder()
            .table_name(&self.subscriptions)
            .key("openid", item::s(openid.as_str()))
            .key("template_id", item::s(event.template_id.as_str()))
            .return_values_on_condition_check_failure(AllOld)
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .expression_attribute_values(":ahead", number(next.reports_ahead));
        let seen = [
            ("reports_ahead", count.reports_ahead.map(number)),
            ("accepted_at", count.accepted_at.map(|at| item::n(at.get()))),
            ("ended_at", count.ended_at.map(|at| item::n(at.get()))),
        ];
        for (name, value) in seen {
            match value {
                None => conditions.push(format!("attribute_not_exists({name})")),
                Some(value) => {
                    conditions.push(format!("{name} = :seen_{name}"));
                    update = update.expression_attribute_values(format!(":seen_{name}"), value);
                }
            }
        }
        let mut set = "SET reports_ahead = :ahead, updated_at = :now".to_owned();
        match next.remaining {
            RemainingChange::Keep => {}
            RemainingChange::AddOne => {
                set.push_str(", remaining = if_not_exists(remaining, :none) + :one");
                update = update
                    .expression_attribute_values(":none", item::n(0_u64))
                    .expression_attribute_values(":one", item::n(1_u64));
            }
            RemainingChange::Zero => {
                set.push_str(", remaining = :none");
                update = update.expression_attribute_values(":none", item::n(0_u64));
            }
        }
        if let Some(accepted_at) = next.accepted_at {
            set.push_str(", accepted_at = :accepted_at");
            update = update.expression_attribute_values(":accepted_at", item::n(accepted_at.get()));
        }
        if let Some(ended_at) = next.ended_at {
            set.push_str(", ended_at = :ended_at");
            update = update.expression_attribute_values(":ended_at", item::n(ended_at.get()));
        }
        let update = update
            .update_expression(set)
            .condition_expression(conditions.join(" AND "))
            .build()
            .map_err(|error| StoreError::new(APPLYING, error))?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }
}

/// A count after an event.
#[derive(Debug, PartialEq, Eq)]
struct NextCount {
    remaining: RemainingChange,
    reports_ahead: i64,
    /// Set if the event is a consent that is later than the last one known.
    accepted_at: Option<UnixSeconds>,
    /// Set if the event ends a consent.
    ended_at: Option<UnixSeconds>,
}

#[derive(Debug, PartialEq, Eq)]
enum RemainingChange {
    Keep,
    AddOne,
    Zero,
}

impl Count {
    /// The count after an event of `at`; `None` if the event changes nothing.
    fn after(&self, kind: SubscribeEventKind, at: UnixSeconds) -> Option<NextCount> {
        let ahead = self.reports_ahead.unwrap_or_default();
        match kind {
            SubscribeEventKind::Accepted if self.ended_at.is_some_and(|ended| ended > at) => None,
            SubscribeEventKind::Accepted => {
                let accepted_at = self.accepted_at.is_none_or(|known| known < at).then_some(at);
                let reported = self.reported_at.is_some_and(|reported| is_pair(reported, at));
                let (remaining, reports_ahead) = if ahead > 0 && reported {
                    (RemainingChange::Keep, ahead - 1)
                } else if self.remaining < MAX_MESSAGES {
                    (RemainingChange::AddOne, ahead.min(0) - 1)
                } else {
                    (RemainingChange::Keep, ahead.min(0))
                };
                Some(NextCount { remaining, reports_ahead, accepted_at, ended_at: None })
            }
            kind if kind.ends_consent() => {
                let accepted_later =
                    [self.accepted_at, self.reported_at].into_iter().flatten().any(|accepted| accepted > at);
                let known = self.ended_at.is_some_and(|ended| ended >= at);
                (!accepted_later && !known).then_some(NextCount {
                    remaining: RemainingChange::Zero,
                    // A report of a consent that was pushed before its end may still come, and must not count.
                    reports_ahead: ahead.min(0),
                    accepted_at: None,
                    ended_at: Some(at),
                })
            }
            _ => None,
        }
    }
}

/// Whether a report and a push of these times can be about the same consent.
fn is_pair(one: UnixSeconds, other: UnixSeconds) -> bool {
    let distance: Duration = one.since(other).max(other.since(one));
    distance <= PAIR_TIME
}

/// The events that can change a count, one for each template, because a transaction changes an item once; of several the last.
fn changes_by_template(events: &[SubscribeEvent]) -> Vec<SubscribeEvent> {
    let mut latest: Vec<SubscribeEvent> = Vec::new();
    let changes = |kind: SubscribeEventKind| kind == SubscribeEventKind::Accepted || kind.ends_consent();
    for event in events.iter().filter(|event| changes(event.kind)) {
        latest.retain(|known| known.template_id != event.template_id);
        latest.push(event.clone());
    }
    latest
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

const READING: &str = "reading counts and a session";
const APPLYING: &str = "applying events of subscribe messages";

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u64 = 1_700_000_000;

    fn count(remaining: u64, ahead: i64, reported: Option<u64>, accepted: Option<u64>) -> Count {
        Count {
            template_id: "t".to_owned(),
            remaining,
            reports_ahead: Some(ahead),
            reported_at: reported.map(UnixSeconds::new),
            accepted_at: accepted.map(UnixSeconds::new),
            ended_at: None,
        }
    }

    fn after(count: &Count, kind: SubscribeEventKind) -> Option<(RemainingChange, i64)> {
        count.after(kind, UnixSeconds::new(AT)).map(|next| (next.remaining, next.reports_ahead))
    }

    #[test]
    fn a_consent_counts_unless_the_phone_has_just_reported_it() {
        let accepted = SubscribeEventKind::Accepted;
        assert_eq!(after(&Count::default(), accepted), Some((RemainingChange::AddOne, -1)));
        assert_eq!(after(&count(1, 1, Some(AT + 2), None), accepted), Some((RemainingChange::Keep, 0)));
        let long_ago = count(1, 1, Some(AT - 3600), None);
        assert_eq!(after(&long_ago, accepted), Some((RemainingChange::AddOne, -1)));
        let full = count(MAX_MESSAGES, 0, None, None);
        assert_eq!(after(&full, accepted), Some((RemainingChange::Keep, 0)));
    }

    #[test]
    fn the_end_of_a_consent_counts_unless_a_later_consent_is_known() {
        for kind in [SubscribeEventKind::SwitchedOff, SubscribeEventKind::NotDelivered(43101)] {
            let before = count(2, 0, None, Some(AT - 1));
            assert_eq!(after(&before, kind), Some((RemainingChange::Zero, 0)));
            assert_eq!(after(&count(2, 0, None, Some(AT + 1)), kind), None);
            assert_eq!(after(&count(2, 0, Some(AT + 1), None), kind), None);
            assert_eq!(after(&Count::default(), kind), Some((RemainingChange::Zero, 0)));
            let ended = Count { ended_at: Some(UnixSeconds::new(AT)), ..Count::default() };
            assert_eq!(after(&ended, kind), None, "the same end again");
        }
        let ended = Count { ended_at: Some(UnixSeconds::new(AT + 1)), ..Count::default() };
        assert_eq!(after(&ended, SubscribeEventKind::Accepted), None, "a consent from before the end");
        for kind in [
            SubscribeEventKind::Declined,
            SubscribeEventKind::Delivered,
            SubscribeEventKind::NotDelivered(43116),
        ] {
            assert_eq!(after(&count(2, 0, None, None), kind), None);
        }
    }
}
