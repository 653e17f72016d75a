//! The methods of the simulator that concern the message push and what hangs on it.

use serde_json::Value;

use super::Simulator;
use crate::core::push::{PushSettings, SignedPush};
use crate::services::content_security::media_check::MediaCheck;
use crate::services::customer_service::message::CustomerMessage;

impl Simulator {
    /// What the console says about the message push.
    pub fn push_settings(&self) -> PushSettings {
        self.parts.pushes.settings().clone()
    }

    /// Changes what the console says about the message push.
    pub fn set_push_settings(&self, settings: PushSettings) {
        *self.parts.pushes.settings() = settings;
    }

    /// Checks the address of the message push, as the console does when a developer saves it.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong: there is no address, or its answer is not exactly `echostr`.
    pub async fn check_push_url(&self) -> Result<(), String> {
        self.parts.pushes.check_url().await
    }

    /// Pushes an event or a message of this user, with exactly these fields. `ToUserName`, `FromUserName`, `CreateTime` and `MsgType`
    /// (`event`) are added where they are absent.
    ///
    /// # Panics
    ///
    /// If the message is no object, or the console has no address, because such a test would prove nothing.
    pub fn push(&self, openid: &str, message: Value) {
        let pushed = match message {
            Value::Object(message) => self.parts.pushes.push(openid, message),
            _ => false,
        };
        assert!(pushed, "nothing was pushed: the message is no object, or no address is set");
    }

    /// A push with a valid signature, and in secure mode a valid envelope, around exactly this text, for pushes that a back end must
    /// still refuse. `app_id` stands in the envelope, and `at` (unix seconds) is the timestamp.
    pub fn sign_push(&self, openid: &str, message: &str, app_id: &str, at: u64) -> SignedPush {
        self.parts.pushes.sign(openid, message, app_id, at)
    }

    /// Withdraws the user's consents to messages of this template, as the settings of the mini program do.
    pub fn withdraw_subscription(&self, openid: &str, template_id: &str) {
        self.parts.named.subscribe.withdraw(openid, template_id);
    }

    /// The messages of customer service that users received, oldest first.
    pub fn customer_messages(&self) -> Vec<CustomerMessage> {
        self.parts.named.customer.sent()
    }

    /// Whether the user sees that customer service is typing.
    pub fn sees_typing(&self, openid: &str) -> bool {
        self.parts.named.customer.typing().iter().any(|typing| typing == openid)
    }

    /// The checks of pictures and sounds, oldest first.
    pub fn media_checks(&self) -> Vec<MediaCheck> {
        self.parts.named.content_security.media_checks()
    }

    /// Judges a picture or a sound whose verdict the fault `verdict_stalled` holds back, and pushes the verdict.
    ///
    /// # Panics
    ///
    /// If no such verdict waits, because such a test would prove nothing.
    pub fn finish_media_check(&self, trace_id: &str) {
        let started = self.parts.named.content_security.finish_media_check(trace_id);
        assert_eq!(started, Ok(()));
    }
}
