//! The log of all calls to WeChat and all notices that were delivered. It contains no secrets.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::core::random;

/// The direction of a logged call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// The back end called WeChat.
    Upstream,
    /// WeChat called the back end.
    Delivery,
}

/// A call of the back end to WeChat, or a delivery of a notice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedCall {
    /// The position in the log, counted from 1 in the order in which calls ended.
    pub seq: u64,
    /// Unix milliseconds.
    pub time: u64,
    /// The direction.
    pub kind: CallKind,
    /// The HTTP method.
    pub method: String,
    /// The path of a call to WeChat, or the whole URL of a delivery.
    pub path: String,
    /// The request's fields with secrets masked.
    pub request: Value,
    /// The HTTP status; absent if the connection closed without an answer.
    pub status: Option<u16>,
    /// `ok`, the errcode, the `err_code`, or another short description of the result.
    pub outcome: String,
    /// The name of the fault that applied to this call.
    pub fault: Option<String>,
    /// The body of the back end's answer to a delivery.
    pub answer: Option<String>,
}

/// Is called with every call when it is logged, with secrets masked.
pub type CallObserver = Box<dyn Fn(&LoggedCall) + Send + Sync>;

/// All calls, and the secrets that are masked in them.
#[derive(Default)]
pub(crate) struct CallLog {
    calls: Vec<LoggedCall>,
    /// Session keys, access tokens and tickets that were issued.
    issued: HashSet<String>,
    secrets: Vec<String>,
    observer: Option<CallObserver>,
}

impl CallLog {
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        Self { secrets: secrets.into_iter().collect(), ..Self::default() }
    }

    /// Sets the observer of all calls from now on. It must not use the simulator, because the log is locked.
    pub(crate) fn set_observer(&mut self, observer: CallObserver) {
        self.observer = Some(observer);
    }

    /// Adds a session key, access token or ticket, which is masked from now on.
    pub(crate) fn add_secret(&mut self, secret: &str) {
        self.issued.insert(secret.to_owned());
    }

    /// Session keys, access tokens and tickets that were issued.
    pub(crate) fn issued(&self) -> impl Iterator<Item = &String> {
        self.issued.iter()
    }

    /// Every secret of the account, and every secret that was issued.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.iter().chain(&self.issued).cloned().collect()
    }

    /// Appends a call, with its number and with secrets masked.
    pub(crate) fn push(&mut self, mut call: LoggedCall) {
        call.seq = u64::try_from(self.calls.len()).unwrap_or(u64::MAX).saturating_add(1);
        call.path = self.mask(&call.path);
        call.outcome = self.mask(&call.outcome);
        call.answer = call.answer.map(|answer| self.mask(&answer));
        call.request = self.mask_value(call.request);
        if let Some(observe) = &self.observer {
            observe(&call);
        }
        self.calls.push(call);
    }

    pub(crate) fn calls(&self) -> &[LoggedCall] {
        &self.calls
    }

    fn mask_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.mask(&text)),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| self.mask_value(item)).collect())
            }
            Value::Object(fields) => Value::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| {
                        let hidden = SECRET_FIELDS.contains(&name.as_str());
                        let value = if hidden { Value::from(MASK) } else { self.mask_value(value) };
                        (self.mask(&name), value)
                    })
                    .collect::<Map<_, _>>(),
            ),
            other => other,
        }
    }

    /// Masks every secret in the text, because a back end may send a secret in the wrong field.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        // Most texts are names and numbers, in which no secret has room: every search costs.
        for secret in self.secrets.iter().filter(|secret| (1..=text.len()).contains(&secret.len())) {
            masked = masked.replace(secret, MASK);
        }
        let suspects = session_keys_in(text).chain(tokens_in(text));
        for found in suspects.filter(|found| self.issued.contains(*found)) {
            masked = masked.replace(found, MASK);
        }
        masked
    }
}

/// The parts of the text that have the form of a session key: 24 characters that end in `==`.
fn session_keys_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("==").filter_map(move |(end, _)| text.get(end.checked_sub(22)?..end + 2))
}

/// The parts of the text that have the form of an access token or a ticket.
fn tokens_in(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !u8::try_from(c).is_ok_and(random::is_url_safe));
    words.filter(|word| word.len() >= 64)
}

const MASK: &str = "***";

/// Fields that are masked even if their value is no known secret, because a mistyped secret is a secret too.
const SECRET_FIELDS: [&str; 5] = ["secret", "session_key", "access_token", "ticket", "key"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(request: Value) -> LoggedCall {
        LoggedCall {
            seq: 0,
            time: 0,
            kind: CallKind::Upstream,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            request,
            status: Some(200),
            outcome: "ok".to_owned(),
            fault: None,
            answer: Some("said topsecret".to_owned()),
        }
    }

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        let mut log = CallLog::new(["topsecret".to_owned()]);
        log.add_secret("HyVFkGl5F5OQWJZZaNzBBg==");
        let token = random::access_token();
        log.add_secret(&token);
        log.push(call(json!({
            "secret": "mistyped",
            "body": "it is topsecret",
            "url": format!("/x?access_token={token}&y=1"),
            "list": ["x HyVFkGl5F5OQWJZZaNzBBg== y", "tiihtNczf5v6AKRyjwEUhQ=="],
        })));
        let shown = serde_json::to_string(log.calls()).unwrap();
        assert!(
            ["topsecret", "HyVFk", "mistyped", &token].iter().all(|secret| !shown.contains(secret)),
            "{shown}"
        );
        assert!(shown.contains("tiihtNczf5v6AKRyjwEUhQ=="));
    }

    #[test]
    fn exchanges_are_numbered_from_one() {
        let mut log = CallLog::default();
        log.push(call(json!({})));
        log.push(call(json!({})));
        assert_eq!(log.calls().iter().map(|call| call.seq).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn masking_survives_text_that_is_not_ascii() {
        let mut log = CallLog::default();
        log.push(call(json!({"body": "矿泉水矿泉水矿泉水矿泉水=="})));
        assert_eq!(log.calls().len(), 1);
    }
}
