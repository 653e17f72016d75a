//! What identifies a push, so that a repeated delivery is known.
//!
//! Messages have a `MsgId`. Events have none: they are identified by their sender, their time, their name and what they are about. A
//! verdict and a settlement are known by their own numbers alone, because a later delivery may have another time.

use super::{fields::text, message::PushedMessage};
use crate::crypto::{hex, sha256};

impl PushedMessage {
    /// The key of the message in the inbox: a digest in hexadecimal, so that no openid stands in it. It is the same for each delivery of
    /// the message, in XML as in JSON.
    #[must_use]
    pub fn push_id(&self) -> String {
        hex(&sha256(self.identity().join("\u{0}").as_bytes()))
    }

    fn identity(&self) -> Vec<String> {
        let body = self.body();
        let field = |name| text(body, name).map(|value| value.into_owned());
        let sender = || self.from_user().map(|user| user.as_str().to_owned()).unwrap_or_default();
        let name = || self.event().to_owned();
        if let Some(msg_id) = field("MsgId") {
            return vec!["MsgId".to_owned(), sender(), msg_id];
        }
        if let Some(trace_id) = field("trace_id") {
            return vec!["trace_id".to_owned(), name(), trace_id];
        }
        if let Some(transaction_id) = field("transaction_id") {
            let step = field("settlement_time").or_else(|| field("shipped_time")).unwrap_or_default();
            return vec!["transaction_id".to_owned(), name(), transaction_id, step];
        }
        let mut identity = vec!["event".to_owned(), sender(), self.created_at().get().to_string(), name()];
        identity.extend(self.about());
        identity
    }

    /// What an event is about: whatever of it can differ between two events of one sender in the same second.
    fn about(&self) -> Vec<String> {
        let fields = |value, names: &[&str]| -> Vec<String> {
            names
                .iter()
                .map(|name| text(value, name).map(|text| text.into_owned()).unwrap_or_default())
                .collect()
        };
        match self.event() {
            "user_enter_tempsession" => Vec::new(),
            "user_authorization_revoke" => fields(self.body(), &["OpenID", "RevokeInfo", "PluginID"]),
            _ if !self.entries().is_empty() => {
                let entry = |entry| fields(entry, &["TemplateId", "MsgID", "SubscribeStatusString"]);
                self.entries().iter().flat_map(entry).collect()
            }
            _ => vec![hex(&sha256(self.body().to_string().as_bytes()))],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::types::UnixSeconds;

    fn push_id(body: Value) -> String {
        let Value::Object(members) = body else { panic!("not an object") };
        PushedMessage::new(members, true, UnixSeconds::new(7)).unwrap().push_id()
    }

    fn event(name: &str, time: u64, more: Value) -> String {
        let mut body = json!({ "MsgType": "event", "FromUserName": "o1", "CreateTime": time, "Event": name });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        push_id(body)
    }

    #[test]
    fn a_message_is_known_by_its_number_in_either_form() {
        let text = |id: Value| {
            push_id(json!({ "MsgType": "text", "FromUserName": "o1", "CreateTime": 1, "MsgId": id }))
        };
        assert_eq!(text(json!(22_876_340_532_172_986_u64)), text(json!("22876340532172986")));
        assert_ne!(text(json!(1)), text(json!(2)));
        assert_eq!(text(json!(1)).len(), 64);
    }

    #[test]
    fn a_verdict_and_a_settlement_are_known_whatever_their_time() {
        let verdict = |time, trace: &str| event("wxa_media_check", time, json!({ "trace_id": trace }));
        assert_eq!(verdict(1, "a"), verdict(2, "a"));
        assert_ne!(verdict(1, "a"), verdict(1, "b"));
        let settlement = |time, more| event("trade_manage_order_settlement", time, more);
        let shipped = json!({ "transaction_id": "42", "shipped_time": 1, "settlement_time": "" });
        let settled = json!({ "transaction_id": "42", "shipped_time": 1, "settlement_time": "9" });
        assert_eq!(settlement(1, shipped.clone()), settlement(2, shipped.clone()));
        assert_ne!(settlement(1, shipped), settlement(1, settled));
    }

    #[test]
    fn an_event_is_known_by_what_it_is_about() {
        let sent = |id: &str| {
            let entry = json!({ "TemplateId": "t", "MsgID": id, "ErrorCode": 0 });
            [json!({ "List": entry }), json!({ "List": [entry] })]
                .map(|more| event("subscribe_msg_sent_event", 1, more))
        };
        let [one, same] = sent("1");
        assert_eq!(one, same);
        assert_ne!(one, sent("2")[0]);
        let revoke = |info: &str| event("user_authorization_revoke", 1, json!({ "RevokeInfo": info }));
        assert_ne!(revoke("201"), revoke("202"));
        let enter = |time, from: &str| event("user_enter_tempsession", time, json!({ "SessionFrom": from }));
        assert_eq!(enter(1, "a"), enter(1, "b"));
        assert_ne!(enter(1, "a"), enter(2, "a"));
        let other = |id: u8| event("add_express_path", 1, json!({ "WayBillId": id }));
        assert_ne!(other(1), other(2));
    }
}
