//! The platform's server API, `api.weixin.qq.com`: JSON, HTTP 200 even for errors, `errcode` and `errmsg`.
//!
//! `access.rs` checks what all APIs with an `access_token` have in common. Each product has a folder in `services/`.

use std::borrow::Cow;
use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::core::context::Context;
use crate::core::exchange::{ApiRequest, ApiResponse, Route};
use crate::core::family::Family;
use crate::core::faults::Fault;
use crate::core::random;

/// An error of the platform: the errcode and the text of `errmsg` before the request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Errcode {
    pub(crate) errcode: i64,
    message: Cow<'static, str>,
    /// The fields that some APIs answer beside the errcode.
    details: Option<Value>,
}

impl Errcode {
    pub(crate) const fn new(errcode: i64, message: &'static str) -> Self {
        Self { errcode, message: Cow::Borrowed(message), details: None }
    }

    /// Adds fields beside the errcode.
    pub(crate) fn with_details(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }

    /// An error whose text names the wrong field.
    pub(crate) const fn with_message(errcode: i64, message: String) -> Self {
        Self { errcode, message: Cow::Owned(message), details: None }
    }
}

/// The query and the fields of the body, for the log.
pub(crate) fn summary(request: &ApiRequest) -> Value {
    let mut fields: Map<String, Value> =
        request.query.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect();
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => fields.extend(body),
        _ if request.body.is_empty() => {}
        _ => {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            fields.insert("body".to_owned(), Value::from(text));
        }
    }
    Value::Object(fields)
}

/// The response of an API whose successes have no `errcode`.
pub(crate) fn json_response(fields: &Value) -> ApiResponse {
    ApiResponse {
        status: StatusCode::OK,
        content_type: JSON,
        headers: Vec::new(),
        body: fields.to_string().into(),
        outcome: "ok".to_owned(),
    }
}

/// The response of an API whose successes have errcode 0.
pub(crate) fn ok_response(mut fields: Value) -> ApiResponse {
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("errcode".to_owned(), Value::from(0));
        fields.insert("errmsg".to_owned(), Value::from("ok"));
    }
    json_response(&fields)
}

/// The response for an error: HTTP 200, too. Its `errmsg` ends with a request id.
pub(crate) fn error_response(context: &Context, error: Errcode) -> ApiResponse {
    let Errcode { errcode, message, details } = error;
    let rid = random::rid(context.now());
    let mut fields = details.unwrap_or_else(|| json!({}));
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("errcode".to_owned(), Value::from(errcode));
        fields.insert("errmsg".to_owned(), Value::from(format!("{message}, rid: {rid}")));
    }
    ApiResponse { outcome: errcode.to_string(), ..json_response(&fields) }
}

/// A function of a service that answers a request.
type Handle<S> = fn(&S, &ApiRequest, Option<&Fault>) -> ApiResponse;

/// A route of an API that is called with an appid and its secret.
pub(crate) fn secret_route<S: Send + Sync + 'static>(
    path: &'static str,
    service: &Arc<S>,
    handle: Handle<S>,
) -> Route {
    Route::new(path, Family::Secret, summary, service, handle)
}

/// A route of an API that is called with an `access_token`.
pub(crate) fn token_route<S: Send + Sync + 'static>(
    path: &'static str,
    service: &Arc<S>,
    handle: Handle<S>,
) -> Route {
    Route::new(path, Family::Token, summary, service, handle)
}

/// A route of an API that is called with an `access_token` and answers a picture.
pub(crate) fn picture_route<S: Send + Sync + 'static>(
    path: &'static str,
    service: &Arc<S>,
    handle: Handle<S>,
) -> Route {
    Route::new(path, Family::Picture, summary, service, handle)
}

/// The route for every path that no API has.
pub(crate) fn unknown_path(context: &Arc<Context>) -> Route {
    secret_route("", context, |context, _, _| ApiResponse {
        status: StatusCode::NOT_FOUND,
        ..error_response(context, Errcode::new(40066, "invalid url"))
    })
}

