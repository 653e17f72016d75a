//! What came in and what was delivered, without a secret in it.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::core::random;

/// Which way a logged exchange went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// The back end called WeChat.
    Upstream,
    /// WeChat called the back end.
    Delivery,
}

/// One exchange between the back end and WeChat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedCall {
    /// The order in which the exchanges ended.
    pub seq: u64,
    /// Unix milliseconds.
    pub time: u64,
    /// Which way it went.
    pub kind: CallKind,
    /// The HTTP method.
    pub method: String,
    /// The path of an upstream call, the whole URL of a delivery.
    pub path: String,
    /// The request's fields, secrets masked.
    pub request: Value,
    /// The HTTP status; absent if the connection closed without an answer.
    pub status: Option<u16>,
    /// `ok`, the errcode, the `err_code`, or what else came of it.
    pub outcome: String,
    /// The fault that hit this exchange.
    pub fault: Option<String>,
    /// The body a delivery was answered with.
    pub answer: Option<String>,
}

/// All exchanges, and what must never be seen in one.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: Vec<LoggedCall>,
    /// Session keys, access tokens and tickets.
    issued: HashSet<String>,
    secrets: Vec<String>,
}

impl CallLog {
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        Self { secrets: secrets.into_iter().collect(), ..Self::default() }
    }

    /// From now on the session key, access token or ticket is masked.
    pub(crate) fn add_secret(&mut self, secret: &str) {
        self.issued.insert(secret.to_owned());
    }

    /// Every secret that was ever held or issued.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.iter().chain(&self.issued).cloned().collect()
    }

    /// Appends the exchange, numbered and masked.
    pub(crate) fn push(&mut self, mut call: LoggedCall) {
        call.seq = u64::try_from(self.calls.len()).unwrap_or(u64::MAX).saturating_add(1);
        call.path = self.mask(&call.path);
        call.outcome = self.mask(&call.outcome);
        call.answer = call.answer.map(|answer| self.mask(&answer));
        call.request = self.mask_value(call.request);
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

    /// Hides every secret wherever it stands: a back end that sends one in the wrong field must not fill the
    /// log with it.
    fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            masked = masked.replace(secret, MASK);
        }
        let suspects = session_keys_in(text).chain(tokens_in(text));
        for found in suspects.filter(|found| self.issued.contains(*found)) {
            masked = masked.replace(found, MASK);
        }
        masked
    }
}

/// What has the form of a session key: the 24 characters that end in `==`.
fn session_keys_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("==").filter_map(move |(end, _)| text.get(end.checked_sub(22)?..end + 2))
}

/// What has the form of an access token or a ticket.
fn tokens_in(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !u8::try_from(c).is_ok_and(random::is_url_safe));
    words.filter(|word| word.len() >= 64)
}

const MASK: &str = "***";

/// Fields that are hidden even if their value is not a secret of ours: a mistyped secret is a secret too.
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
