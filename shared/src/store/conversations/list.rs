//! The list of conversations, and the messages of one.

use futures_util::future;
use serde::Deserialize;
use serde_json::Value;

use super::{
    claim::{Conversations, ConversationsError, LIST_SHARDS, MESSAGE_LIFETIME, list_order},
    message::{StoredMessage, seal_context},
    window::MessageWindow,
};
use crate::{
    crypto::{Keyring, SealError},
    store::{
        StoreError,
        item::{self, Item},
    },
    types::{OpenId, UnixSeconds},
};

/// One user's conversation with customer service.
#[derive(Debug, Clone, Deserialize)]
pub struct Conversation {
    /// The user.
    pub openid: OpenId,
    /// How many messages may be sent, and until when.
    #[serde(flatten)]
    pub window: MessageWindow,
    list_order: String,
}

impl Conversation {
    /// When the last message was written.
    #[must_use]
    pub fn last_message_at(&self) -> UnixSeconds {
        let (seconds, _) = self.list_order.split_once(' ').unwrap_or_default();
        UnixSeconds::new(seconds.parse().unwrap_or_default())
    }
}

/// Some of the conversations.
pub struct ConversationPage {
    /// The conversations, the last message first.
    pub conversations: Vec<Conversation>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<ConversationCursor>,
}

/// The last conversation of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationCursor {
    /// When its last message was written.
    pub last_message_at: UnixSeconds,
    /// Its user.
    pub openid: OpenId,
}

/// A message whose content was opened.
pub struct OpenedMessage {
    /// The message.
    pub message: StoredMessage,
    /// The content in the form of clients; `None` if no key of the ring opens it any more.
    pub content: Option<Value>,
}

/// Some of the messages of a conversation.
pub struct MessagePage {
    /// The messages, the newest first.
    pub messages: Vec<OpenedMessage>,
    /// The sort key of the message before the next page, if there is one.
    pub cursor: Option<String>,
}

impl Conversations {
    /// The conversations behind `cursor`, the last message first: one request for each shard. A conversation whose last message has expired
    /// is not listed, though its row may stand in the table for a while.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list(&self, cursor: Option<&ConversationCursor>) -> Result<ConversationPage, StoreError> {
        // `~` sorts behind every place in the list.
        let last = cursor
            .map_or_else(|| "~".to_owned(), |cursor| list_order(cursor.last_message_at, &cursor.openid));
        let first = format!("{:012}~", self.host.now().minus(MESSAGE_LIFETIME).get());
        if last <= first {
            return Ok(ConversationPage { conversations: Vec::new(), cursor: None });
        }
        let shards = (0..LIST_SHARDS).map(|shard| self.list_shard(format!("{shard:02}"), &first, &last));
        let items = future::try_join_all(shards).await?.concat();
        let read: Result<Vec<Conversation>, _> = items.into_iter().map(item::read).collect();
        let mut conversations = read?;
        conversations.retain(|conversation| conversation.list_order != last);
        conversations.sort_by(|one, other| other.list_order.cmp(&one.list_order));
        let more = conversations.len() > PAGE;
        conversations.truncate(PAGE);
        let last = conversations.last().filter(|_| more);
        let cursor = last.map(|conversation| ConversationCursor {
            last_message_at: conversation.last_message_at(),
            openid: conversation.openid.clone(),
        });
        Ok(ConversationPage { conversations, cursor })
    }

    /// The messages of a user behind `cursor`, the newest first.
    ///
    /// # Errors
    /// [`ConversationsError`].
    pub async fn list_messages(
        &self,
        openid: &OpenId,
        cursor: Option<&str>,
    ) -> Result<MessagePage, ConversationsError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("openid = :openid AND #item BETWEEN :first AND :last")
            .filter_expression("expires_at > :now")
            .expression_attribute_names("#item", "item")
            .expression_attribute_values(":openid", item::s(openid.as_str()))
            .expression_attribute_values(":first", item::s("0"))
            .expression_attribute_values(":last", item::s(":"))
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .scan_index_forward(false)
            .limit(MESSAGE_PAGE)
            .set_exclusive_start_key(cursor.map(|cursor| {
                Item::from([
                    ("openid".to_owned(), item::s(openid.as_str())),
                    ("item".to_owned(), item::s(cursor)),
                ])
            }))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing messages", error))?;
        let cursor = page.last_evaluated_key.and_then(|mut key| key.remove("item"));
        let cursor = cursor.and_then(|cursor| cursor.as_s().ok().cloned());
        let messages: Result<Vec<StoredMessage>, _> =
            page.items.unwrap_or_default().into_iter().map(item::read).collect();
        let messages = messages?;
        let mut ring = self.ring.get().await?;
        if messages.iter().any(|message| matches!(open(&ring, message), Err(SealError::Key))) {
            // The ring was rotated since it was read here.
            ring = self.ring.refresh().await?;
        }
        let messages = messages
            .into_iter()
            .map(|message| OpenedMessage { content: open(&ring, &message).ok().flatten(), message });
        Ok(MessagePage { messages: messages.collect(), cursor })
    }

    async fn list_shard(&self, shard: String, first: &str, last: &str) -> Result<Vec<Item>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_last_message")
            .key_condition_expression("list_shard = :shard AND list_order BETWEEN :first AND :last")
            .expression_attribute_values(":shard", item::s(shard))
            .expression_attribute_values(":first", item::s(first))
            .expression_attribute_values(":last", item::s(last))
            .scan_index_forward(false)
            .limit(PAGE_AND_TWO)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing conversations", error))?;
        Ok(page.items.unwrap_or_default())
    }
}

/// The content of a message; `None` if it is no JSON.
fn open(ring: &Keyring, message: &StoredMessage) -> Result<Option<Value>, SealError> {
    let context = seal_context(&message.openid, &message.item);
    let content = ring.open(&message.content, context.as_bytes())?;
    Ok(serde_json::from_slice(&content).ok())
}

/// Conversations on a page.
const PAGE: usize = 50;
/// What each shard is asked for: the conversation of the cursor, a page, and one more, so that it is known whether there are more.
const PAGE_AND_TWO: i32 = 52;
/// Messages on a page.
const MESSAGE_PAGE: i32 = 50;
