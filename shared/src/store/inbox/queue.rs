//! Pushes that wait, and the mark of those that are processed.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{TransactWriteItem, Update},
};

use super::row::{PendingErasure, PendingPush, PushLookup, Row, RowKind, erasure_context};
use crate::{
    crypto::{Keyring, SealError},
    host::{
        Host, HostError,
        dynamodb::{Client, UpdateItemFluentBuilder},
    },
    secrets::{CachedSecret, SecretError},
    store::{
        StoreError, batch,
        item::{self, Item},
        work_index::{self, BY_PENDING, OpenWork, WorkCursor, WorkKey, WorkPage, shards},
    },
    types::UnixSeconds,
    wechat::push::PushedMessage,
};

/// What came of keeping a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepOutcome {
    /// The push is kept, and waits.
    Kept,
    /// The push was kept before, and waits or is processed.
    AlreadyKept,
}

/// A push can't be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The key ring can't be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The key ring can't be used.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no randomness.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The request to the table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The table.
pub struct Inbox {
    client: Client,
    table: String,
    ring: CachedSecret<Keyring>,
    host: Host,
}

impl Inbox {
    /// Reads `DATA_KEYS_ARN` and `INBOX_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("INBOX_TABLE")?.to_owned(),
            ring: CachedSecret::new(host, "DATA_KEYS_ARN")?,
            host: host.clone(),
        })
    }

    /// Keeps a push, sealed.
    ///
    /// Condition: there is no row of it.
    ///
    /// # Errors
    /// [`InboxError`]; keep it again, or let WeChat deliver it again. After a timeout the write may have been applied.
    pub async fn keep(&self, message: &PushedMessage) -> Result<KeepOutcome, InboxError> {
        let push_id = message.push_id();
        let ring = self.ring.get().await?;
        let sealed = ring.seal(&message.to_kept(), push_id.as_bytes(), self.host.random()?)?;
        let now = self.host.now();
        let row = Row {
            name: message.name().to_owned(),
            kind: None,
            happened_at: now,
            expires_at: Some(now.plus(KEPT)),
            pending_shard: Some(work_index::shard_of(&push_id)),
            message: Some(sealed),
            push_id,
        };
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::write(&row)?))
            .condition_expression("attribute_not_exists(push_id)");
        let Err(error) = put.send().await else { return Ok(KeepOutcome::Kept) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(KeepOutcome::AlreadyKept),
            _ => Err(StoreError::from_sdk("keeping a push", error).into()),
        }
    }

    /// The pushes as they are now, in the order of the ids, in few requests.
    ///
    /// # Errors
    /// [`InboxError`]; read them again. The error of one push concerns it alone.
    pub async fn find_many(
        &self,
        push_ids: &[String],
    ) -> Result<Vec<Result<PushLookup, InboxError>>, InboxError> {
        let (clients, table) = ((&self.client, &self.host), (self.table.as_str(), "push_id"));
        let items = batch::get_many(clients, "reading the inbox", table, push_ids.iter().cloned()).await?;
        let mut found: BTreeMap<String, Item> =
            items.into_iter().filter_map(|item| Some((item::key(&item, "push_id")?, item))).collect();
        let mut lookups = Vec::with_capacity(push_ids.len());
        for push_id in push_ids {
            lookups.push(match found.remove(push_id) {
                Some(item) => self.open(item).await,
                None => Ok(PushLookup::Done),
            });
        }
        Ok(lookups)
    }

    async fn open(&self, item: Item) -> Result<PushLookup, InboxError> {
        let mut read = pending(item.clone(), &*self.ring.get().await?);
        if matches!(read, Err(RowError::UnknownKey)) {
            // The ring was rotated since it was read here.
            read = pending(item, &*self.ring.refresh().await?);
        }
        match read {
            Ok(lookup) => Ok(lookup),
            // A later value of the secret may have the key, so the push stays pending.
            Err(RowError::UnknownKey) => Err(SealError::Key.into()),
            Err(RowError::Broken(error)) => Ok(PushLookup::Unreadable(error)),
        }
    }

    /// Pushes that were kept by `until` and still wait, or the shards to read with [`Self::list_pending`] if the index has too many rows for one request.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn find_pending(&self, until: UnixSeconds) -> Result<OpenWork<String>, StoreError> {
        BY_PENDING.find((&self.client, &self.table), &KEY, shards(), until).await
    }

    /// Pushes of one shard that were kept by `until` and still wait, with their times, the oldest first, from `after` on; at most
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

    /// All is done: the push waits no more, and its message is removed.
    ///
    /// Condition: it waits; otherwise nothing changes.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn finish(&self, push_id: &str) -> Result<(), StoreError> {
        let update =
            self.end(push_id, "SET done_at = :now, expires_at = :then REMOVE pending_shard, message");
        item::update(&self.host, "finishing a push", update).await.map(drop)
    }

    /// Nothing can ever be done with what stands under this key: it waits no more, and its message is removed.
    ///
    /// Condition: it waits; otherwise nothing changes.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn abandon(&self, push_id: &str) -> Result<(), StoreError> {
        let update =
            self.end(push_id, "SET given_up_at = :now, expires_at = :then REMOVE pending_shard, message");
        item::update(&self.host, "giving a push up", update).await.map(drop)
    }

    fn end(&self, push_id: &str, expression: &str) -> UpdateItemFluentBuilder {
        let now = self.host.now();
        self.client
            .update_item()
            .table_name(&self.table)
            .key("push_id", item::s(push_id))
            .update_expression(expression)
            .condition_expression("attribute_exists(pending_shard)")
            .expression_attribute_values(":now", item::n(now.get()))
            .expression_attribute_values(":then", item::n(now.plus(KEPT).get()))
    }
}

