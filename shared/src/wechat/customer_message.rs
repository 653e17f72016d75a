//! Messages of customer service (客服消息): what a mini program can send, and what WeChat's refusals mean.
//!
//! WeChat: 发送客服消息 (`sendCustomMessage`), 客服输入状态 (`setTyping`). A mini program has four kinds of messages. Those of official
//! accounts have no type here, so that they can't be sent.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::types::{MediaId, OpenId};

/// `POST` of a message.
pub const SEND: &str = "/cgi-bin/message/custom/send";
/// `POST` of the typing status.
pub const TYPING: &str = "/cgi-bin/message/custom/typing";

/// A message to a user. Its serialized form, such as `{"msgtype":"text","text":{"content":"…"}}`, is that of clients and tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "msgtype", rename_all = "lowercase")]
pub enum CustomerMessage {
    /// Text, perhaps with links to pages of this mini program.
    Text {
        /// The fields that WeChat has under `text`.
        text: Text,
    },
    /// A picture.
    Image {
        /// The fields that WeChat has under `image`.
        image: Image,
    },
    /// A link to a web page.
    Link {
        /// The fields that WeChat has under `link`.
        link: Link,
    },
    /// A card that opens a page of the mini program.
    MiniProgramPage {
        /// The fields that WeChat has under `miniprogrampage`.
        miniprogrampage: MiniProgramPage,
    },
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// What the user reads.
    pub content: String,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Its `media_id`.
    pub media_id: MediaId,
}

/// A link to a web page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The title.
    pub title: String,
    /// The description.
    pub description: String,
    /// The address that a tap opens.
    pub url: String,
    /// The address of the small picture.
    pub thumb_url: String,
}

/// A card that opens a page of the mini program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MiniProgramPage {
    /// The title.
    pub title: String,
    /// The page, with its query.
    pub pagepath: String,
    /// The `media_id` of the picture on the card.
    pub thumb_media_id: MediaId,
}

impl CustomerMessage {
    /// WeChat's word for the kind.
    #[must_use]
    pub fn msgtype(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Image { .. } => "image",
            Self::Link { .. } => "link",
            Self::MiniProgramPage { .. } => "miniprogrampage",
        }
    }

    /// The first field that is empty, such as `text.content`. WeChat refuses a message that has one.
    #[must_use]
    pub fn empty_field(&self) -> Option<&'static str> {
        let fields: &[(&'static str, &str)] = match self {
            Self::Text { text } => &[("text.content", &text.content)],
            Self::Image { .. } => &[],
            Self::Link { link } => &[("link.title", &link.title), ("link.url", &link.url)],
            Self::MiniProgramPage { miniprogrampage: page } => {
                &[("miniprogrampage.title", &page.title), ("miniprogrampage.pagepath", &page.pagepath)]
            }
        };
        fields.iter().find_map(|(name, text)| text.trim().is_empty().then_some(*name))
    }

    /// The field that a refusal is about, in the form of clients.
    #[must_use]
    pub fn refused_field(&self, refusal: SendRefusal) -> &'static str {
        match (refusal, self) {
            (SendRefusal::OpenId, _) => "openid",
            (SendRefusal::Media | SendRefusal::MediaKind, Self::MiniProgramPage { .. }) => {
                "miniprogrampage.thumbMediaId"
            }
            (SendRefusal::Media | SendRefusal::MediaKind, _) => "image.mediaId",
            (SendRefusal::TooLong, Self::Text { .. }) => "text.content",
            (SendRefusal::TooLong, _) => self.msgtype(),
            (SendRefusal::Kind | SendRefusal::WindowClosed | SendRefusal::CountUsed, _) => "msgtype",
        }
    }

    /// The body of WeChat's API that sends the message to `openid`.
    #[must_use]
    pub fn to_json(&self, openid: &OpenId) -> Value {
        let fields = match self {
            Self::Text { text } => json!({ "content": text.content }),
            Self::Image { image } => json!({ "media_id": image.media_id }),
            Self::Link { link: Link { title, description, url, thumb_url } } => {
                json!({ "title": title, "description": description, "url": url, "thumb_url": thumb_url })
            }
            Self::MiniProgramPage { miniprogrampage: page } => json!({
                "title": page.title, "pagepath": page.pagepath, "thumb_media_id": page.thumb_media_id,
            }),
        };
        json!({ "touser": openid, "msgtype": self.msgtype(), self.msgtype(): fields })
    }
}

