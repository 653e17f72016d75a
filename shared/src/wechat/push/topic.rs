//! Which pushes mean something to this back end, and which of them carry a fact.

/// What a push is about, as far as `push-events` acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PushTopic {
    /// A user answered the question for subscribe messages (`subscribe_msg_popup_event`).
    SubscribePopup,
    /// A user changed the settings of subscribe messages (`subscribe_msg_change_event`).
    SubscribeChange,
    /// What became of subscribe messages (`subscribe_msg_sent_event`).
    SubscribeSent,
    /// WeChat has judged a picture or a sound, or could not (`wxa_media_check`).
    MediaVerdict,
    /// A user withdrew the consent to personal data (`user_authorization_revoke`).
    AuthorizationRevoked,
    /// An order was shipped or received, or its money released (`trade_manage_order_settlement`).
    OrderSettlement,
    /// A paid order waits to be shipped (`trade_manage_remind_shipping`).
    ShippingReminder,
    /// A user wrote to customer service: a message of any type.
    CustomerMessage,
    /// A user entered the conversation with customer service (`user_enter_tempsession`).
    SessionEntered,
}

impl PushTopic {
    /// The topic of a message with this `MsgType` and `Event`, both in small letters; `None` if nobody acts on such pushes.
    #[must_use]
    pub(super) fn of(msg_type: &str, event: &str) -> Option<Self> {
        Some(match (msg_type, event) {
            ("event", "subscribe_msg_popup_event") => Self::SubscribePopup,
            ("event", "subscribe_msg_change_event") => Self::SubscribeChange,
            ("event", "subscribe_msg_sent_event") => Self::SubscribeSent,
            ("event", "wxa_media_check") => Self::MediaVerdict,
            ("event", "user_authorization_revoke") => Self::AuthorizationRevoked,
            ("event", "trade_manage_order_settlement") => Self::OrderSettlement,
            ("event", "trade_manage_remind_shipping") => Self::ShippingReminder,
            ("event", "user_enter_tempsession") => Self::SessionEntered,
            ("event" | "", _) => return None,
            _ => Self::CustomerMessage,
        })
    }

    /// The element in which XML wraps the entries `List` of such an event, which stand at the top level of JSON.
    #[must_use]
    pub(super) fn list_wrapper(self) -> Option<&'static str> {
        match self {
            Self::SubscribePopup => Some("SubscribeMsgPopupEvent"),
            Self::SubscribeChange => Some("SubscribeMsgChangeEvent"),
            Self::SubscribeSent => Some("SubscribeMsgSentEvent"),
            Self::AuthorizationRevoked
            | Self::CustomerMessage
            | Self::MediaVerdict
            | Self::OrderSettlement
            | Self::ShippingReminder
            | Self::SessionEntered => None,
        }
    }
}

/// Whether an event of this name, in small letters, carries a verdict, money or consent. Such an event is believed only if its body was
/// authenticated, because in the plain mode whoever saw one signed address can send any body to it.
#[must_use]
pub fn carries_fact(event: &str) -> bool {
    ["wxa_media_check", "user_authorization_revoke", "trade_", "xpay_", "subscribe_"]
        .iter()
        .any(|prefix| event.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_money_and_consent_are_facts_and_messages_are_not() {
        for event in [
            "subscribe_msg_popup_event",
            "wxa_media_check",
            "user_authorization_revoke",
            "trade_manage_order_settlement",
        ] {
            assert!(carries_fact(event), "{event}");
        }
        for event in ["", "user_enter_tempsession", "debug_demo"] {
            assert!(!carries_fact(event), "{event}");
        }
    }

    #[test]
    fn other_events_have_no_topic_and_other_types_are_messages() {
        for (msg_type, event) in [("event", "debug_demo"), ("event", ""), ("", ""), ("", "wxa_media_check")] {
            assert_eq!(PushTopic::of(msg_type, event), None, "{msg_type} {event}");
        }
        for msg_type in ["text", "image", "miniprogrampage", "a-type-of-next-year"] {
            assert_eq!(PushTopic::of(msg_type, ""), Some(PushTopic::CustomerMessage));
        }
    }
}
