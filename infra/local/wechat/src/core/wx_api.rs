//! The APIs `wx.*` that a mini program calls on the phone.
//!
//! A success is the object of the success callback. A failure is the object of the fail callback, with `errMsg` `<api>:fail
//! <why>`.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::core::user::User;

/// The arguments or the result of a call.
pub(crate) type WxArguments = Map<String, Value>;

/// The failure of a call, for the fail callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WxFailure {
    pub(crate) status: StatusCode,
    pub(crate) err_msg: String,
    pub(crate) err_code: i64,
}

/// An API `wx.<name>` with its handler.
#[derive(Clone)]
pub(crate) struct WxApi {
    name: &'static str,
    call: WxHandler,
}

/// How a call is handled.
#[derive(Clone)]
enum WxHandler {
    /// On the phone and at WeChat.
    AtOnce(Arc<LocalHandler>),
    /// With a request to another server.
    OverNetwork(Arc<NetworkHandler>),
}

type LocalHandler = dyn Fn(&User, &WxArguments) -> WxResult + Send + Sync;
type NetworkHandler = dyn Fn(WxArguments) -> BoxFuture<'static, WxResult> + Send + Sync;
type WxResult = Result<WxArguments, WxFailure>;

impl WxApi {
    /// The API `wx.<name>`, whose calls a function of the service handles.
    pub(crate) fn new<S: Send + Sync + 'static>(
        name: &'static str,
        service: &Arc<S>,
        call: fn(&S, &User, &WxArguments) -> Result<WxArguments, WxFailure>,
    ) -> Self {
        let service = Arc::clone(service);
        let handler = move |user: &User, arguments: &WxArguments| call(&service, user, arguments);
        Self { name, call: WxHandler::AtOnce(Arc::new(handler)) }
    }

    /// The API `wx.<name>`, whose calls lead to a request to another server.
    pub(crate) fn over_network<S: Send + Sync + 'static>(
        name: &'static str,
        service: &Arc<S>,
        call: fn(Arc<S>, WxArguments) -> BoxFuture<'static, Result<WxArguments, WxFailure>>,
    ) -> Self {
        let service = Arc::clone(service);
        let handler = move |arguments| call(Arc::clone(&service), arguments);
        Self { name, call: WxHandler::OverNetwork(Arc::new(handler)) }
    }
}

impl WxFailure {
    /// A failure with the general code, because the user or WeChat refuses.
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, err_msg: why.into(), err_code: GENERAL }
    }

    /// A failure because an argument is wrong.
    pub(crate) fn parameter(why: &str) -> Self {
        Self { err_code: PARAMETER, ..Self::new(format!("parameter error: {why}")) }
    }

    fn not_found(why: String) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::new(why) }
    }
}

/// Calls `wx.<api>` on the phone of the user whom the argument `openid` names.
pub(crate) async fn call_api(
    apis: &[WxApi],
    find_user: impl FnOnce(&str) -> Option<User>,
    api: &str,
    mut arguments: WxArguments,
) -> Result<WxArguments, WxFailure> {
    let found = apis
        .iter()
        .find(|known| known.name == api)
        .ok_or_else(|| {
            let known: Vec<_> = apis.iter().map(|known| known.name).collect();
            WxFailure::not_found(format!("unknown api; known: {}", known.join(", ")))
        })
        .and_then(|known| Ok((known, find_caller(find_user, arguments.remove("openid"))?)));
    let result = match found {
        Err(failure) => Err(failure),
        Ok((known, user)) => match &known.call {
            WxHandler::AtOnce(call) => call(&user, &arguments),
            WxHandler::OverNetwork(call) => call(arguments).await,
        },
    };
    match result {
        Ok(mut answer) => {
            answer.insert("errMsg".to_owned(), Value::from(format!("{api}:ok")));
            Ok(answer)
        }
        Err(failure) => Err(WxFailure { err_msg: format!("{api}:fail {}", failure.err_msg), ..failure }),
    }
}

/// The argument as text. The failure for another type names that type, as WeChat's does.
pub(crate) fn text_argument<'a>(arguments: &'a WxArguments, name: &str) -> Result<&'a str, WxFailure> {
    let type_name = match arguments.get(name) {
        Some(Value::String(text)) => return Ok(text),
        None => "Undefined",
        Some(Value::Null) => "Null",
        Some(Value::Bool(_)) => "Boolean",
        Some(Value::Number(_)) => "Number",
        Some(Value::Array(_)) => "Array",
        Some(Value::Object(_)) => "Object",
    };
    Err(WxFailure::parameter(&format!("parameter.{name} should be String instead of {type_name};")))
}

/// Whether `userChoice` says that the user refuses; without it the user accepts.
pub(crate) fn user_denies(arguments: &WxArguments) -> Result<bool, WxFailure> {
    match arguments.get("userChoice").map(Value::as_str) {
        None | Some(Some("accept")) => Ok(false),
        Some(Some("reject" | "cancel")) => Ok(true),
        Some(_) => Err(WxFailure::parameter("userChoice is \"accept\", \"reject\" or \"cancel\"")),
    }
}

fn find_caller(
    find_user: impl FnOnce(&str) -> Option<User>,
    openid: Option<Value>,
) -> Result<User, WxFailure> {
    let Some(Value::String(openid)) = openid else {
        return Err(WxFailure::parameter("the body needs \"openid\": whose phone is it?"));
    };
    find_user(&openid).ok_or_else(|| {
        WxFailure::not_found(format!(
            "unknown openid {openid}: create the user first with POST /_wechat/users"
        ))
    })
}

/// The code if WeChat documents no other.
const GENERAL: i64 = -1;

/// WeChat's common errno of a parameter error.
const PARAMETER: i64 = 1001;
