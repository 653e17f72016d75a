//! The client of the open platform: one place that calls, judges answers and repeats.
//!
//! WeChat answers errors with HTTP 200 and an `errcode`, under any content type, so an answer is judged by its content.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{Class, Errcode, WeChatError, loose_json};
use crate::{
    host::{Host, HostError, Peer, Reach, Upstream},
    telemetry::{self, Metric},
    types::Secret,
};

/// What may be done when a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The call may be repeated whatever happened to the first.
    Always,
    /// The call has an effect each time: it is repeated when WeChat said "busy" or was never reached, and not when nobody knows
    /// whether it took effect.
    UnlessLost,
    /// The call may be repeated whatever happened, but only once.
    Once,
    /// The call spends a one-time code, so that it takes effect once at most. It is repeated once, when WeChat said "busy", was
    /// never reached or had a gateway answer in its place: a code that was spent all the same is refused then, and nothing
    /// happens twice. An answer that was lost on the way is not asked for again: the code is most likely spent.
    OneTimeCode,
}

/// The client; `WECHAT_API_BASE` says where the platform is, and its backup behind a comma.
#[derive(Clone)]
pub struct Client {
    host: Host,
    upstream: Arc<Upstream>,
}

/// One call: `GET`, or `POST` if it has a body.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The path; it also names the call in errors.
    pub path: &'static str,
    /// The query; it can hold secrets.
    pub query: &'a [(&'a str, &'a str)],
    /// The JSON body of a `POST`.
    pub body: Option<&'a Value>,
    /// What may be done when it fails.
    pub repeat: Repeat,
    /// What says that we may.
    pub access_token: Option<&'a Secret>,
}

impl<'a> Call<'a> {
    /// A `GET`, which may always be repeated.
    #[must_use]
    pub fn get(path: &'static str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { path, query, body: None, repeat: Repeat::Always, access_token: None }
    }

    /// The same with this token.
    #[must_use]
    pub fn with(self, access_token: &'a Secret) -> Self {
        Self { access_token: Some(access_token), ..self }
    }
}

impl Client {
    /// Reads `WECHAT_API_BASE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let upstream = Upstream::new(host, "WECHAT_API_BASE", Peer::OpenPlatform)?;
        Ok(Self { host: host.clone(), upstream: Arc::new(upstream) })
    }

    /// The answer's JSON if it is no error.
    ///
    /// # Errors
    /// [`WeChatError`], after at most two repetitions.
    pub async fn json(&self, call: &Call<'_>) -> Result<Map<String, Value>, WeChatError> {
        self.repeated(call, |body| judge(call.path, body)).await
    }

    /// The answer's bytes, if `accept` takes them for what they should be, such as a picture; anything else is judged as JSON
    /// and can only be an error.
    ///
    /// # Errors
    /// [`WeChatError`], after at most two repetitions.
    pub async fn bytes(&self, call: &Call<'_>, accept: fn(&[u8]) -> bool) -> Result<Vec<u8>, WeChatError> {
        let judge = |body: &[u8]| {
            if accept(body) {
                return Ok(body.to_vec());
            }
            judge(call.path, body)?;
            Err(WeChatError::Lost { path: call.path, cause: "the answer is JSON and no error".into() })
        };
        self.repeated(call, judge).await
    }

    async fn repeated<T>(
        &self,
        call: &Call<'_>,
        judge: impl Fn(&[u8]) -> Result<T, WeChatError>,
    ) -> Result<T, WeChatError> {
        let mut attempt = 1;
        let mut reach = match call.repeat {
            Repeat::Always | Repeat::Once => Reach::Either,
            Repeat::UnlessLost | Repeat::OneTimeCode => Reach::PrimaryOnly,
        };
        loop {
            let error = match self.once(call, reach).await.and_then(|body| judge(&body)) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            count(&error);
            let again = match &error {
                WeChatError::Refused { errcode, .. } => errcode.class() == Class::Busy,
                WeChatError::Unreachable { .. } => true,
                WeChatError::Gateway { .. } => call.repeat != Repeat::UnlessLost,
                WeChatError::Lost { .. } => matches!(call.repeat, Repeat::Always | Repeat::Once),
            };
            let attempts = match call.repeat {
                Repeat::Always | Repeat::UnlessLost => ATTEMPTS,
                Repeat::Once | Repeat::OneTimeCode => 2,
            };
            if !again || attempt == attempts {
                return Err(error);
            }
            attempt += 1;
            // It has not come to the platform, so that the other address can't know of it.
            if matches!(error, WeChatError::Unreachable { .. } | WeChatError::Gateway { .. }) {
                reach = Reach::Either;
            }
            tokio::time::sleep(self.pause()).await;
        }
    }

    async fn once(&self, call: &Call<'_>, reach: Reach) -> Result<Vec<u8>, WeChatError> {
        let path = call.path;
        let client =
            self.upstream.http().map_err(|error| WeChatError::Unreachable { path, cause: error.into() })?;
        let address = self.upstream.choose(reach);
        let mut url = reqwest::Url::parse(&format!("{}{path}", address.base()))
            .map_err(|error| WeChatError::Unreachable { path, cause: error.into() })?;
        let token = call.access_token.map(|token| ("access_token", token.expose()));
        url.query_pairs_mut().extend_pairs(token).extend_pairs(call.query);
        let request = match call.body {
            None => client.get(url),
            // serde_json writes non-ASCII characters as they are; some endpoints show escapes to users.
            Some(body) => client.post(url).json(body),
        };
        let answer = request.timeout(TOTAL).send().await;
        self.upstream.note(address, answer.as_ref().ok().map(reqwest::Response::status));
        // The URL holds secrets: no error may carry it.
        let answer = answer.map_err(|error| {
            let connect = error.is_connect();
            let cause = error.without_url().into();
            if connect { WeChatError::Unreachable { path, cause } } else { WeChatError::Lost { path, cause } }
        })?;
        let status = answer.status();
        let body = answer
            .bytes()
            .await
            .map_err(|error| WeChatError::Lost { path, cause: error.without_url().into() })?;
        if matches!(status.as_u16(), 502..=504) {
            return Err(WeChatError::Gateway { path, status: status.as_u16() });
        }
        if !status.is_success() {
            return Err(WeChatError::Lost { path, cause: format!("HTTP status {}", status.as_u16()).into() });
        }
        Ok(body.to_vec())
    }

    fn pause(&self) -> Duration {
        // 200 to 455 ms: those who failed together don't come back together.
        let [jitter] = self.host.random::<1>().unwrap_or_default();
        Duration::from_millis(200 + u64::from(jitter))
    }
}

