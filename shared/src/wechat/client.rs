//! The client of the open platform: sends calls, recognizes errors, and retries by the call's [`RetryPolicy`].
//!
//! WeChat answers errors with HTTP 200 and an `errcode`, under any content type. So only the body of an answer says whether it is an
//! error.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};
use url::Url;

use super::{Errcode, WeChatError, loose_json};
use crate::{
    host::{
        AddressChoice, Backoff, FailureKind, Host, HostError, HttpResponse, RemoteService, RetryPolicy,
        Upstream, retry,
    },
    telemetry::{self, Metric},
    types::Secret,
};

/// The client of the open platform.
#[derive(Clone)]
pub struct Client {
    host: Host,
    upstream: Arc<Upstream>,
}

/// A file that a call uploads, in the field `media` of a form (`multipart/form-data`, RFC 7578).
#[derive(Clone, Copy)]
pub struct UploadFile<'a> {
    /// The file's name, which WeChat demands.
    pub filename: &'a str,
    /// The content type.
    pub content_type: &'a str,
    /// The content.
    pub bytes: &'a [u8],
    /// A random text that separates the parts of the form, which the content does not contain.
    pub boundary: &'a str,
}

impl UploadFile<'_> {
    /// The body of the request.
    fn form(&self) -> Vec<u8> {
        let Self { filename, content_type, bytes, boundary } = self;
        let head = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"media\"; filename=\"{filename}\"\r\n\
             content-type: {content_type}\r\n\r\n"
        );
        [head.as_bytes(), bytes, format!("\r\n--{boundary}--\r\n").as_bytes()].concat()
    }
}

/// One call: `GET`, or `POST` if it has a body or a file.
#[derive(Clone, Copy)]
pub struct WeChatCall<'a> {
    /// The path, which also names the call in errors.
    pub path: &'static str,
    /// The query, which can hold secrets.
    pub query: &'a [(&'a str, &'a str)],
    /// The JSON body of a `POST`.
    pub body: Option<&'a Value>,
    /// The file of a `POST` that uploads one, which then has no JSON body.
    pub file: Option<&'a UploadFile<'a>>,
    /// Which failures are followed by another attempt.
    pub retry: RetryPolicy,
    /// `access_token`, sent in the query. `None` for APIs that authenticate with appid and secret.
    pub access_token: Option<&'a Secret>,
}

impl<'a> WeChatCall<'a> {
    /// A `GET` without an `access_token`, which is retried after any failure.
    #[must_use]
    pub fn get(path: &'static str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { path, query, body: None, file: None, retry: RetryPolicy::AnyFailure, access_token: None }
    }

    /// The same call with this `access_token`.
    #[must_use]
    pub fn with_access_token(self, access_token: &'a Secret) -> Self {
        Self { access_token: Some(access_token), ..self }
    }
}

impl Client {
    /// Reads `WECHAT_API_BASE`: the platform's address, and its backup behind a comma.
    ///
    /// # Errors
    /// [`HostError`]: the variable is missing.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let upstream = Upstream::new(host, "WECHAT_API_BASE", RemoteService::OpenPlatform)?;
        Ok(Self { host: host.clone(), upstream: Arc::new(upstream) })
    }

    /// The JSON object of a successful answer.
    ///
    /// # Errors
    /// [`WeChatError`], after the attempts of the call's [`RetryPolicy`]. [`WeChatError::is_outcome_unknown`] says whether the call
    /// may have taken effect.
    pub async fn json(&self, call: &WeChatCall<'_>) -> Result<Map<String, Value>, WeChatError> {
        self.send(call, |body| parse_answer(call.path, body)).await
    }

    /// The bytes of a successful answer, such as a picture. `accept` says whether the bytes are such a file. Every other answer is
    /// read as JSON and is an error.
    ///
    /// # Errors
    /// As [`Client::json`].
    pub async fn bytes(
        &self,
        call: &WeChatCall<'_>,
        accept: fn(&[u8]) -> bool,
    ) -> Result<Vec<u8>, WeChatError> {
        let parse = |body: &[u8]| {
            if accept(body) {
                return Ok(body.to_vec());
            }
            parse_answer(call.path, body)?;
            Err(WeChatError::OutcomeUnknown {
                path: call.path,
                cause: "the answer is JSON and no error".into(),
            })
        };
        self.send(call, parse).await
    }

    async fn send<T>(
        &self,
        call: &WeChatCall<'_>,
        parse: impl Fn(&[u8]) -> Result<T, WeChatError>,
    ) -> Result<T, WeChatError> {
        let mut choice = match call.retry {
            RetryPolicy::AnyFailure | RetryPolicy::AnyFailureOneRetry => AddressChoice::PrimaryOrBackup,
            RetryPolicy::UnlessOutcomeUnknown | RetryPolicy::OneTimeCode | RetryPolicy::Never => {
                AddressChoice::PrimaryOnly
            }
        };
        let parse = &parse;
        retry(&self.host, call.retry, Backoff::Constant, WeChatError::failure_kind, |failure| {
            // The failed request has most likely not arrived at the primary address. If a gateway has passed it on all the same, of
            // the two policies only `OneTimeCode` retries, and WeChat refuses the spent code.
            if matches!(failure, Some(FailureKind::NotReached | FailureKind::Gateway)) {
                choice = AddressChoice::PrimaryOrBackup;
            }
            async move {
                let result = self.send_once(call, choice).await.and_then(|body| parse(&body));
                result.inspect_err(record_error)
            }
        })
        .await
    }

    async fn send_once(&self, call: &WeChatCall<'_>, choice: AddressChoice) -> Result<Vec<u8>, WeChatError> {
        let path = call.path;
        let client =
            self.upstream.http().map_err(|error| WeChatError::Unreachable { path, cause: error.into() })?;
        let address = self.upstream.choose_address(choice);
        let mut url = Url::parse(&format!("{}{path}", address.base_url()))
            .map_err(|error| WeChatError::Unreachable { path, cause: error.into() })?;
        let token = call.access_token.map(|token| ("access_token", token.expose()));
        url.query_pairs_mut().extend_pairs(token).extend_pairs(call.query);
        let request = match (call.file, call.body) {
            (None, None) => client.get(url.as_str()),
            // serde_json writes non-ASCII characters unescaped. That is needed, because some endpoints show escapes to users.
            (None, Some(body)) => client.post(url.as_str()).json(body),
            (Some(file), _) => {
                let content_type = format!("multipart/form-data; boundary={}", file.boundary);
                client.post(url.as_str()).header(http::header::CONTENT_TYPE, content_type).body(file.form())
            }
        };
        let response = request.timeout(ATTEMPT_TIMEOUT).send().await;
        self.upstream.record_response(address, response.as_ref().ok().map(HttpResponse::status));
        let response = response.map_err(|error| {
            let connect = error.is_connect();
            let cause = error.into();
            if connect {
                WeChatError::Unreachable { path, cause }
            } else {
                WeChatError::OutcomeUnknown { path, cause }
            }
        })?;
        let status = response.status();
        let body = response
            .bytes()
            .await
            .map_err(|error| WeChatError::OutcomeUnknown { path, cause: error.into() })?;
        if matches!(status.as_u16(), 502..=504) {
            return Err(WeChatError::Gateway { path, status: status.as_u16() });
        }
        if !status.is_success() {
            let cause = format!("HTTP status {}", status.as_u16()).into();
            return Err(WeChatError::OutcomeUnknown { path, cause });
        }
        Ok(body.to_vec())
    }
}

