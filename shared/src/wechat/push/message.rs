//! A push as it is read, whatever its form: who sent it, when, what it is, and its members.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    fields::{list, number, text},
    topic::PushTopic,
};
use crate::types::{OpenId, UnixSeconds};

/// A message or event that WeChat pushed.
#[derive(Clone, PartialEq)]
pub struct PushedMessage {
    msg_type: String,
    event: String,
    from_user: Option<OpenId>,
    created_at: UnixSeconds,
    is_authenticated: bool,
    body: Value,
}

/// A field of a genuine push is not in its form. The value is not quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the push's {0} is not in its form")]
pub struct MalformedField(pub &'static str);

/// A message as the inbox keeps it, before it is sealed.
#[derive(Serialize, Deserialize)]
struct KeptMessage<B> {
    created_at: UnixSeconds,
    is_authenticated: bool,
    body: B,
}

impl PushedMessage {
    /// Reads the members of a verified push. `sent_at`, the time of its delivery, counts for a message that does not say when it was made.
    ///
    /// # Errors
    /// [`MalformedField`]; another try does not help.
    pub(super) fn new(
        members: Map<String, Value>,
        is_authenticated: bool,
        sent_at: UnixSeconds,
    ) -> Result<Self, MalformedField> {
        let body = Value::Object(members);
        let word = |name| text(&body, name).map(|text| text.to_ascii_lowercase()).unwrap_or_default();
        let from_user = text(&body, "FromUserName").map(|text| OpenId::parse(&text));
        let created_at = match text(&body, "CreateTime") {
            Some(_) => UnixSeconds::new(number(&body, "CreateTime").ok_or(MalformedField("CreateTime"))?),
            None => sent_at,
        };
        Ok(Self {
            msg_type: word("MsgType"),
            event: word("Event"),
            from_user: from_user.transpose().map_err(|_| MalformedField("FromUserName"))?,
            created_at,
            is_authenticated,
            body,
        })
    }

    /// `MsgType` in small letters, because WeChat's pages say that its case does not matter; empty if there is none.
    #[must_use]
    pub fn msg_type(&self) -> &str {
        &self.msg_type
    }

    /// `Event` in small letters; empty if the message is none.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// `FromUserName`: the user, or an openid of WeChat's own for events that no user made.
    #[must_use]
    pub fn from_user(&self) -> Option<&OpenId> {
        self.from_user.as_ref()
    }

    /// `CreateTime`, or when the push was delivered if it has none.
    #[must_use]
    pub fn created_at(&self) -> UnixSeconds {
        self.created_at
    }

    /// Whether WeChat's signature covers the body, as it does in the secure mode. Otherwise the message is a hint: anybody who saw the
    /// address of one push can send another body to it.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.is_authenticated
    }

    /// The whole message as an object. In XML all values are texts: the readers of `fields.rs` take either.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// What the message is about; `None` if nobody acts on such messages.
    #[must_use]
    pub fn topic(&self) -> Option<PushTopic> {
        PushTopic::of(&self.msg_type, &self.event)
    }

    /// The name of the event, or the type of what is no event, for logs. A name that is not made of letters, digits and `_` is not shown,
    /// because its sender may have chosen it.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = if self.event.is_empty() { &self.msg_type } else { &self.event };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain) { name } else { "unnamed" }
    }

    /// `OpenID` of an event that is about a user, or else `FromUserName`.
    #[must_use]
    pub fn affected_user(&self) -> Option<OpenId> {
        let named = text(&self.body, "OpenID").and_then(|text| OpenId::parse(&text).ok());
        named.or_else(|| self.from_user.clone())
    }

    /// The entries of `List`, which events of subscribe messages have.
    #[must_use]
    pub fn entries(&self) -> &[Value] {
        let wrapper = self.topic().and_then(PushTopic::list_wrapper).and_then(|name| self.body.get(name));
        list(wrapper.unwrap_or(&self.body), "List")
    }

    /// The message as the inbox seals it.
    pub(crate) fn to_kept(&self) -> Zeroizing<Vec<u8>> {
        let Self { created_at, is_authenticated, body, .. } = self;
        let kept = KeptMessage { created_at: *created_at, is_authenticated: *is_authenticated, body };
        // Values of JSON always serialize.
        Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default())
    }

    /// Reads what [`PushedMessage::to_kept`] wrote; `None` if the bytes are something else.
    pub(crate) fn from_kept(bytes: &[u8]) -> Option<Self> {
        let kept: KeptMessage<Map<String, Value>> = serde_json::from_slice(bytes).ok()?;
        Self::new(kept.body, kept.is_authenticated, kept.created_at).ok()
    }
}

