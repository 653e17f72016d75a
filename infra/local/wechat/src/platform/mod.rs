//! The platform's server API, `api.weixin.qq.com`: JSON, HTTP 200 even for errors, `errcode` and `errmsg`.

pub(crate) mod login;
mod sessions;

pub(crate) use sessions::{Exchange, Sessions};

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::faults::Fault;
use crate::random;
use crate::upstream::{Answer, Received};
use crate::wechat::WeChat;

/// A refusal: the errcode and what the `errmsg` says before the request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) i64, pub(crate) &'static str);

/// The query, for the log.
pub(crate) fn summary(received: &Received) -> Value {
    let fields: Map<String, Value> =
        received.query.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect();
    Value::Object(fields)
}

/// A success carries no `errcode`.
pub(crate) fn success(fields: &Value) -> Answer {
    Answer {
        status: StatusCode::OK,
        content_type: CONTENT_TYPE,
        body: fields.to_string(),
        outcome: "ok".to_owned(),
    }
}

/// An error is HTTP 200 as well; its text ends in a request id.
pub(crate) fn failure(wechat: &WeChat, Refusal(errcode, message): Refusal) -> Answer {
    let rid = random::rid(wechat.now());
    Answer {
        status: StatusCode::OK,
        content_type: CONTENT_TYPE,
        body: json!({"errcode": errcode, "errmsg": format!("{message}, rid: {rid}")}).to_string(),
        outcome: errcode.to_string(),
    }
}

/// A path no API has.
pub(crate) fn unknown_path(wechat: &WeChat) -> Answer {
    Answer { status: StatusCode::NOT_FOUND, ..failure(wechat, Refusal(40066, "invalid url")) }
}

/// What a fault of this family makes WeChat say.
pub(crate) fn refusal_of(fault: Option<&Fault>) -> Option<Refusal> {
    match fault {
        Some(Fault::Busy { .. }) => Some(BUSY),
        Some(Fault::Errcode { errcode, .. }) => {
            Some(KNOWN.into_iter().find(|known| known.0 == *errcode).unwrap_or(Refusal(*errcode, "error")))
        }
        _ => None,
    }
}

/// JSON under this type: callers must not rely on the header.
const CONTENT_TYPE: &str = "text/plain";

pub(crate) const BUSY: Refusal = Refusal(-1, "system error");
pub(crate) const INVALID_GRANT_TYPE: Refusal = Refusal(40002, "invalid grant_type");
pub(crate) const INVALID_APPID: Refusal = Refusal(40013, "invalid appid");
pub(crate) const INVALID_CODE: Refusal = Refusal(40029, "invalid code");
pub(crate) const INVALID_SECRET: Refusal = Refusal(40125, "invalid appsecret");
pub(crate) const CODE_USED: Refusal = Refusal(40163, "code been used");
pub(crate) const LOGIN_BLOCKED: Refusal = Refusal(40226, "code blocked");
pub(crate) const APPID_MISSING: Refusal = Refusal(41002, "appid missing");
pub(crate) const SECRET_MISSING: Refusal = Refusal(41004, "appsecret missing");
pub(crate) const CODE_MISSING: Refusal = Refusal(41008, "missing code");
pub(crate) const GET_REQUIRED: Refusal = Refusal(43001, "require GET method");
pub(crate) const MINUTE_QUOTA: Refusal =
    Refusal(45011, "api minute-quota reach limit, must slower, retry next minute");

/// The texts of the errcodes a fault may ask for; another errcode gets a bare text, as nobody may match on
/// texts.
const KNOWN: [Refusal; 13] = [
    BUSY,
    INVALID_GRANT_TYPE,
    INVALID_APPID,
    INVALID_CODE,
    INVALID_SECRET,
    CODE_USED,
    LOGIN_BLOCKED,
    APPID_MISSING,
    SECRET_MISSING,
    CODE_MISSING,
    GET_REQUIRED,
    MINUTE_QUOTA,
    Refusal(40164, "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist"),
];
