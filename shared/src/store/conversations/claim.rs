//! The claim of a place in a window before a message is sent, and what became of the message.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};

use super::{
    message::{KeyRow, MessageDirection, MessageStatus, SentMessage, StoredMessage, seal_context, sort_key},
    window::{MessageWindow, WindowKind, WindowLimit},
};
use crate::{
    crypto::{Keyring, SealError, hex, sha256},
    host::{Host, HostError, dynamodb::Client},
    secrets::{CachedSecret, SecretError},
    store::{
        StoreError,
        item::{self, TransactionCancelled},
    },
    types::{OpenId, OperatorArn, UnixSeconds},
    wechat::customer_message::CustomerMessage,
};

/// A conversation can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ConversationsError {
    /// The key ring can't be read. Nothing was written.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The key ring can't be used. Nothing was written.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no randomness. Nothing was written.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The message can't be written as JSON. Nothing was written.
    #[error("the message can't be written as JSON")]
    Content(#[source] serde_json::Error),
    /// The request to the table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A message that is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct NewMessage<'a> {
    /// The user.
    pub openid: &'a OpenId,
    /// The message.
    pub message: &'a CustomerMessage,
    /// What identifies the message among those to the user, such as the `Idempotency-Key`.
    pub key: &'a str,
    /// The operator; `None` for the welcome text.
    pub sent_by: Option<&'a OperatorArn>,
    /// The window that is probably used. If it is another one, the claim costs one more request.
    pub window: WindowKind,
}

/// A place in a window that was taken for one message.
#[derive(Debug, Clone)]
pub struct SendClaim {
    /// The message, which is stored as [`MessageStatus::Sending`].
    pub message: SentMessage,
    window: WindowKind,
    is_welcome: bool,
    message_item: String,
    key_item: String,
}

/// What came of a claim.
#[derive(Debug)]
pub enum ClaimOutcome {
    /// The place is taken and the message is stored: send it now, once.
    Claimed(Box<SendClaim>),
    /// The message was claimed under the same key before; it is not to be sent again.
    AlreadyClaimed(Box<SentMessage>),
    /// The key was used for another message to the same user.
    KeyReused,
    /// WeChat allows no message to the user now. Nothing was written.
    Closed(WindowLimit),
}

/// The table.
pub struct Conversations {
    pub(super) client: Client,
    pub(super) table: String,
    pub(super) ring: CachedSecret<Keyring>,
    pub(super) host: Host,
}

