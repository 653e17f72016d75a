//! Sends pushes to the address in the console, and checks that address as the console does.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Map, Value, json};

use super::answer::check_acknowledgement;
use super::envelope::signature;
use super::signer::PushSigner;
use super::{PushSettings, SignedPush};
use crate::core::clock::SECOND;
use crate::core::context::Context;
use crate::core::lock::lock;
use crate::core::log::{CallKind, LoggedCall};
use crate::core::notices::{ACKNOWLEDGED, Delivery, NOT_ACKNOWLEDGED, NoticeSender};
use crate::core::random;

/// Sends pushes, with the settings of the console.
pub(crate) struct PushSender {
    context: Arc<Context>,
    notices: NoticeSender,
    settings: Mutex<PushSettings>,
}

impl PushSender {
    pub(crate) fn new(context: &Arc<Context>, notices: &NoticeSender, settings: PushSettings) -> Self {
        Self { context: Arc::clone(context), notices: notices.clone(), settings: Mutex::new(settings) }
    }

    /// The settings, locked. A leaf lock.
    pub(crate) fn settings(&self) -> MutexGuard<'_, PushSettings> {
        lock(&self.settings)
    }

    /// The sender, for work that [`NoticeSender::wait_until_idle`] waits for.
    pub(crate) fn notices(&self) -> &NoticeSender {
        &self.notices
    }

    /// Pushes a message or an event of the user. `ToUserName`, `FromUserName`, `CreateTime` and `MsgType` are added where they are
    /// absent. Returns whether the console has an address to push to.
    pub(crate) fn push(&self, openid: &str, message: Map<String, Value>) -> bool {
        let settings = self.settings().clone();
        let Some(url) = settings.url else { return false };
        let message = self.complete(openid, message);
        let signer = PushSigner {
            context: Arc::clone(&self.context),
            mode: settings.mode,
            format: settings.format,
            openid: openid.to_owned(),
        };
        let body = signer.write(&message);
        self.notices.send(Delivery {
            url,
            content_type: settings.format.content_type(),
            forged: body.clone(),
            body,
            signer: Some(Arc::new(signer)),
            summary: Value::Object(message),
            check_answer: check_acknowledgement,
            redeliveries: &REDELIVERIES,
        });
        true
    }

    /// Pushes an event of subscribe messages, if the settings say so.
    pub(crate) fn push_subscribe_event(&self, openid: &str, event: &str, list: Value) {
        if self.settings().subscribe_events {
            // Numbers are texts in these events.
            let at = (self.context.now() / SECOND).to_string();
            let message = json!({"Event": event, "CreateTime": at, "List": list});
            self.push(openid, message.as_object().cloned().unwrap_or_default());
        }
    }

    /// A genuine push of exactly this text, in the name of this mini program, at this time (unix seconds).
    pub(crate) fn sign(&self, openid: &str, message: &str, app_id: &str, at: u64) -> SignedPush {
        let PushSettings { mode, format, .. } = *self.settings();
        let signer =
            PushSigner { context: Arc::clone(&self.context), mode, format, openid: openid.to_owned() };
        let request = signer.sign_at(message, app_id, at);
        SignedPush { query: request.query, content_type: format.content_type(), body: request.body }
    }

    /// Checks the address as the console does when a developer saves it: the answer to the GET must be exactly `echostr`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with the answer.
    pub(crate) async fn check_url(&self) -> Result<(), String> {
        let url = self.settings().url.clone().ok_or("no address is set: PUT /_wechat/push/settings")?;
        let (timestamp, nonce) =
            ((self.context.now() / SECOND).to_string(), random::digits(&random::bytes::<9>()));
        let signature = signature([&self.context.account().push_token, &timestamp, &nonce]);
        let echostr = random::digits(&random::bytes::<19>());
        let query = format!("signature={signature}&timestamp={timestamp}&nonce={nonce}&echostr={echostr}");
        let mut call = LoggedCall {
            seq: 0,
            time: self.context.now(),
            kind: CallKind::Delivery,
            method: "GET".to_owned(),
            path: url.clone(),
            request: json!({"timestamp": timestamp, "nonce": nonce, "echostr": echostr}),
            status: None,
            outcome: String::new(),
            fault: None,
            answer: None,
        };
        let result = match self.notices.get(&format!("{url}?{query}")).await {
            Ok((status, answer)) => {
                call.status = Some(status);
                call.answer = Some(answer.clone());
                match status {
                    200 if answer == echostr => Ok(()),
                    200 => Err("the answer is not echostr".to_owned()),
                    _ => Err(format!("HTTP {status}")),
                }
            }
            Err(why) => Err(why),
        };
        call.outcome = match &result {
            Ok(()) => ACKNOWLEDGED.to_owned(),
            Err(why) => format!("{NOT_ACKNOWLEDGED}: {why}"),
        };
        self.context.log().push(call);
        result
    }

    fn complete(&self, openid: &str, mut message: Map<String, Value>) -> Map<String, Value> {
        let account = self.context.account();
        for (name, value) in [
            ("ToUserName", json!(account.original_id)),
            ("FromUserName", json!(openid)),
            ("CreateTime", json!(self.context.now() / SECOND)),
            ("MsgType", json!("event")),
        ] {
            message.entry(name).or_insert(value);
        }
        message
    }
}

/// The wait before each redelivery, in seconds. WeChat says that a push is sent three times in all, and not how long it waits.
const REDELIVERIES: [u64; 2] = [5, 5];
