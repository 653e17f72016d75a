//! Subscribe messages: the user allows them one by one, the server sends them one by one.
//!
//! Documentation: "Subscribe message" (订阅消息).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html>

mod library;
pub(crate) mod send;
pub(crate) mod templates;
mod values;

pub use send::Message;
pub(crate) use templates::Templates;

use std::collections::HashMap;

use crate::faults::Fault;
use crate::state::State;

/// Who allowed what, and what was sent.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    /// How many messages may still be sent, by openid and template.
    left: HashMap<(String, String), u32>,
    sent: Vec<Message>,
}

impl Subscriptions {
    /// The user accepts: one more message of the template may be sent.
    pub(crate) fn accept(&mut self, openid: &str, template_id: &str) {
        *self.left.entry((openid.to_owned(), template_id.to_owned())).or_default() += 1;
    }

    /// The messages that were sent, oldest first.
    pub(crate) fn sent(&self) -> &[Message] {
        &self.sent
    }

    /// Sends the message if the user allowed it; whether it was sent.
    fn send(&mut self, message: Message) -> bool {
        let key = (message.openid.clone(), message.template_id.clone());
        match self.left.get_mut(&key) {
            Some(left) if *left > 0 => *left -= 1,
            _ => return false,
        }
        self.sent.push(message);
        true
    }
}

/// Whether the account has the template: any id that was not deleted, as nobody adds templates to a simulator,
/// unless a fault says otherwise.
pub(crate) fn is_known(state: &State, template_id: &str) -> bool {
    let unknown =
        |fault: &Fault| matches!(fault, Fault::TemplateUnknown { template_id: id } if id == template_id);
    !state.templates.is_deleted(template_id) && !state.faults.active().iter().any(unknown)
}