impl Conversations {
    /// Reads `CONVERSATIONS_TABLE` and `DATA_KEYS_ARN`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("CONVERSATIONS_TABLE")?.to_owned(),
            ring: CachedSecret::new(host, "DATA_KEYS_ARN")?,
            host: host.clone(),
        })
    }

    /// Takes a place in the user's window and stores the message, in one transaction.
    ///
    /// Condition: the window is the next one to be used, is open and has a place left, and the key was not used for the user before.
    ///
    /// # Errors
    /// [`ConversationsError`]. After a timeout the write may have been applied: then the same key finds the message.
    pub async fn claim(&self, new: NewMessage<'_>) -> Result<ClaimOutcome, ConversationsError> {
        let NewMessage { openid, message, key, sent_by, mut window } = new;
        let now = self.host.now();
        let content = serde_json::to_vec(message).map_err(ConversationsError::Content)?;
        let key_hash = hex(&sha256(key.as_bytes()));
        let message_item = sort_key(now, &key_hash);
        let context = seal_context(openid, &message_item);
        let ring = self.ring.get().await?;
        let stored = StoredMessage {
            openid: openid.clone(),
            item: message_item.clone(),
            msgtype: message.msgtype().to_owned(),
            direction: MessageDirection::Sent { status: MessageStatus::Sending, sent_by: sent_by.cloned() },
            created_at: now,
            content: ring.seal(&content, context.as_bytes(), self.host.random()?)?,
            expires_at: now.plus(MESSAGE_LIFETIME),
        };
        let key_row = KeyRow {
            openid: openid.clone(),
            item: format!("#key-{key_hash}"),
            message_item,
            message_hash: hex(&sha256(&content)),
            expires_at: stored.expires_at,
        };
        for _ in 0..item::MAX_ATTEMPTS {
            let parts = vec![
                self.put_key_part(&key_row)?,
                self.take_place_part(openid, window, now)?,
                self.put_message_part(&stored)?,
            ];
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else {
                let message = SentMessage {
                    openid: stored.openid,
                    msgtype: stored.msgtype,
                    status: MessageStatus::Sending,
                    claimed_at: now,
                };
                let claim = SendClaim {
                    message,
                    window,
                    is_welcome: sent_by.is_none(),
                    message_item: stored.item,
                    key_item: key_row.item,
                };
                return Ok(ClaimOutcome::Claimed(Box::new(claim)));
            };
            match item::cancellation(CLAIMING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(reasons) => {
                    if let Some(Some(known)) = item::failed_condition(&reasons, 0) {
                        return self.known_message(&key_row, item::read(known)?).await;
                    }
                    let ledger = item::failed_condition(&reasons, 1).flatten();
                    let ledger: MessageWindow = ledger.map(item::read).transpose()?.unwrap_or_default();
                    match ledger.next(now) {
                        Ok(next) => window = next,
                        Err(limit) => return Ok(ClaimOutcome::Closed(limit)),
                    }
                }
            }
        }
        Err(StoreError::contended(CLAIMING).into())
    }

    /// Keeps that WeChat took the message, or that its answer was lost. The conversation moves up in the list, but not by a welcome text,
    /// because operators need not look at a conversation in which nobody wrote.
    ///
    /// Condition: the message is still [`MessageStatus::Sending`]; otherwise nothing changes. The place in the list moves forward only.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn record_outcome(&self, claim: &SendClaim, status: MessageStatus) -> Result<(), StoreError> {
        let outcome = self.outcome_part(claim, status)?;
        let mut parts = vec![outcome.clone()];
        if !claim.is_welcome {
            parts.push(self.move_up_part(&claim.message)?);
        }
        for _ in 0..item::MAX_ATTEMPTS {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else { return Ok(()) };
            match item::cancellation(RECORDING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(reasons) => {
                    if item::failed_condition(&reasons, 0).is_some() {
                        return Ok(());
                    }
                    // The user has written since, so the conversation stands where it should.
                    parts = vec![outcome.clone()];
                }
            }
        }
        Err(StoreError::contended(RECORDING))
    }

    /// Gives the place back and forgets the message, which was certainly not sent. With `refusal` the ledger learns WeChat's limit
    /// instead: no message is left in any window, or no window is open.
    ///
    /// Condition of the ledger's change: the user has opened no newer window since the claim. Otherwise only the message is forgotten.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn give_back(&self, claim: &SendClaim, refusal: Option<WindowLimit>) -> Result<(), StoreError> {
        let openid = &claim.message.openid;
        let forget =
            vec![self.delete_part(openid, &claim.message_item)?, self.delete_part(openid, &claim.key_item)?];
        let mut parts = forget.clone();
        parts.push(self.correct_part(claim, refusal)?);
        for _ in 0..item::MAX_ATTEMPTS {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else { return Ok(()) };
            match item::cancellation(GIVING_BACK, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(_) => parts = forget.clone(),
            }
        }
        Err(StoreError::contended(GIVING_BACK))
    }

    async fn known_message(&self, new: &KeyRow, known: KeyRow) -> Result<ClaimOutcome, ConversationsError> {
        if known.message_hash != new.message_hash {
            return Ok(ClaimOutcome::KeyReused);
        }
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("openid", item::s(known.openid.as_str()))
            .key("item", item::s(&known.message_item))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("reading a message", error))?;
        let message: Option<StoredMessage> = answer.item.map(item::read).transpose()?;
        // Whoever claimed it is giving it back just now.
        let sent = message.and_then(StoredMessage::into_sent);
        let sent = sent.ok_or_else(|| StoreError::contended("reading a message"))?;
        Ok(ClaimOutcome::AlreadyClaimed(Box::new(sent)))
    }

    fn take_place_part(
        &self,
        openid: &OpenId,
        window: WindowKind,
        now: UnixSeconds,
    ) -> Result<TransactWriteItem, StoreError> {
        let (opened_at, remaining) = window.attributes();
        let (entered_at, entry_remaining) = WindowKind::Entry.attributes();
        let mut condition = "#opened_at > :before AND #remaining > :zero".to_owned();
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("openid", item::s(openid.as_str()))
            .key("item", item::s(LEDGER))
            .update_expression("SET #remaining = #remaining - :one, expires_at = :expires_at")
            .expression_attribute_names("#opened_at", opened_at)
            .expression_attribute_names("#remaining", remaining)
            .expression_attribute_values(":before", item::n(now.minus(window.lifetime()).get()))
            .expression_attribute_values(":zero", item::n(0_u64))
            .expression_attribute_values(":one", item::n(1_u64))
            .expression_attribute_values(":expires_at", item::n(now.plus(MESSAGE_LIFETIME).get()))
            .return_values_on_condition_check_failure(AllOld);
        if window == WindowKind::Message {
            condition.push_str(
                " AND (attribute_not_exists(#entered_at) OR #entered_at <= :entered_before \
                 OR #entry_remaining = :zero)",
            );
            let entered_before = now.minus(WindowKind::Entry.lifetime());
            update = update
                .expression_attribute_names("#entered_at", entered_at)
                .expression_attribute_names("#entry_remaining", entry_remaining)
                .expression_attribute_values(":entered_before", item::n(entered_before.get()));
        }
        let update = update.condition_expression(condition).build();
        let update = update.map_err(|error| StoreError::new(CLAIMING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn outcome_part(
        &self,
        claim: &SendClaim,
        status: MessageStatus,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("openid", item::s(claim.message.openid.as_str()))
            .key("item", item::s(&claim.message_item))
            .update_expression("SET #status = :status")
            .condition_expression("#status = :sending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", item::s(status.as_str()))
            .expression_attribute_values(":sending", item::s(MessageStatus::Sending.as_str()))
            .build()
            .map_err(|error| StoreError::new(RECORDING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn move_up_part(&self, message: &SentMessage) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("openid", item::s(message.openid.as_str()))
            .key("item", item::s(LEDGER))
            .update_expression("SET list_shard = :shard, list_order = :order, expires_at = :expires_at")
            .condition_expression("attribute_not_exists(list_order) OR list_order <= :order")
            .expression_attribute_values(":shard", item::s(list_shard(&message.openid)))
            .expression_attribute_values(":order", item::s(list_order(message.claimed_at, &message.openid)))
            .expression_attribute_values(
                ":expires_at",
                item::n(message.claimed_at.plus(MESSAGE_LIFETIME).get()),
            )
            .build()
            .map_err(|error| StoreError::new(RECORDING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn correct_part(
        &self,
        claim: &SendClaim,
        refusal: Option<WindowLimit>,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("openid", item::s(claim.message.openid.as_str()))
            .key("item", item::s(LEDGER))
            .expression_attribute_values(":claimed_at", item::n(claim.message.claimed_at.get()));
        let update = match refusal {
            None => {
                let (opened_at, remaining) = claim.window.attributes();
                update
                    .update_expression("SET #remaining = #remaining + :one")
                    .condition_expression("#opened_at <= :claimed_at AND #remaining < :most")
                    .expression_attribute_names("#opened_at", opened_at)
                    .expression_attribute_names("#remaining", remaining)
                    .expression_attribute_values(":one", item::n(1_u64))
                    .expression_attribute_values(":most", item::n(claim.window.messages()))
            }
            Some(limit) => update
                .update_expression(
                    "SET refused_at = :claimed_at, refusal = :refusal, message_remaining = :zero, \
                     entry_remaining = :zero",
                )
                .condition_expression(
                    "attribute_exists(openid) \
                     AND (attribute_not_exists(user_message_at) OR user_message_at <= :claimed_at) \
                     AND (attribute_not_exists(entered_at) OR entered_at <= :claimed_at)",
                )
                .expression_attribute_values(":refusal", item::s(limit.as_str()))
                .expression_attribute_values(":zero", item::n(0_u64)),
        };
        let update = update.build().map_err(|error| StoreError::new(GIVING_BACK, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn put_key_part(&self, row: &KeyRow) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::write(row)?))
            .condition_expression("attribute_not_exists(openid)")
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new(CLAIMING, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn put_message_part(&self, message: &StoredMessage) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::write(message)?))
            .build()
            .map_err(|error| StoreError::new(CLAIMING, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete_part(&self, openid: &OpenId, sort_key: &str) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("openid", item::s(openid.as_str()))
            .key("item", item::s(sort_key))
            .build()
            .map_err(|error| StoreError::new(GIVING_BACK, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

/// The shard of the user's conversation in the index `by_last_message`.
pub(in crate::store) fn list_shard(openid: &OpenId) -> String {
    let [first, ..] = sha256(openid.as_str().as_bytes());
    format!("{:02}", first % LIST_SHARDS)
}

/// The place in the list of a conversation whose last message is of this time.
pub(in crate::store) fn list_order(at: UnixSeconds, openid: &OpenId) -> String {
    format!("{:012} {}", at.get(), openid.as_str())
}

const CLAIMING: &str = "claiming a message of customer service";
const RECORDING: &str = "keeping what became of a message";
const GIVING_BACK: &str = "giving a message of customer service back";
/// The sort key of the ledger.
pub(in crate::store) const LEDGER: &str = "#window";
/// How long messages are kept.
pub(in crate::store) const MESSAGE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Shards of the list of conversations.
pub(super) const LIST_SHARDS: u8 = 4;
