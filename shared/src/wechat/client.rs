//! The client of the open platform: one place that calls, judges answers and repeats.
//!
//! WeChat answers errors with HTTP 200 and an `errcode`, under any content type, so an answer is judged by its content.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Class, Errcode, WeChatError};
use crate::host::{Host, HostError};

/// What may be done when a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The call may be repeated whatever happened to the first.
    Always,
    /// The call uses something up (a one-time code): it is repeated when WeChat said "busy" or was never reached, and not
    /// when the answer was lost.
    UnlessLost,
}

/// The client; `WECHAT_API_BASE` says where the platform is.
#[derive(Clone)]
pub struct Client {
    host: Host,
    base: String,
}

impl Client {
    /// Reads the setting.
    ///
    /// # Errors
    /// It is missing.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let base = host.var("WECHAT_API_BASE")?.trim_end_matches('/').to_owned();
        Ok(Self { host: host.clone(), base })
    }

    /// `GET path?query`; the answer's JSON if it is no error.
    ///
    /// # Errors
    /// [`WeChatError`], after at most two repetitions.
    pub async fn get(
        &self,
        path: &'static str,
        query: &[(&str, &str)],
        repeat: Repeat,
    ) -> Result<Value, WeChatError> {
        let mut attempt = 1;
        loop {
            let error = match self.get_once(path, query).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = match &error {
                WeChatError::Refused { errcode, .. } => errcode.class() == Class::Busy,
                WeChatError::Unreachable { .. } => true,
                WeChatError::Lost { .. } => repeat == Repeat::Always,
            };
            if !again || attempt == ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(self.pause()).await;
        }
    }

    async fn get_once(&self, path: &'static str, query: &[(&str, &str)]) -> Result<Value, WeChatError> {
        let client =
            self.host.http().map_err(|error| WeChatError::Unreachable { path, cause: error.into() })?;
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base))
            .map_err(|error| WeChatError::Unreachable { path, cause: error.into() })?;
        url.query_pairs_mut().extend_pairs(query);
        // The URL holds the AppSecret: no error may carry it.
        let answer = client.get(url).timeout(TOTAL).send().await.map_err(|error| {
            let connect = error.is_connect();
            let cause = error.without_url().into();
            if connect { WeChatError::Unreachable { path, cause } } else { WeChatError::Lost { path, cause } }
        })?;
        let status = answer.status();
        let body = answer
            .bytes()
            .await
            .map_err(|error| WeChatError::Lost { path, cause: error.without_url().into() })?;
        if !status.is_success() {
            return Err(WeChatError::Lost { path, cause: format!("HTTP status {}", status.as_u16()).into() });
        }
        judge(path, &body)
    }

    fn pause(&self) -> Duration {
        // 200 to 455 ms: those who failed together don't come back together.
        let [jitter] = self.host.random::<1>().unwrap_or_default();
        Duration::from_millis(200 + u64::from(jitter))
    }
}

fn judge(path: &'static str, body: &[u8]) -> Result<Value, WeChatError> {
    // The JSON error could quote the body, which can hold a session_key.
    let lost = |_| WeChatError::Lost { path, cause: "the answer is not a JSON object".into() };
    let answer: Map<String, Value> = serde_json::from_slice(body).map_err(lost)?;
    let errcode = match answer.get("errcode") {
        None => 0,
        Some(Value::Number(number)) => number.as_i64().unwrap_or(i64::MIN),
        Some(Value::String(text)) => text.parse().unwrap_or(i64::MIN),
        Some(_) => i64::MIN,
    };
    match errcode {
        0 => Ok(Value::Object(answer)),
        errcode => {
            let errmsg = answer.get("errmsg").and_then(Value::as_str).unwrap_or_default();
            Err(WeChatError::Refused { path, errcode: Errcode(errcode), rid: rid(errmsg) })
        }
    }
}

/// `rid: xxxxxxxx-xxxxxxxx-xxxxxxxx`, which most messages end with.
fn rid(errmsg: &str) -> Option<String> {
    let (_, rest) = errmsg.split_once("rid: ")?;
    let rid: String = rest.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').take(40).collect();
    (!rid.is_empty()).then_some(rid)
}

const ATTEMPTS: u32 = 3;
const TOTAL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn errcode(body: &str) -> Option<i64> {
        match judge("/x", body.as_bytes()) {
            Err(WeChatError::Refused { errcode, .. }) => Some(errcode.0),
            _ => None,
        }
    }

    #[test]
    fn an_answer_is_judged_by_its_errcode_whatever_its_type() {
        assert!(judge("/x", br#"{"openid":"o1"}"#).is_ok());
        assert!(judge("/x", br#"{"errcode":0,"errmsg":"ok"}"#).is_ok());
        assert!(judge("/x", br#"{"errcode":"0"}"#).is_ok());
        assert_eq!(errcode(r#"{"errcode":40029,"errmsg":"invalid code"}"#), Some(40029));
        assert_eq!(errcode(r#"{"errcode":"-1"}"#), Some(-1));
        assert_eq!(errcode(r#"{"errcode":[]}"#), Some(i64::MIN));
    }

    #[test]
    fn what_is_not_a_json_object_is_no_answer() {
        for body in ["", "<html>", "[]", "null", "\u{feff}{}"] {
            assert!(matches!(judge("/x", body.as_bytes()), Err(WeChatError::Lost { .. })), "{body}");
        }
    }

    #[test]
    fn the_rid_is_kept_and_nothing_else_of_the_message() {
        assert_eq!(
            rid("invalid code, rid: 61725984-6126f6f9-040f19c4").as_deref(),
            Some("61725984-6126f6f9-040f19c4")
        );
        assert_eq!(rid("invalid appsecret hunter2"), None);
    }

    proptest! {
        #[test]
        fn judging_any_bytes_never_panics(body: Vec<u8>) {
            let _ = judge("/x", &body);
        }
    }
}