/// The JSON object that WeChat answered, if its `errcode` is absent or 0.
fn parse_answer(path: &'static str, body: &[u8]) -> Result<Map<String, Value>, WeChatError> {
    // No part of the body is quoted, because it can hold a session_key.
    let not_json = || WeChatError::OutcomeUnknown { path, cause: "the answer is not a JSON object".into() };
    let answer = loose_json::read_object(body).ok_or_else(not_json)?;
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

/// Records the metric `WeChatErrors`, with WeChat's error number. An outage has no error number, so its value says how the call
/// failed.
fn record_error(error: &WeChatError) {
    let code = match error {
        WeChatError::Refused { errcode, .. } => &errcode.to_string(),
        WeChatError::Unreachable { .. } => "unreachable",
        WeChatError::Gateway { status, .. } => &status.to_string(),
        WeChatError::OutcomeUnknown { .. } => "outcome-unknown",
    };
    telemetry::record_metric(Metric::WeChatError(code));
}

/// WeChat's id of the request, `xxxxxxxx-xxxxxxxx-xxxxxxxx`, which follows `rid: ` at the end of most messages.
fn rid(errmsg: &str) -> Option<String> {
    let (_, rest) = errmsg.split_once("rid: ")?;
    let rid: String = rest.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').take(40).collect();
    (!rid.is_empty()).then_some(rid)
}

/// The part of the message that an operator or a caller needs beside the error number. Its wording is left out, because WeChat changes
/// it.
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

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn errcode(body: &str) -> Option<i64> {
        match parse_answer("/x", body.as_bytes()) {
            Err(WeChatError::Refused { errcode, .. }) => Some(errcode.0),
            _ => None,
        }
    }

    #[test]
    fn an_errcode_is_read_as_number_or_text() {
        assert!(parse_answer("/x", br#"{"openid":"o1"}"#).is_ok());
        assert!(parse_answer("/x", br#"{"errcode":0,"errmsg":"ok"}"#).is_ok());
        assert!(parse_answer("/x", br#"{"errcode":"0"}"#).is_ok());
        assert_eq!(errcode(r#"{"errcode":40029,"errmsg":"invalid code"}"#), Some(40029));
        assert_eq!(errcode(r#"{"errcode":"-1"}"#), Some(-1));
        assert_eq!(errcode(r#"{"errcode":[]}"#), Some(i64::MIN));
        assert_eq!(
            errcode("\u{feff}{\"errcode\":40226,\"errmsg\":\"high risk user\n rid: 1\"}\0"),
            Some(40226)
        );
    }

    #[test]
    fn an_answer_that_is_no_json_object_has_an_unknown_outcome() {
        for body in ["", "<html>", "[]", "null", "{'errcode':0}"] {
            assert!(
                matches!(parse_answer("/x", body.as_bytes()), Err(WeChatError::OutcomeUnknown { .. })),
                "{body}"
            );
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
    fn a_refused_address_or_a_wrong_key_is_read_from_the_message() {
        let address = "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist, rid: 61725984-6126f6f9-040f19c4";
        assert_eq!(detail(Errcode(40164), address).as_deref(), Some("203.0.113.9"));
        let key = "argument invalid! data.thing3.value invalid rid: 1";
        assert_eq!(detail(Errcode(47003), key).as_deref(), Some("thing3"));
        assert_eq!(detail(Errcode(40001), address), None);
    }

    proptest! {
        #[test]
        fn parsing_any_bytes_never_panics(body: Vec<u8>) {
            let _ = parse_answer("/x", &body);
        }
    }
}
