//! Erasing a person: everything that names the person goes, and what the shop must account for stays without a person.
//!
//! ```text
//! DELETE /api/user ──▶ Erasures::begin, one transaction: no user, no session, work in the inbox
//!                          │
//! push-events ─────────────┴▶ PersonEraser::erase: a step for each table; may be repeated, also after a kill
//! ```
//!
//! The first pass runs at once. Requests that were under way when the erasure began can write once more, so a last pass runs when all of them
//! have ended. Every step finds the person's rows by key or by index, never by a scan. A new table with personal data needs a step here.

mod begin;
mod by_user;
mod cards;
mod conversations;
mod orders;
mod sessions;
mod users;

use aws_sdk_dynamodb::{error::SdkError, operation::delete_item::DeleteItemError};
use futures_util::future;

pub use begin::{BeginErasureOutcome, Erasures};

use super::{Groups, MediaChecks, StoreError, inbox::PendingErasure, item::Item};
use crate::host::{
    Host, HostError,
    dynamodb::{Client, DeleteItemFluentBuilder, QueryFluentBuilder},
};

/// Removes what an erased person has left in the tables.
pub struct PersonEraser {
    client: Client,
    host: Host,
    cards: String,
    challenges: String,
    conversations: String,
    groups: Groups,
    idempotency: String,
    media_checks: MediaChecks,
    orders: String,
    payments: String,
    sessions: String,
    steps: String,
    subscriptions: String,
    users: String,
}

impl PersonEraser {
    /// Reads `CARDS_TABLE`, `CHALLENGES_TABLE`, `CONVERSATIONS_TABLE`, `IDEMPOTENCY_TABLE`, `ORDERS_TABLE`, `PAYMENTS_TABLE`,
    /// `SESSIONS_TABLE`, `STEPS_TABLE`, `SUBSCRIPTIONS_TABLE` and `USERS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            cards: host.var("CARDS_TABLE")?.to_owned(),
            challenges: host.var("CHALLENGES_TABLE")?.to_owned(),
            conversations: host.var("CONVERSATIONS_TABLE")?.to_owned(),
            groups: Groups::new(host)?,
            idempotency: host.var("IDEMPOTENCY_TABLE")?.to_owned(),
            media_checks: MediaChecks::new(host)?,
            orders: host.var("ORDERS_TABLE")?.to_owned(),
            payments: host.var("PAYMENTS_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            steps: host.var("STEPS_TABLE")?.to_owned(),
            subscriptions: host.var("SUBSCRIPTIONS_TABLE")?.to_owned(),
            users: host.var("USERS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// Removes everything that is there now. A person who has logged in again meanwhile keeps what the new user has.
    ///
    /// # Errors
    /// [`StoreError`]. Some of it may be removed; call this again, which goes on with what is left.
    pub async fn erase(&self, erasure: &PendingErasure) -> Result<(), StoreError> {
        let person = &erasure.person;
        self.delete_merge_records(person).await?;
        self.delete_sessions(person).await?;
        self.delete_subscriptions(person, erasure.erased_at).await?;
        self.delete_conversations(person, erasure.erased_at).await?;
        self.groups.erase(&person.user_id).await?;
        self.media_checks.delete_of(&person.user_id).await?;
        self.delete_steps(person).await?;
        self.delete_by_user(&self.challenges, "challenge", person).await?;
        self.delete_by_user(&self.idempotency, "id", person).await?;
        self.erase_cards(person).await?;
        self.erase_orders(person).await
    }

    /// Calls `act` with every row of the query, page after page, several at a time.
    async fn for_each_row<F, A>(
        &self,
        operation: &'static str,
        query: QueryFluentBuilder,
        act: A,
    ) -> Result<(), StoreError>
    where
        A: Fn(Item) -> F,
        F: Future<Output = Result<(), StoreError>>,
    {
        let mut start = None;
        loop {
            let page = query.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| StoreError::from_sdk(operation, error))?;
            for rows in page.items.unwrap_or_default().chunks(AT_ONCE) {
                future::try_join_all(rows.iter().cloned().map(&act)).await?;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

/// Sends the deletion. A failed condition means that there is nothing to delete.
async fn delete(operation: &'static str, delete: DeleteItemFluentBuilder) -> Result<(), StoreError> {
    match delete.send().await {
        Err(error) if !is_condition(&error) => Err(StoreError::from_sdk(operation, error)),
        _ => Ok(()),
    }
}

fn is_condition(error: &SdkError<DeleteItemError>) -> bool {
    error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception)
}

/// How many rows are written at the same time.
const AT_ONCE: usize = 10;
