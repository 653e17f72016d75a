//! What pushes of customer service change: the user's conversation, the ledger of WeChat's windows and the mark that the push was applied,
//! in one transaction.
//!
//! The push waits still after that, because others must learn of it too: whoever learns of a message from the event bus finds it in the
//! conversation.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update};
use serde::Deserialize;

use super::{InboxError, PendingPush};
use crate::{
    crypto::Keyring,
    host::{Host, HostError, dynamodb::Client},
    secrets::CachedSecret,
    store::{
        StoreError,
        conversations::{
            LEDGER, MESSAGE_LIFETIME, MessageDirection, MessageWindow, StoredMessage, WindowKind, list_order,
            list_shard, seal_context, sort_key,
        },
        item::{self, TransactionCancelled},
    },
    types::{OpenId, UnixSeconds},
    wechat::push::IncomingMessage,
};

/// What came of applying a push to its user's conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerPushOutcome {
    /// The message is kept, and the ledger is right.
    Applied,
    /// The push was applied before.
    AlreadyApplied,
}

/// The inbox and the conversations.
pub struct CustomerInbox {
    client: Client,
    inbox: String,
    conversations: String,
    ring: CachedSecret<Keyring>,
    host: Host,
}

/// What a ledger says, as far as pushes change it.
#[derive(Debug, Deserialize)]
struct Ledger {
    #[serde(flatten)]
    window: MessageWindow,
    list_order: Option<String>,
}

/// What happened to a conversation, and when.
struct ConversationEvent<'a> {
    openid: &'a OpenId,
    kind: WindowKind,
    at: UnixSeconds,
}

