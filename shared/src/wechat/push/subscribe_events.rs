//! Events of subscribe messages: what users chose, and what became of messages.
//!
//! WeChat: 订阅消息事件推送 (`subscribe_msg_popup_event`, `subscribe_msg_change_event`, `subscribe_msg_sent_event`). One event can be about
//! several templates.

use super::{
    fields::{integer, text},
    message::PushedMessage,
    topic::PushTopic,
};
use crate::types::TemplateId;

/// What an event says of one template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeEvent {
    /// The template.
    pub template_id: TemplateId,
    /// What happened.
    pub kind: SubscribeEventKind,
}

/// What can happen to a user's consent, or to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscribeEventKind {
    /// The user accepted one message.
    Accepted,
    /// The user did not accept a message now. What was accepted before stays.
    Declined,
    /// The user switched the template off in the settings of the mini program: no message of it arrives any more.
    SwitchedOff,
    /// A message reached the user.
    Delivered,
    /// A message did not reach the user, for the reason with this number of WeChat's.
    NotDelivered(i64),
}

impl SubscribeEventKind {
    /// Whether it shows that the user takes no message of the template.
    #[must_use]
    pub fn ends_consent(self) -> bool {
        matches!(self, Self::SwitchedOff | Self::NotDelivered(43101))
    }
}

impl PushedMessage {
    /// What the event says, by template; empty if it is no event of subscribe messages. Entries without a readable template or status are
    /// left out.
    #[must_use]
    pub fn subscribe_events(&self) -> Vec<SubscribeEvent> {
        let Some(topic) = self.topic() else { return Vec::new() };
        let read = |entry| {
            let template_id = TemplateId::parse(&text(entry, "TemplateId")?).ok()?;
            let status = text(entry, "SubscribeStatusString").map(|text| text.to_ascii_lowercase());
            let kind = match (topic, status.as_deref()) {
                (PushTopic::SubscribePopup, Some("accept")) => SubscribeEventKind::Accepted,
                (PushTopic::SubscribePopup, Some("reject")) => SubscribeEventKind::Declined,
                (PushTopic::SubscribeChange, Some("reject")) => SubscribeEventKind::SwitchedOff,
                (PushTopic::SubscribeSent, _) => match integer(entry, "ErrorCode")? {
                    0 => SubscribeEventKind::Delivered,
                    code => SubscribeEventKind::NotDelivered(code),
                },
                _ => return None,
            };
            Some(SubscribeEvent { template_id, kind })
        };
        self.entries().iter().filter_map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::types::UnixSeconds;

    fn events(name: &str, list: Value) -> Vec<SubscribeEventKind> {
        let body = json!({ "MsgType": "event", "Event": name, "FromUserName": "o1", "List": list });
        let Value::Object(members) = body else { panic!("not an object") };
        let message = PushedMessage::new(members, true, UnixSeconds::new(7)).unwrap();
        message.subscribe_events().into_iter().map(|event| event.kind).collect()
    }

    #[test]
    fn each_event_is_read_from_a_list_and_from_a_bare_object() {
        let popup = "subscribe_msg_popup_event";
        let accepted = json!({ "TemplateId": "t", "SubscribeStatusString": "accept", "PopupScene": "0" });
        let declined = json!({ "TemplateId": "u", "SubscribeStatusString": "reject", "PopupScene": 0 });
        assert_eq!(events(popup, accepted.clone()), [SubscribeEventKind::Accepted]);
        let both = [SubscribeEventKind::Accepted, SubscribeEventKind::Declined];
        assert_eq!(events(popup, json!([accepted, declined])), both);
        assert_eq!(events("subscribe_msg_change_event", declined), [SubscribeEventKind::SwitchedOff]);
        for (code, kind) in [
            (json!("0"), SubscribeEventKind::Delivered),
            (json!(0), SubscribeEventKind::Delivered),
            (json!("43101"), SubscribeEventKind::NotDelivered(43101)),
        ] {
            let sent = json!({ "TemplateId": "t", "MsgID": "1864323726461255680", "ErrorCode": code });
            assert_eq!(events("subscribe_msg_sent_event", sent), [kind]);
        }
    }

    #[test]
    fn an_entry_that_can_t_be_read_is_left_out() {
        let popup = "subscribe_msg_popup_event";
        for entry in [
            json!({}),
            json!({ "TemplateId": "t" }),
            json!({ "TemplateId": "", "SubscribeStatusString": "accept" }),
            json!({ "TemplateId": "t", "SubscribeStatusString": "maybe" }),
        ] {
            assert!(events(popup, entry).is_empty());
        }
        assert!(events("subscribe_msg_sent_event", json!({ "TemplateId": "t" })).is_empty());
        assert!(events("debug_demo", json!([])).is_empty());
    }
}
