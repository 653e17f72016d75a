//! `wx.startSoterAuthentication`, and the APIs that a mini program calls before it.
//!
//! Documentation: "wx.startSoterAuthentication".
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/soter/wx.startSoterAuthentication.html>

use serde_json::{Value, json};

use super::devices::SALT;
use super::service::SoterService;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure, text_argument};

pub(super) fn check_support(_: &SoterService, _: &User, _: &WxArguments) -> Result<WxArguments, WxFailure> {
    Ok(WxArguments::from_iter([("supportMode".to_owned(), json!(MODES))]))
}

pub(super) fn check_enrolled(
    _: &SoterService,
    _: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    if !MODES.contains(&text_argument(arguments, "checkAuthMode")?) {
        return Err(fail(MODE_UNSUPPORTED, "the device does not support this mode"));
    }
    Ok(WxArguments::from_iter([("isEnrolled".to_owned(), Value::from(true))]))
}

/// The argument `saltLength`, which real phones do not have, sets the length of the salt.
pub(super) fn start_authentication(
    soter: &SoterService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let wrong_modes = || WxFailure::parameter("parameter.requestAuthModes should be an Array of String;");
    let modes = arguments.get("requestAuthModes").and_then(Value::as_array).ok_or_else(wrong_modes)?;
    let modes: Vec<&str> = modes.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(wrong_modes)?;
    let mode = modes
        .into_iter()
        .find(|mode| MODES.contains(mode))
        .ok_or_else(|| fail(MODE_UNSUPPORTED, "the device supports none of these modes"))?;
    let challenge = text_argument(arguments, "challenge")?;
    if !(1..=512).contains(&challenge.chars().count()) {
        return Err(fail(WRONG_CHALLENGE, "the challenge has 1 to 512 characters"));
    }
    let content = arguments.get("authContent").map_or(Ok(""), |_| text_argument(arguments, "authContent"))?;
    if content.chars().count() > 42 {
        return Err(fail(CONTENT_TOO_LONG, "authContent has at most 42 characters"));
    }
    let salt_length = match arguments.get("saltLength").map(|length| length.as_u64().map(usize::try_from)) {
        None => SALT,
        Some(Some(Ok(length))) if (SALT..=64).contains(&length) => length,
        Some(_) => return Err(WxFailure::parameter("saltLength is between 20 and 64")),
    };
    match arguments.get("userChoice").map(Value::as_str) {
        None | Some(Some("accept")) => {}
        Some(Some("reject" | "cancel")) => return Err(fail(CANCELLED, "cancel")),
        Some(Some("fail")) => return Err(fail(NOT_RECOGNISED, "authenticate fail")),
        Some(_) => return Err(WxFailure::parameter("userChoice is \"accept\", \"cancel\" or \"fail\"")),
    }
    let (json, signature) = soter.devices().sign_challenge(&user.openid, challenge, salt_length);
    Ok(WxArguments::from_iter([
        ("resultJSON".to_owned(), json.into()),
        ("resultJSONSignature".to_owned(), signature.into()),
        ("authMode".to_owned(), mode.into()),
        ("errCode".to_owned(), 0.into()),
    ]))
}

fn fail(err_code: i64, why: &str) -> WxFailure {
    WxFailure { err_code, ..WxFailure::new(why) }
}

/// The modes that every simulated phone supports and has enrolled.
const MODES: [&str; 2] = ["fingerPrint", "facial"];

const MODE_UNSUPPORTED: i64 = 90_003;
const WRONG_CHALLENGE: i64 = 90_004;
const CONTENT_TOO_LONG: i64 = 90_005;
const CANCELLED: i64 = 90_008;
const NOT_RECOGNISED: i64 = 90_009;
