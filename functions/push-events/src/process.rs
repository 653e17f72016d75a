//! Processing one push, by what it is about.

use std::sync::Arc;

use shared::{
    host::{Host, HostError},
    service::{Deadline, EventError, EventOutcome, EventProcessor, concurrently},
    store::{Inbox, InboxError, OpenWork, PushLookup, StoreError, WorkCursor, WorkPage},
    telemetry::{self, Metric},
    types::UnixSeconds,
    wechat::push::PushTopic,
};

use crate::{
    consent::ConsentWithdrawer, customer::ConversationKeeper, erasure::UserEraser, media_verdict::MediaJudge,
    settlement::SettlementKeeper, subscribe::ConsentKeeper,
};

/// Processes pushes.
pub(crate) struct PushProcessor {
    inbox: Inbox,
    judge: Arc<MediaJudge>,
    consents: ConsentKeeper,
    conversations: ConversationKeeper,
    withdrawer: ConsentWithdrawer,
    eraser: UserEraser,
    settlements: SettlementKeeper,
}

impl PushProcessor {
    /// The constructors of the tables read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host, judge: Arc<MediaJudge>) -> Result<Self, HostError> {
        Ok(Self {
            inbox: Inbox::new(host)?,
            judge,
            consents: ConsentKeeper::new(host)?,
            conversations: ConversationKeeper::new(host)?,
            withdrawer: ConsentWithdrawer::new(host)?,
            eraser: UserEraser::new(host)?,
            settlements: SettlementKeeper::new(host)?,
        })
    }

    /// Ends a push that means nothing to anybody.
    async fn finish(&self, push_id: &str) -> Result<EventOutcome, EventError> {
        let finished = self.inbox.finish(push_id).await;
        finished.map_err(|cause| EventError::at("finishing the push", push_id, cause))?;
        Ok(EventOutcome::Completed)
    }

    /// Ends a push whose effects are done, if they are.
    async fn finish_after(&self, push_id: &str, outcome: EventOutcome) -> Result<EventOutcome, EventError> {
        match outcome {
            EventOutcome::Completed => self.finish(push_id).await,
            outcome => Ok(outcome),
        }
    }

    async fn abandon(&self, push_id: &str) -> Result<EventOutcome, EventError> {
        telemetry::operator_alert("event-unreadable", &push_id);
        let given_up = self.inbox.abandon(push_id).await;
        given_up.map_err(|cause| EventError::at("giving the push up", push_id, cause))?;
        Ok(EventOutcome::Abandoned)
    }
}

impl PushProcessor {
    async fn process_push(
        &self,
        push_id: String,
        found: Result<PushLookup, InboxError>,
        deadline: &Deadline<'_>,
    ) -> Result<EventOutcome, EventError> {
        let push_id = push_id.as_str();
        deadline.check(push_id)?;
        let failed = |cause| EventError::at("reading the push", push_id, cause);
        let pending = match found.map_err(failed)? {
            PushLookup::Pending(pending) => pending,
            PushLookup::Erasure(erasure) => return self.eraser.erase(&erasure).await,
            PushLookup::Done => return Ok(EventOutcome::Skipped),
            PushLookup::Unreadable(error) => {
                telemetry::handled_error("read-push", &error);
                return self.abandon(push_id).await;
            }
        };
        let outcome = match pending.message.topic() {
            Some(PushTopic::SubscribePopup | PushTopic::SubscribeChange | PushTopic::SubscribeSent) => {
                self.consents.apply(&pending).await?
            }
            Some(PushTopic::MediaVerdict) => self.judge.apply(&pending).await?,
            Some(PushTopic::AuthorizationRevoked) => self.withdrawer.withdraw(&pending).await?,
            Some(PushTopic::OrderSettlement | PushTopic::ShippingReminder) => {
                let applied = self.settlements.apply(&pending).await?;
                self.finish_after(push_id, applied).await?
            }
            Some(PushTopic::CustomerMessage) => {
                let kept = self.conversations.keep_message(&pending).await?;
                self.finish_after(push_id, kept).await?
            }
            Some(PushTopic::SessionEntered) => {
                let entered = self.conversations.enter(&pending).await?;
                self.finish_after(push_id, entered).await?
            }
            // The version of `message-push` that kept the push knew a topic that this version does not know.
            None => self.finish(push_id).await?,
        };
        match outcome {
            // No later run could do more, so the push must not be tried again.
            EventOutcome::Abandoned => self.abandon(push_id).await,
            outcome => Ok(outcome),
        }
    }
}

impl EventProcessor for PushProcessor {
    const KEY: &'static str = "push_id";

    async fn process(
        &self,
        push_ids: &[String],
        deadline: &Deadline<'_>,
    ) -> Vec<Result<EventOutcome, EventError>> {
        let found = match self.inbox.find_many(push_ids).await {
            Ok(found) => found,
            Err(error) => {
                telemetry::handled_error("read-pushes", &error);
                let unread = |push_id: &String| Err(EventError::at("reading the push", push_id, "see above"));
                return push_ids.iter().map(unread).collect();
            }
        };
        let pushes = push_ids.iter().cloned().zip(found).collect();
        concurrently(pushes, |(push_id, found)| self.process_push(push_id, found, deadline)).await
    }

    async fn find_pending(&self, until: UnixSeconds) -> Result<OpenWork<String>, StoreError> {
        self.inbox.find_pending(until).await
    }

    async fn list_pending(
        &self,
        shard: &str,
        until: UnixSeconds,
        after: Option<WorkCursor>,
        limit: u16,
    ) -> Result<WorkPage<String>, StoreError> {
        self.inbox.list_pending(shard, until, after, limit).await
    }

    fn age_metric(oldest_age_seconds: u64) -> Metric<'static> {
        Metric::InboxAge(oldest_age_seconds)
    }
}