fn judge(path: &'static str, body: &[u8]) -> Result<Map<String, Value>, WeChatError> {
    // No part of the body is quoted, because it can hold a session_key.
    let lost = || WeChatError::Lost { path, cause: "the answer is not a JSON object".into() };
    let answer = loose_json::read_object(body).ok_or_else(lost)?;
    let errcode = match answer.get("errcode") {
        None | Some(Value::Null) => 0,
        Some(Value::Number(number)) => number.as_i64().unwrap_or(i64::MIN),
        Some(Value::String(text)) => text.parse().unwrap_or(i64::MIN),
        Some(_) => i64::MIN,
    };
    match errcode {
        0 => Ok(answer),
        errcode => {
            let errmsg = answer.get("errmsg").and_then(Value::as_str).unwrap_or_default();
            let errcode = Errcode(errcode);
            Err(WeChatError::Refused { path, errcode, rid: rid(errmsg), detail: detail(errcode, errmsg) })
        }
    }
}

/// Counts what WeChat answered, or in which way it did not answer: an outage has no error number.
fn count(error: &WeChatError) {
    let code = match error {
        WeChatError::Refused { errcode, .. } => &errcode.to_string(),
        WeChatError::Unreachable { .. } => "unreachable",
        WeChatError::Gateway { status, .. } => &status.to_string(),
        WeChatError::Lost { .. } => "lost",
    };
    telemetry::record_metric(Metric::WeChatError(code));
}

/// `rid: xxxxxxxx-xxxxxxxx-xxxxxxxx`, which most messages end with.
fn rid(errmsg: &str) -> Option<String> {
    let (_, rest) = errmsg.split_once("rid: ")?;
    let rid: String = rest.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').take(40).collect();
    (!rid.is_empty()).then_some(rid)
}

/// What an operator or a caller must know beyond the number. The message's own words stay out: they are not for machines.
fn detail(errcode: Errcode, errmsg: &str) -> Option<String> {
    match errcode.0 {
        // "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist"
        40164 => {
            errmsg.split([' ', ',']).find(|word| word.parse::<std::net::IpAddr>().is_ok()).map(str::to_owned)
        }
        // "argument invalid! data.thing3.value invalid", or "data.thing3 is empty"
        47003 => {
            let key = errmsg.split(' ').find_map(|word| word.strip_prefix("data."))?;
            let key = key.strip_suffix(".value").unwrap_or(key);
            Some(key.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect())
        }
        _ => None,
    }
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
        assert_eq!(
            errcode("\u{feff}{\"errcode\":40226,\"errmsg\":\"high risk user\n rid: 1\"}\0"),
            Some(40226)
        );
    }

    #[test]
    fn a_body_that_is_no_json_object_is_no_answer() {
        for body in ["", "<html>", "[]", "null", "{'errcode':0}"] {
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

    #[test]
    fn a_refused_address_and_a_wrong_key_are_found_in_the_message() {
        let address = "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist, rid: 61725984-6126f6f9-040f19c4";
        assert_eq!(detail(Errcode(40164), address).as_deref(), Some("203.0.113.9"));
        let key = "argument invalid! data.thing3.value invalid rid: 1";
        assert_eq!(detail(Errcode(47003), key).as_deref(), Some("thing3"));
        assert_eq!(detail(Errcode(40001), address), None);
    }

    proptest! {
        #[test]
        fn judging_any_bytes_never_panics(body: Vec<u8>) {
            let _ = judge("/x", &body);
        }
    }
}
