//! Answers other than `success`. Each event that wants one has its function here.

use shared::wechat::push::{PushReply, PushTopic, PushedMessage, ReplyValue, text};

/// The answer that hands a user's message over to WeChat's agents, who see it in the console: 转发客服消息. Without this answer WeChat
/// counts the message as handled by the server. `None` if the push is no message to customer service.
pub(crate) fn hand_over(message: &PushedMessage) -> Option<PushReply> {
    if message.topic() != Some(PushTopic::CustomerMessage) {
        return None;
    }
    let user = message.from_user()?.as_str().to_owned();
    let account = text(message.body(), "ToUserName")?.into_owned();
    Some(PushReply::new(vec![
        ("ToUserName", ReplyValue::Text(user)),
        ("FromUserName", ReplyValue::Text(account)),
        ("CreateTime", ReplyValue::Number(message.created_at().get())),
        ("MsgType", ReplyValue::Text("transfer_customer_service".to_owned())),
    ]))
}