/// Shows what it is and nothing of its content, because that is personal.
impl fmt::Debug for PushedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushedMessage({})", self.name())
    }
}

/// The longest name shown, in bytes.
const MAX_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(body: Value) -> Result<PushedMessage, MalformedField> {
        let Value::Object(members) = body else { panic!("not an object") };
        PushedMessage::new(members, true, UnixSeconds::new(7))
    }

    #[test]
    fn the_common_fields_are_read_from_texts_and_numbers() {
        for time in [json!(1_700_000_000), json!("1700000000")] {
            let body = json!({
                "FromUserName": "o5wQws1FH2FD2uaNtxmrc1jiG4dc", "CreateTime": time,
                "MsgType": "Event", "Event": "Subscribe_Msg_Sent_Event", "SessionFrom": "vip|会员",
            });
            let message = message(body.clone()).unwrap();
            assert_eq!((message.msg_type(), message.event()), ("event", "subscribe_msg_sent_event"));
            assert_eq!(message.topic(), Some(PushTopic::SubscribeSent));
            assert_eq!(message.from_user().unwrap().as_str(), "o5wQws1FH2FD2uaNtxmrc1jiG4dc");
            assert_eq!(message.created_at(), UnixSeconds::new(1_700_000_000));
            assert_eq!(message.body(), &body);
            assert_eq!(PushedMessage::from_kept(&message.to_kept()).unwrap(), message);
            assert_eq!(format!("{message:?}"), "PushedMessage(subscribe_msg_sent_event)");
        }
    }

    #[test]
    fn a_message_without_the_common_fields_is_read() {
        let message = message(json!({ "channel_bill": "x" })).unwrap();
        assert_eq!((message.msg_type(), message.event(), message.name()), ("", "", "unnamed"));
        assert_eq!((message.from_user(), message.created_at()), (None, UnixSeconds::new(7)));
        assert_eq!(message.topic(), None);
    }

    #[test]
    fn a_field_in_another_form_is_named() {
        let named = |body| message(body).unwrap_err();
        assert_eq!(named(json!({ "CreateTime": "now" })), MalformedField("CreateTime"));
        assert_eq!(named(json!({ "CreateTime": -1 })), MalformedField("CreateTime"));
        assert_eq!(named(json!({ "FromUserName": "o <b>" })), MalformedField("FromUserName"));
    }

    #[test]
    fn a_name_that_its_sender_chose_is_not_shown() {
        for event in ["a b", "a\nb", "<x>", &"a".repeat(65)] {
            assert_eq!(message(json!({ "MsgType": "event", "Event": event })).unwrap().name(), "unnamed");
        }
    }

    #[test]
    fn the_entries_of_a_list_are_the_same_in_both_forms() {
        let event = |more: Value| {
            let mut body = json!({ "MsgType": "event", "Event": "subscribe_msg_sent_event" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            message(body).unwrap().entries().to_vec()
        };
        let entry = json!({ "TemplateId": "t", "MsgID": "1864323726461255680" });
        let entries = vec![entry.clone()];
        assert_eq!(event(json!({ "List": entry })), entries);
        assert_eq!(event(json!({ "List": [entry] })), entries);
        assert_eq!(event(json!({ "SubscribeMsgSentEvent": { "List": entry } })), entries);
        assert!(event(json!({ "List": "" })).is_empty());
    }
}
