//! The events of subscribe messages that WeChat pushes.
//!
//! Documentation: "Subscribe message" (订阅消息), its section about events. Numbers are texts. `List` is an array, or with one item the
//! item itself: here the event of a dialog has an array, and the two others have the item.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html>

use serde_json::{Value, json};

use super::message::SubscribeMessage;
use crate::core::context::Context;
use crate::core::faults::Fault;
use crate::core::push::sender::PushSender;

/// What the user chose for a template in the dialog of a page.
pub(super) fn popup_item(template_id: &str, choice: &str) -> Value {
    json!({"TemplateId": template_id, "SubscribeStatusString": choice, "PopupScene": "0"})
}

/// Pushes what the user chose in the dialog, if there was one.
pub(super) fn push_popup(pushes: &PushSender, openid: &str, list: Vec<Value>) {
    if !list.is_empty() {
        pushes.push_subscribe_event(openid, "subscribe_msg_popup_event", list.into());
    }
}

/// Pushes that the user switched the messages of a template off in the settings.
pub(super) fn push_change(pushes: &PushSender, openid: &str, template_id: &str) {
    let item = json!({"TemplateId": template_id, "SubscribeStatusString": "reject"});
    pushes.push_subscribe_event(openid, "subscribe_msg_change_event", item);
}

/// How the delivery of a message ended.
pub(super) struct DeliveryResult {
    error_code: String,
    error_status: String,
}

impl DeliveryResult {
    /// The message arrives, unless a fault says otherwise.
    pub(super) fn take(context: &Context) -> Self {
        let undelivered = |fault: &Fault| matches!(fault, Fault::MessageUndelivered { .. });
        match context.take_fault(undelivered) {
            Some(Fault::MessageUndelivered { error_code, error_status, .. }) => {
                Self { error_code, error_status }
            }
            _ => Self { error_code: "0".to_owned(), error_status: "success".to_owned() },
        }
    }

    pub(super) fn is_delivered(&self) -> bool {
        self.error_code == "0"
    }
}

/// Pushes how the delivery of a message ended.
pub(super) fn push_sent(pushes: &PushSender, message: &SubscribeMessage, result: &DeliveryResult) {
    let item = json!({
        "TemplateId": message.template_id,
        "MsgID": message.msgid.to_string(),
        "ErrorCode": result.error_code,
        "ErrorStatus": result.error_status,
    });
    pushes.push_subscribe_event(&message.openid, "subscribe_msg_sent_event", item);
}