/// What WeChat's refusal of a message means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendRefusal {
    /// 45015: no window is open, or the user has left.
    WindowClosed,
    /// 45047: the messages of the open windows are used up.
    CountUsed,
    /// 40003: the account has no such user.
    OpenId,
    /// 40007: the `media_id` is unknown, over, or another account's.
    Media,
    /// 40004: the `media_id` is of another kind.
    MediaKind,
    /// 45002: the content is too long.
    TooLong,
    /// 45162: the kind of message is not one of a mini program's.
    Kind,
}

impl SendRefusal {
    /// The refusal of this errcode; `None` for those that are not about the message, such as 48001 and -1.
    #[must_use]
    pub fn named(errcode: i64) -> Option<Self> {
        Some(match errcode {
            45015 => Self::WindowClosed,
            45047 => Self::CountUsed,
            40003 => Self::OpenId,
            40007 => Self::Media,
            40004 => Self::MediaKind,
            45002 => Self::TooLong,
            45162 => Self::Kind,
            _ => return None,
        })
    }
}

/// What the user is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TypingCommand {
    /// Customer service is typing, for 15 seconds at most.
    Typing,
    /// It is not typing any more.
    CancelTyping,
}

impl TypingCommand {
    /// The body of WeChat's API that shows it to `openid`.
    #[must_use]
    pub fn to_json(self, openid: &OpenId) -> Value {
        json!({ "touser": openid, "command": self })
    }
}

/// The largest text in bytes.
pub const MAX_TEXT: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Option<CustomerMessage> {
        serde_json::from_value(body).ok()
    }

    #[test]
    fn each_kind_is_sent_with_the_names_of_wechat() {
        let openid = OpenId::parse("o1").unwrap();
        for (body, sent) in [
            (json!({ "msgtype": "text", "text": { "content": "您好" } }), json!({ "content": "您好" })),
            (json!({ "msgtype": "image", "image": { "mediaId": "m" } }), json!({ "media_id": "m" })),
            (
                json!({ "msgtype": "link", "link": { "title": "t", "description": "d", "url": "u", "thumbUrl": "p" } }),
                json!({ "title": "t", "description": "d", "url": "u", "thumb_url": "p" }),
            ),
            (
                json!({ "msgtype": "miniprogrampage",
                        "miniprogrampage": { "title": "t", "pagepath": "pages/a?b=1", "thumbMediaId": "m" } }),
                json!({ "title": "t", "pagepath": "pages/a?b=1", "thumb_media_id": "m" }),
            ),
        ] {
            let message = read(body.clone()).unwrap();
            let kind = message.msgtype();
            assert_eq!(message.to_json(&openid), json!({ "touser": "o1", "msgtype": kind, kind: sent }));
            assert_eq!(serde_json::to_value(&message).unwrap(), body);
            assert_eq!(message.empty_field(), None);
        }
    }

    #[test]
    fn a_kind_of_official_accounts_is_not_read() {
        for kind in ["voice", "video", "news", "mpnews", "msgmenu", "wxcard", "music", "", "Text"] {
            assert_eq!(read(json!({ "msgtype": kind, kind: { "media_id": "m" } })), None, "{kind}");
        }
    }

    #[test]
    fn an_empty_field_is_named() {
        let message = read(json!({ "msgtype": "text", "text": { "content": " \n" } })).unwrap();
        assert_eq!(message.empty_field(), Some("text.content"));
    }

    #[test]
    fn a_refusal_names_the_field_of_the_message() {
        let page = json!({ "title": "t", "pagepath": "p", "thumbMediaId": "m" });
        let page = read(json!({ "msgtype": "miniprogrampage", "miniprogrampage": page })).unwrap();
        let image = read(json!({ "msgtype": "image", "image": { "mediaId": "m" } })).unwrap();
        let text = read(json!({ "msgtype": "text", "text": { "content": "a" } })).unwrap();
        assert_eq!(page.refused_field(SendRefusal::Media), "miniprogrampage.thumbMediaId");
        assert_eq!(image.refused_field(SendRefusal::MediaKind), "image.mediaId");
        assert_eq!(text.refused_field(SendRefusal::TooLong), "text.content");
        assert_eq!(page.refused_field(SendRefusal::TooLong), "miniprogrampage");
    }

    #[test]
    fn errcodes_about_the_account_are_no_refusals_of_the_message() {
        assert_eq!(SendRefusal::named(45015), Some(SendRefusal::WindowClosed));
        assert_eq!(SendRefusal::named(45047), Some(SendRefusal::CountUsed));
        for errcode in [-1, 40001, 48001, 45009] {
            assert_eq!(SendRefusal::named(errcode), None, "{errcode}");
        }
    }
}