/// [`Inbox::finish`] as a part of a transaction.
pub(super) fn finish_part(host: &Host, table: &str, push_id: &str) -> Result<TransactWriteItem, StoreError> {
    let now = host.now();
    let update = Update::builder()
        .table_name(table)
        .key("push_id", item::s(push_id))
        .update_expression("SET done_at = :now, expires_at = :then REMOVE pending_shard, message")
        .condition_expression("attribute_exists(pending_shard)")
        .expression_attribute_values(":now", item::n(now.get()))
        .expression_attribute_values(":then", item::n(now.plus(KEPT).get()))
        .build()
        .map_err(|error| StoreError::new("finishing a push", error))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// Why a row is not read as a push.
#[derive(Debug)]
enum RowError {
    /// The ring does not have the key that the message is sealed with.
    UnknownKey,
    /// The row is none that this table writes, or was changed.
    Broken(StoreError),
}

impl From<StoreError> for RowError {
    fn from(error: StoreError) -> Self {
        Self::Broken(error)
    }
}

/// What is to do with the row.
fn pending(item: Item, ring: &Keyring) -> Result<PushLookup, RowError> {
    let row: Row = item::read(item)?;
    if row.pending_shard.is_none() {
        return Ok(PushLookup::Done);
    }
    let sealed = row.message.ok_or_else(|| StoreError::new(READING, "the message is missing"))?;
    let open = |sealed_for: &str| {
        ring.open(&sealed, sealed_for.as_bytes()).map_err(|error| match error {
            SealError::Key => RowError::UnknownKey,
            error => StoreError::new(READING, error).into(),
        })
    };
    if row.kind == Some(RowKind::UserErasure) {
        let opened = open(&erasure_context(&row.push_id))?;
        let person = serde_json::from_slice(&opened).map_err(|error| StoreError::new(READING, error))?;
        let erasure = PendingErasure { push_id: row.push_id, person, erased_at: row.happened_at };
        return Ok(PushLookup::Erasure(Box::new(erasure)));
    }
    let opened = open(&row.push_id)?;
    let message = PushedMessage::from_kept(&opened);
    let message = message.ok_or_else(|| StoreError::new(READING, "the message is none"))?;
    Ok(PushLookup::Pending(Box::new(PendingPush {
        push_id: row.push_id,
        message,
        happened_at: row.happened_at,
    })))
}

const READING: &str = "reading a push";
/// How long a push waits for somebody to act on it, and how long a repeated delivery is known after that. WeChat repeats within a minute.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const KEY: WorkKey<String> =
    WorkKey { name: "push_id", alert: "event-unreadable", parse: |id| Ok(id.to_owned()) };

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(key: &str) -> Keyring {
        let ring = serde_json::json!({ "kid": "1", "key": key });
        serde_json::from_value(ring).unwrap()
    }

    fn row(message: Option<&[u8]>, shard: Option<&str>) -> Item {
        let sealed = message.map(|plain| ring(KEY).seal(plain, b"id", [1; 12]).unwrap());
        let row = Row {
            push_id: "id".to_owned(),
            name: "text".to_owned(),
            kind: None,
            happened_at: UnixSeconds::new(1),
            expires_at: Some(UnixSeconds::new(2)),
            pending_shard: shard.map(str::to_owned),
            message: sealed,
        };
        item::write(&row).unwrap()
    }

    const KEY: &str = "a key that is long enough";
    const KEPT_TEXT: &[u8] =
        br#"{"created_at":1,"is_authenticated":true,"body":{"MsgType":"text","MsgId":"7"}}"#;

    #[test]
    fn a_push_that_waits_is_opened_and_one_without_a_shard_is_done() {
        let PushLookup::Pending(found) = pending(row(Some(KEPT_TEXT), Some("03")), &ring(KEY)).unwrap()
        else {
            panic!("it waits")
        };
        assert_eq!((found.push_id.as_str(), found.message.msg_type()), ("id", "text"));
        assert!(found.message.is_authenticated());
        assert!(matches!(pending(row(None, None), &ring(KEY)), Ok(PushLookup::Done)));
    }

    #[test]
    fn a_sealed_push_is_no_erasure_whatever_its_row_says() {
        let person = br#"{"user_id":"u1","openids":["o1"],"merge_records":[]}"#;
        let mut push = row(Some(person), Some("03"));
        push.insert("kind".to_owned(), item::s("user-erasure"));
        assert!(pending(push.clone(), &ring(KEY)).is_err(), "it is sealed as a push");
        let sealed = ring(KEY).seal(person, b"user-erasure#id", [1; 12]).unwrap();
        push.insert("message".to_owned(), item::map(&sealed).unwrap());
        let Ok(PushLookup::Erasure(found)) = pending(push.clone(), &ring(KEY)) else { panic!("an erasure") };
        assert_eq!((found.person.user_id.as_str(), found.erased_at), ("u1", UnixSeconds::new(1)));
        push.remove("kind");
        assert!(pending(push, &ring(KEY)).is_err(), "it is sealed as an erasure");
    }

    #[test]
    fn a_row_whose_message_can_t_be_read_is_unreadable() {
        assert!(pending(row(None, Some("03")), &ring(KEY)).is_err());
        assert!(pending(row(Some(b"{}"), Some("03")), &ring(KEY)).is_err());
        assert!(pending(row(Some(KEPT_TEXT), Some("03")), &ring("another key, long enough")).is_err());
        let rotated = serde_json::json!({ "kid": "2", "key": KEY });
        let rotated = serde_json::from_value(rotated).unwrap();
        let read = pending(row(Some(KEPT_TEXT), Some("03")), &rotated);
        assert!(matches!(read, Err(RowError::UnknownKey)), "a newer ring may have the key");
        let mut moved = row(Some(KEPT_TEXT), Some("03"));
        moved.insert("push_id".to_owned(), item::s("other"));
        assert!(pending(moved, &ring(KEY)).is_err(), "it was sealed for another row");
    }
}
