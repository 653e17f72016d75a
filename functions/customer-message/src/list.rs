//! `GET /api/admin/conversations`, `GET /api/admin/conversations/{openid}`: the conversations, and the messages of one.

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::{CustomerMessageStatus, MessageDirection, OpenedMessage},
    types::{OpenId, OperatorArn},
};

use crate::{CustomerMessageFunction, cursor};

#[derive(Serialize)]
struct ConversationsAnswer {
    conversations: Vec<ConversationView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConversationView {
    openid: OpenId,
    last_message_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_ends_at: Option<String>,
    remaining: u64,
}

#[derive(Serialize)]
struct MessagesAnswer {
    messages: Vec<MessageView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// A message with the fields of its content, such as `text`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageView {
    #[serde(flatten)]
    direction: DirectionView,
    created_at: String,
    #[serde(flatten)]
    content: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(tag = "direction", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
enum DirectionView {
    Received {
        authenticated: bool,
    },
    Sent {
        status: CustomerMessageStatus,
        #[serde(skip_serializing_if = "Option::is_none")]
        sent_by: Option<OperatorArn>,
    },
}

impl From<MessageDirection> for DirectionView {
    fn from(direction: MessageDirection) -> Self {
        match direction {
            MessageDirection::Received { authenticated } => Self::Received { authenticated },
            MessageDirection::Sent { status, sent_by } => Self::Sent { status, sent_by },
        }
    }
}

impl From<OpenedMessage> for MessageView {
    fn from(OpenedMessage { message, content }: OpenedMessage) -> Self {
        let content = match content {
            Some(Value::Object(content)) => content,
            _ => Map::from_iter([("msgtype".to_owned(), Value::from(message.msgtype))]),
        };
        Self { direction: message.direction.into(), created_at: message.created_at.to_rfc3339(), content }
    }
}

impl CustomerMessageFunction {
    pub(crate) async fn list_conversations(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let cursor = parse_cursor(request, cursor::parse_conversation)?;
        let page = self.sender.conversations().list(cursor.as_ref()).await?;
        let now = self.host.now();
        let conversations = page.conversations.into_iter().map(|conversation| ConversationView {
            last_message_at: conversation.last_message_at().to_rfc3339(),
            window_ends_at: conversation.window.ends_at().map(|end| end.to_rfc3339()),
            remaining: conversation.window.remaining(now),
            openid: conversation.openid,
        });
        let conversations = conversations.collect();
        let cursor = page.cursor.as_ref().map(cursor::encode_conversation);
        Ok(response::success(&ConversationsAnswer { conversations, cursor }))
    }

    pub(crate) async fn list_messages(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let openid = OpenId::parse(&request::path(request, "openid")?).map_err(|_| Code::NotFound)?;
        let cursor = parse_cursor(request, cursor::parse_message)?;
        let page = self.sender.conversations().list_messages(&openid, cursor.as_deref()).await?;
        let messages = page.messages.into_iter().map(MessageView::from).collect();
        let cursor = page.cursor.as_deref().map(cursor::encode_message);
        Ok(response::success(&MessagesAnswer { messages, cursor }))
    }
}

fn parse_cursor<T>(request: &Request, parse: fn(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
    let cursor = request::query(request, "cursor").map(|text| parse(&text));
    cursor.map(|parsed| parsed.ok_or_else(|| ApiError::invalid("cursor", "不是上一页给出的值"))).transpose()
}
