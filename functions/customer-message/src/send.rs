//! `POST /api/admin/messages`: an operator sends one message to one user. The `Idempotency-Key` names the message, so that a request that
//! is repeated sends nothing more.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    store::{CustomerMessageStatus, NewMessage, SentMessage, WindowKind},
    types::{MediaId, OpenId},
    wechat::customer_message::{CustomerMessage, Image, Link, MiniProgramPage, Text},
};

use crate::CustomerMessageFunction;

#[derive(Deserialize)]
struct SendBody {
    openid: Option<String>,
    msgtype: Option<String>,
    text: Option<TextBody>,
    image: Option<ImageBody>,
    link: Option<LinkBody>,
    miniprogrampage: Option<PageBody>,
}

#[derive(Deserialize)]
struct TextBody {
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageBody {
    media_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkBody {
    title: String,
    #[serde(default)]
    description: String,
    url: String,
    #[serde(default)]
    thumb_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageBody {
    title: String,
    pagepath: String,
    thumb_media_id: String,
}

#[derive(Serialize)]
struct SendAnswer {
    message: MessageView,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageView {
    openid: OpenId,
    msgtype: String,
    status: CustomerMessageStatus,
    created_at: String,
}

impl From<SentMessage> for MessageView {
    fn from(message: SentMessage) -> Self {
        Self {
            created_at: message.claimed_at.to_rfc3339(),
            openid: message.openid,
            msgtype: message.msgtype,
            status: message.status,
        }
    }
}

impl CustomerMessageFunction {
    pub(crate) async fn send_message(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let key = request::idempotency_key(request)?;
        let (openid, message) = parse(request::json(request)?)?;
        let operator = request::operator(request)?;
        let new = NewMessage {
            openid: &openid,
            message: &message,
            key,
            sent_by: Some(&operator),
            window: WindowKind::Message,
        };
        let message = self.sender.send(new).await?;
        Ok(response::success(&SendAnswer { message: message.into() }))
    }
}

/// The openid of a body.
pub(crate) fn openid(text: Option<String>) -> Result<OpenId, ApiError> {
    let text = request::required("openid", text)?;
    OpenId::parse(&text).map_err(|error| ApiError::invalid("openid", "格式不正确").with_cause(error))
}

fn parse(body: SendBody) -> Result<(OpenId, CustomerMessage), ApiError> {
    let SendBody { openid: user, msgtype, text, image, link, miniprogrampage } = body;
    let user = openid(user)?;
    let msgtype = request::required("msgtype", msgtype)?;
    let given = [
        ("text", text.is_some()),
        ("image", image.is_some()),
        ("link", link.is_some()),
        ("miniprogrampage", miniprogrampage.is_some()),
    ];
    if let Some((name, _)) = given.into_iter().find(|(name, given)| *given && *name != msgtype) {
        return Err(ApiError::invalid(name, "与 msgtype 不符"));
    }
    let message = match msgtype.as_str() {
        "text" => {
            let TextBody { content } = request::required("text", text)?;
            CustomerMessage::Text { text: Text { content } }
        }
        "image" => {
            let ImageBody { media_id } = request::required("image", image)?;
            CustomerMessage::Image { image: Image { media_id: media("image.mediaId", &media_id)? } }
        }
        "link" => {
            let LinkBody { title, description, url, thumb_url } = request::required("link", link)?;
            CustomerMessage::Link { link: Link { title, description, url, thumb_url } }
        }
        "miniprogrampage" => {
            let page = request::required("miniprogrampage", miniprogrampage)?;
            let PageBody { title, pagepath, thumb_media_id } = page;
            let thumb_media_id = media("miniprogrampage.thumbMediaId", &thumb_media_id)?;
            CustomerMessage::MiniProgramPage {
                miniprogrampage: MiniProgramPage { title, pagepath, thumb_media_id },
            }
        }
        _ => return Err(ApiError::invalid("msgtype", "须为 text、image、link 或 miniprogrampage")),
    };
    match message.empty_field() {
        Some(field) => Err(ApiError::invalid(field, "不能为空")),
        None => Ok((user, message)),
    }
}

fn media(field: &str, text: &str) -> Result<MediaId, ApiError> {
    MediaId::parse(text).map_err(|error| ApiError::invalid(field, "格式不正确").with_cause(error))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn problem(body: Value) -> String {
        parse(serde_json::from_value(body).unwrap()).unwrap_err().message().to_owned()
    }

    #[test]
    fn a_message_of_another_kind_than_its_msgtype_is_refused() {
        for (body, message) in [
            (
                json!({ "openid": "o1", "msgtype": "text", "text": { "content": "a" }, "image": { "mediaId": "m" } }),
                "参数有误：image 与 msgtype 不符",
            ),
            (
                json!({ "openid": "o1", "msgtype": "voice" }),
                "参数有误：msgtype 须为 text、image、link 或 miniprogrampage",
            ),
            (json!({ "openid": "o1", "msgtype": "text" }), "参数有误：text 不能为空"),
            (
                json!({ "openid": "o1", "msgtype": "text", "text": { "content": " " } }),
                "参数有误：text.content 不能为空",
            ),
            (
                json!({ "openid": "o1", "msgtype": "image", "image": { "mediaId": "" } }),
                "参数有误：image.mediaId 格式不正确",
            ),
        ] {
            assert_eq!(problem(body), message);
        }
    }
}
