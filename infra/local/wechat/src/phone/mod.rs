//! The phone's side: what a mini program gets from `wx.*`.
//!
//! An answer is the success callback's object; a failure is the fail callback's, with `errMsg` `<api>:fail
//! <why>`.

mod cards;
mod login;
mod payment;
mod phone_number;
mod sealed;
mod soter;
mod subscribe;
mod user_info;
mod werun;

use http::StatusCode;
use serde_json::{Map, Value};

use crate::users::User;
use crate::wechat::WeChat;

/// The arguments of a call.
pub(crate) type Arguments = Map<String, Value>;

/// What goes to the fail callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) err_msg: String,
    pub(crate) err_code: i64,
}

type Api = fn(&WeChat, &User, &Arguments) -> Result<Arguments, Failure>;

/// Every `wx` API there is.
const APIS: &[(&str, Api)] = &[
    ("login", login::login),
    ("checkSession", login::check_session),
    ("getUserInfo", user_info::get_user_info),
    ("getUserProfile", user_info::get_user_info),
    ("getPhoneNumber", phone_number::get_phone_number),
    ("getWeRunData", werun::get_werun_data),
    ("requestPayment", payment::request_payment),
    ("checkIsSupportSoterAuthentication", soter::check_support),
    ("checkIsSoterEnrolledInDevice", soter::check_enrolled),
    ("startSoterAuthentication", soter::start),
    ("addCard", cards::add_card),
    ("openCard", cards::open_card),
    ("navigateToMiniProgram", cards::navigate_to_mini_program),
    ("requestSubscribeMessage", subscribe::request_subscribe_message),
];

impl Failure {
    /// The user or WeChat says no.
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, err_msg: why.into(), err_code: GENERAL }
    }

    /// The call itself is wrong.
    pub(crate) fn parameter(why: &str) -> Self {
        Self { err_code: PARAMETER, ..Self::new(format!("parameter error: {why}")) }
    }

    fn not_found(why: String) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::new(why) }
    }
}

/// Calls `wx.<api>` on the phone of the user whom `openid` names.
pub(crate) fn call(wechat: &WeChat, api: &str, mut arguments: Arguments) -> Result<Arguments, Failure> {
    let answered = APIS
        .iter()
        .find(|(name, _)| *name == api)
        .ok_or_else(|| {
            let known: Vec<_> = APIS.iter().map(|(name, _)| *name).collect();
            Failure::not_found(format!("unknown api; known: {}", known.join(", ")))
        })
        .and_then(|(_, run)| {
            let user = user_of(wechat, arguments.remove("openid"))?;
            run(wechat, &user, &arguments)
        });
    match answered {
        Ok(mut answer) => {
            answer.insert("errMsg".to_owned(), Value::from(format!("{api}:ok")));
            Ok(answer)
        }
        Err(failure) => Err(Failure { err_msg: format!("{api}:fail {}", failure.err_msg), ..failure }),
    }
}

/// The argument as text; WeChat refuses another type by name.
pub(crate) fn text<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, Failure> {
    let given = match arguments.get(name) {
        Some(Value::String(text)) => return Ok(text),
        None => "Undefined",
        Some(Value::Null) => "Null",
        Some(Value::Bool(_)) => "Boolean",
        Some(Value::Number(_)) => "Number",
        Some(Value::Array(_)) => "Array",
        Some(Value::Object(_)) => "Object",
    };
    Err(Failure::parameter(&format!("parameter.{name} should be String instead of {given};")))
}

/// Whether the user says no where the question is yes or no; without `userChoice` it is yes.
fn user_denies(arguments: &Arguments) -> Result<bool, Failure> {
    match arguments.get("userChoice").map(Value::as_str) {
        None | Some(Some("accept")) => Ok(false),
        Some(Some("reject" | "cancel")) => Ok(true),
        Some(_) => Err(Failure::parameter("userChoice is \"accept\", \"reject\" or \"cancel\"")),
    }
}

fn user_of(wechat: &WeChat, openid: Option<Value>) -> Result<User, Failure> {
    let Some(Value::String(openid)) = openid else {
        return Err(Failure::parameter("the body needs \"openid\": whose phone is it?"));
    };
    wechat.state().users.get(&openid).cloned().ok_or_else(|| {
        Failure::not_found(format!("unknown openid {openid}: create the user first with POST /_wechat/users"))
    })
}

/// Where WeChat tells no code of its own.
const GENERAL: i64 = -1;

/// WeChat's common errno of a parameter error.
const PARAMETER: i64 = 1001;