/// The errcode that a fault of the platform causes.
pub(crate) fn errcode_of_fault(fault: Option<&Fault>) -> Option<Errcode> {
    match fault {
        Some(Fault::Busy { .. }) => Some(BUSY),
        Some(Fault::Quota { .. }) => Some(DAY_QUOTA),
        Some(Fault::IpRefused { address, .. }) => Some(ip_refused(address)),
        Some(Fault::Errcode { errcode: 40164, .. }) => Some(ip_refused("203.0.113.9")),
        Some(Fault::Errcode { errcode, .. }) => {
            let known = KNOWN.into_iter().find(|known| known.errcode == *errcode);
            Some(known.unwrap_or_else(|| Errcode::new(*errcode, "error")))
        }
        _ => None,
    }
}

/// WeChat's text has the address twice: as it is and as IPv6.
fn ip_refused(address: &str) -> Errcode {
    let prefix = if address.contains(':') { "" } else { "::ffff:" };
    Errcode::with_message(40164, format!("invalid ip {address} ipv6 {prefix}{address}, not in whitelist"))
}

/// The content type of most APIs.
pub(crate) const JSON: &str = "application/json; encoding=utf-8";

pub(crate) const BUSY: Errcode = Errcode::new(-1, "system error");
pub(crate) const INVALID_CREDENTIAL: Errcode =
    Errcode::new(40001, "invalid credential, access_token is invalid or not latest");
pub(crate) const INVALID_GRANT_TYPE: Errcode = Errcode::new(40002, "invalid grant_type");
pub(crate) const INVALID_OPENID: Errcode = Errcode::new(40003, "invalid openid");
pub(crate) const INVALID_MEDIA_ID: Errcode = Errcode::new(40007, "invalid media_id");
pub(crate) const INVALID_APPID: Errcode = Errcode::new(40013, "invalid appid");
pub(crate) const INVALID_TOKEN: Errcode = Errcode::new(40014, "invalid access_token");
pub(crate) const INVALID_CODE: Errcode = Errcode::new(40029, "invalid code");
pub(crate) const INVALID_TEMPLATE: Errcode = Errcode::new(40037, "invalid template_id");
pub(crate) const INVALID_ARGUMENT: Errcode = Errcode::new(40097, "invalid args");
pub(crate) const INVALID_SECRET: Errcode = Errcode::new(40125, "invalid appsecret");
pub(crate) const CODE_USED: Errcode = Errcode::new(40163, "code been used");
pub(crate) const LOGIN_BLOCKED: Errcode = Errcode::new(40226, "code blocked");
pub(crate) const TOKEN_MISSING: Errcode = Errcode::new(41001, "access_token missing");
pub(crate) const APPID_MISSING: Errcode = Errcode::new(41002, "appid missing");
pub(crate) const SECRET_MISSING: Errcode = Errcode::new(41004, "appsecret missing");
pub(crate) const CODE_MISSING: Errcode = Errcode::new(41008, "missing code");
pub(crate) const TOKEN_EXPIRED: Errcode = Errcode::new(42001, "access_token expired");
pub(crate) const GET_REQUIRED: Errcode = Errcode::new(43001, "require GET method");
pub(crate) const POST_REQUIRED: Errcode = Errcode::new(43002, "require POST method");
pub(crate) const EMPTY_BODY: Errcode = Errcode::new(44002, "empty post data");
pub(crate) const DAY_QUOTA: Errcode = Errcode::new(45009, "reach max api daily quota limit");
pub(crate) const MINUTE_QUOTA: Errcode =
    Errcode::new(45011, "api minute-quota reach limit, must slower, retry next minute");
pub(crate) const NOT_JSON: Errcode = Errcode::new(47001, "data format error");
pub(crate) const UNAUTHORIZED: Errcode = Errcode::new(48001, "api unauthorized");

/// The errcodes whose texts are known, for faults that name an errcode. Any other errcode gets the text "error".
const KNOWN: [Errcode; 25] = [
    BUSY,
    INVALID_CREDENTIAL,
    INVALID_GRANT_TYPE,
    INVALID_OPENID,
    INVALID_MEDIA_ID,
    INVALID_APPID,
    INVALID_TOKEN,
    INVALID_CODE,
    INVALID_TEMPLATE,
    INVALID_ARGUMENT,
    INVALID_SECRET,
    CODE_USED,
    LOGIN_BLOCKED,
    TOKEN_MISSING,
    APPID_MISSING,
    SECRET_MISSING,
    CODE_MISSING,
    TOKEN_EXPIRED,
    GET_REQUIRED,
    POST_REQUIRED,
    EMPTY_BODY,
    DAY_QUOTA,
    MINUTE_QUOTA,
    NOT_JSON,
    UNAUTHORIZED,
];
