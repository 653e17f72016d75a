//! The consents of users, and the messages that were sent.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::message::SubscribeMessage;

/// The users' consents and the sent messages.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Subscriptions {
    /// The number of messages that may still be sent, by openid and then by template.
    left: HashMap<String, HashMap<String, u32>>,
    pub(super) sent: Vec<SubscribeMessage>,
}

impl Subscriptions {
    /// Allows one more message of the template to the user.
    pub(super) fn accept(&mut self, openid: &str, template_id: &str) {
        *self.left.entry(openid.to_owned()).or_default().entry(template_id.to_owned()).or_default() += 1;
    }

    /// Uses up one consent for the message; `false` if the user has no consent left.
    pub(super) fn take_consent(&mut self, message: &SubscribeMessage) -> bool {
        let of_user = self.left.get_mut(&message.openid);
        match of_user.and_then(|of_user| of_user.get_mut(&message.template_id)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    /// Withdraws all consents of the user to messages of the template.
    pub(super) fn withdraw(&mut self, openid: &str, template_id: &str) {
        if let Some(of_user) = self.left.get_mut(openid) {
            of_user.remove(template_id);
        }
    }
}
