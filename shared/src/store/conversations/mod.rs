//! `CONVERSATIONS_TABLE`: what users and customer service wrote to each other in the last 30 days, and whom WeChat lets us write to.
//!
//! Key `openid`, `item`, so that one Query finds everything of a person. The item `#window` is the ledger of WeChat's windows: a message
//! of the user allows five messages in 48 hours, and entering the conversation two in a minute. `#key-…` names the message that was sent
//! under an `Idempotency-Key`. All others are messages, by time; their content is sealed with the key ring of `DATA_KEYS_ARN`.
//!
//! Index `by_last_message` (`list_shard`, `list_order`) lists the conversations: the ledgers of users with a message of either side. It has 4
//! shards, so that no key takes all writes.

mod claim;
mod list;
mod message;
mod window;

pub(super) use claim::{LEDGER, MESSAGE_LIFETIME, list_order, list_shard};
pub(super) use message::{seal_context, sort_key};

pub use claim::{ClaimOutcome, Conversations, ConversationsError, NewMessage, SendClaim};
pub use list::{Conversation, ConversationCursor, ConversationPage, MessagePage, OpenedMessage};
pub use message::{MessageDirection, MessageStatus, SentMessage, StoredMessage};
pub use window::{MessageWindow, WindowKind, WindowLimit};
