//! Who allowed how many messages, and which messages were sent.

use std::collections::HashMap;

use super::message::SubscribeMessage;

/// Who allowed what, and what was sent.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// How many messages may still be sent, by openid and template.
    left: HashMap<(String, String), u32>,
    pub(super) sent: Vec<SubscribeMessage>,
}

impl Subscriptions {
    /// The user accepts: one more message of the template may be sent.
    pub(super) fn accept(&mut self, openid: &str, template_id: &str) {
        *self.left.entry((openid.to_owned(), template_id.to_owned())).or_default() += 1;
    }

    /// Sends the message if the user allowed it; whether it was sent.
    pub(super) fn send(&mut self, message: SubscribeMessage) -> bool {
        let key = (message.openid.clone(), message.template_id.clone());
        match self.left.get_mut(&key) {
            Some(left) if *left > 0 => *left -= 1,
            _ => return false,
        }
        self.sent.push(message);
        true
    }
}