impl CustomerInbox {
    /// Reads `CONVERSATIONS_TABLE`, `DATA_KEYS_ARN` and `INBOX_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            inbox: host.var("INBOX_TABLE")?.to_owned(),
            conversations: host.var("CONVERSATIONS_TABLE")?.to_owned(),
            ring: CachedSecret::new(host, "DATA_KEYS_ARN")?,
            host: host.clone(),
        })
    }

    /// Keeps a message of `openid`, sealed, and opens the window of five messages. `at` is when the user wrote it.
    ///
    /// Condition: the push is pending and was not applied. The window and the place in the list move forward only, and a refusal of WeChat
    /// is not undone by a message from before it.
    ///
    /// # Errors
    /// [`InboxError`]. Either nothing has changed, or everything has and the answer was lost. The call can be repeated.
    pub async fn keep_message(
        &self,
        push: &PendingPush,
        openid: &OpenId,
        at: UnixSeconds,
        message: &IncomingMessage,
    ) -> Result<CustomerPushOutcome, InboxError> {
        let item = sort_key(at, &push.push_id);
        // Values of JSON always serialize.
        let content = serde_json::to_vec(message).unwrap_or_default();
        let context = seal_context(openid, &item);
        let ring = self.ring.get().await?;
        let stored = StoredMessage {
            openid: openid.clone(),
            item,
            msgtype: message.msgtype.clone(),
            direction: MessageDirection::Received { authenticated: push.message.is_authenticated() },
            created_at: at,
            content: ring.seal(&content, context.as_bytes(), self.host.random()?)?,
            expires_at: self.host.now().plus(MESSAGE_LIFETIME),
        };
        let put = Put::builder()
            .table_name(&self.conversations)
            .set_item(Some(item::write(&stored)?))
            .build()
            .map_err(|error| StoreError::new(APPLYING, error))?;
        let put = TransactWriteItem::builder().put(put).build();
        let event = ConversationEvent { openid, kind: WindowKind::Message, at };
        Ok(self.apply(push, event, Some(put)).await?)
    }

    /// Opens the window of two messages, because `openid` has entered the conversation at `at`.
    ///
    /// Condition: as for [`CustomerInbox::keep_message`].
    ///
    /// # Errors
    /// [`InboxError`]. Either nothing has changed, or everything has and the answer was lost. The call can be repeated.
    pub async fn enter(
        &self,
        push: &PendingPush,
        openid: &OpenId,
        at: UnixSeconds,
    ) -> Result<CustomerPushOutcome, InboxError> {
        let event = ConversationEvent { openid, kind: WindowKind::Entry, at };
        Ok(self.apply(push, event, None).await?)
    }

    async fn apply(
        &self,
        push: &PendingPush,
        event: ConversationEvent<'_>,
        message: Option<TransactWriteItem>,
    ) -> Result<CustomerPushOutcome, StoreError> {
        // Most events come in order, so the ledger is read only if this one did not.
        let mut ledger = None;
        for _ in 0..item::MAX_ATTEMPTS {
            let mut parts = vec![self.mark_part(&push.push_id)?];
            parts.extend(self.ledger_part(&event, ledger.as_ref())?);
            parts.extend(message.clone());
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else { return Ok(CustomerPushOutcome::Applied) };
            match item::cancellation(APPLYING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(reasons) => {
                    if item::failed_condition(&reasons, 0).is_some() {
                        return Ok(CustomerPushOutcome::AlreadyApplied);
                    }
                    let known = item::failed_condition(&reasons, 1).flatten();
                    ledger = known.map(item::read).transpose()?;
                }
            }
        }
        Err(StoreError::contended(APPLYING))
    }

    fn mark_part(&self, push_id: &str) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.inbox)
            .key("push_id", item::s(push_id))
            .update_expression("SET applied_at = :now")
            .condition_expression("attribute_exists(pending_shard) AND attribute_not_exists(applied_at)")
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .build()
            .map_err(|error| StoreError::new(APPLYING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The change of the ledger, with the condition that it moves forward; `None` if nothing of `known` does.
    fn ledger_part(
        &self,
        event: &ConversationEvent<'_>,
        known: Option<&Ledger>,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let ConversationEvent { openid, kind, at } = *event;
        let order = list_order(at, openid);
        let opens_window = known.is_none_or(|ledger| ledger.window.is_opened_by(kind, at));
        let moves_up = kind == WindowKind::Message
            && known.and_then(|ledger| ledger.list_order.as_ref()).is_none_or(|known| *known <= order);
        if !opens_window && !moves_up {
            return Ok(None);
        }
        let expires_at = self.host.now().plus(MESSAGE_LIFETIME);
        let mut update = Update::builder()
            .table_name(&self.conversations)
            .key("openid", item::s(openid.as_str()))
            .key("item", item::s(LEDGER))
            .return_values_on_condition_check_failure(AllOld)
            .expression_attribute_values(":expires_at", item::n(expires_at.get()));
        let (mut set, mut remove) = ("SET expires_at = :expires_at".to_owned(), "");
        let mut conditions = Vec::new();
        if opens_window {
            let (opened_at, remaining) = kind.attributes();
            set.push_str(", #opened_at = :at, #remaining = :most");
            remove = " REMOVE refused_at, refusal";
            conditions.push("(attribute_not_exists(#opened_at) OR #opened_at <= :at)");
            conditions.push("(attribute_not_exists(refused_at) OR refused_at <= :at)");
            update = update
                .expression_attribute_names("#opened_at", opened_at)
                .expression_attribute_names("#remaining", remaining)
                .expression_attribute_values(":at", item::n(at.get()))
                .expression_attribute_values(":most", item::n(kind.messages()));
        }
        if moves_up {
            set.push_str(", list_shard = :shard, list_order = :order");
            conditions.push("(attribute_not_exists(list_order) OR list_order <= :order)");
            update = update
                .expression_attribute_values(":shard", item::s(list_shard(openid)))
                .expression_attribute_values(":order", item::s(order));
        }
        let update = update
            .update_expression(format!("{set}{remove}"))
            .condition_expression(conditions.join(" AND "))
            .build()
            .map_err(|error| StoreError::new(APPLYING, error))?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }
}

const APPLYING: &str = "applying a push of customer service";
