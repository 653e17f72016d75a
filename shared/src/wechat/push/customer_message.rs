//! What users write to customer service (客服消息).
//!
//! WeChat: 接收消息和事件. A mini program's users send texts, pictures and cards. A message of another type is kept with the fields it has,
//! so that a type that WeChat adds is not lost.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{fields::text, message::PushedMessage, topic::PushTopic};

/// A message of a user. Its serialized form, such as `{"msgtype":"text","text":{"content":"…"}}`, is that of clients and tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum IncomingContent {
    /// A text.
    Text {
        /// Its fields.
        text: IncomingText,
    },
    /// A picture.
    Image {
        /// Its fields.
        image: IncomingImage,
    },
    /// A card of a page of the mini program.
    MiniProgramPage {
        /// Its fields.
        miniprogrampage: IncomingPage,
    },
    /// Any other message.
    Other {
        /// The fields beside those that all messages have.
        fields: Map<String, Value>,
    },
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncomingText {
    /// What the user wrote.
    pub content: String,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncomingImage {
    /// Its `media_id`, with which it can be read for three days.
    pub media_id: String,
    /// Its address at WeChat.
    pub pic_url: String,
}

/// A card of a page of the mini program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncomingPage {
    /// The title.
    pub title: String,
    /// The mini program.
    pub app_id: String,
    /// The page, with its query.
    pub pagepath: String,
    /// The address at WeChat of the picture on the card.
    pub thumb_url: String,
    /// Its `media_id`.
    pub thumb_media_id: String,
}

/// A message of a user to customer service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncomingMessage {
    /// WeChat's word for the kind; `unnamed` if its sender chose it.
    pub msgtype: String,
    /// What it says.
    #[serde(flatten)]
    pub content: IncomingContent,
}

impl PushedMessage {
    /// The message to customer service; `None` if the push is none. A field that is absent is an empty text.
    #[must_use]
    pub fn customer_message(&self) -> Option<IncomingMessage> {
        if self.topic() != Some(PushTopic::CustomerMessage) {
            return None;
        }
        let field = |name| text(self.body(), name).map(|text| text.into_owned()).unwrap_or_default();
        let content = match self.msg_type() {
            "text" => IncomingContent::Text { text: IncomingText { content: field("Content") } },
            "image" => IncomingContent::Image {
                image: IncomingImage { media_id: field("MediaId"), pic_url: field("PicUrl") },
            },
            "miniprogrampage" => IncomingContent::MiniProgramPage {
                miniprogrampage: IncomingPage {
                    title: field("Title"),
                    app_id: field("AppId"),
                    pagepath: field("PagePath"),
                    thumb_url: field("ThumbUrl"),
                    thumb_media_id: field("ThumbMediaId"),
                },
            },
            _ => {
                let mut fields = self.body().as_object().cloned().unwrap_or_default();
                fields.retain(|name, _| !COMMON.contains(&name.as_str()));
                IncomingContent::Other { fields }
            }
        };
        Some(IncomingMessage { msgtype: self.name().to_owned(), content })
    }
}

/// The fields of every message.
const COMMON: [&str; 5] = ["ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::UnixSeconds;

    fn read(more: Value) -> Option<Value> {
        let mut body = json!({ "ToUserName": "gh_a", "FromUserName": "o1", "CreateTime": "7", "MsgId": "1" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let Value::Object(members) = body else { panic!("not an object") };
        let message = PushedMessage::new(members, true, UnixSeconds::new(7)).unwrap().customer_message();
        message.map(|message| serde_json::to_value(message).unwrap())
    }

    #[test]
    fn each_type_is_read_into_the_form_of_clients() {
        for (pushed, form) in [
            (
                json!({ "MsgType": "text", "Content": "在吗" }),
                json!({ "msgtype": "text", "text": { "content": "在吗" } }),
            ),
            (
                json!({ "MsgType": "Image", "PicUrl": "http://p", "MediaId": "m" }),
                json!({ "msgtype": "image", "image": { "mediaId": "m", "picUrl": "http://p" } }),
            ),
            (
                json!({ "MsgType": "miniprogrampage", "Title": "t", "AppId": "wx1", "PagePath": "pages/a",
                        "ThumbUrl": "http://t", "ThumbMediaId": "m" }),
                json!({ "msgtype": "miniprogrampage", "miniprogrampage": {
                    "title": "t", "appId": "wx1", "pagepath": "pages/a",
                    "thumbUrl": "http://t", "thumbMediaId": "m" } }),
            ),
            (
                json!({ "MsgType": "voice", "MediaId": "m", "Format": "amr" }),
                json!({ "msgtype": "voice", "fields": { "MediaId": "m", "Format": "amr" } }),
            ),
            (
                json!({ "MsgType": "text", "Content": "" }),
                json!({ "msgtype": "text", "text": { "content": "" } }),
            ),
            (
                json!({ "MsgType": "text", "Content": 7 }),
                json!({ "msgtype": "text", "text": { "content": "7" } }),
            ),
        ] {
            assert_eq!(read(pushed), Some(form));
        }
    }

    #[test]
    fn a_type_that_its_sender_chose_is_not_shown() {
        assert_eq!(read(json!({ "MsgType": "a\nb" })).unwrap()["msgtype"], "unnamed");
    }

    #[test]
    fn an_event_is_no_message_of_a_user() {
        for event in ["user_enter_tempsession", "debug_demo", "subscribe_msg_popup_event"] {
            assert_eq!(read(json!({ "MsgType": "event", "Event": event })), None, "{event}");
        }
        assert_eq!(read(json!({ "channel_bill": "x" })), None);
    }
}
