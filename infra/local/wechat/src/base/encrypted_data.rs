//! `encryptedData` and `iv`: data that WeChat encrypts for the server, and that the phone passes on. `cloudID` is beside them, as
//! the official typings (`miniprogram-api-typings`) have it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::base::open_data;
use crate::base::sessions::service::SessionService;
use crate::core::clock::SECOND;
use crate::core::context::Context;
use crate::core::faults::Fault;
use crate::core::random;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure};

/// Encrypts the fields and their watermark with the user's live session key.
pub(crate) fn encrypt_for_user(
    sessions: &SessionService,
    user: &User,
    fields: Value,
) -> Result<WxArguments, WxFailure> {
    let session_key = sessions.use_live_key(&user.openid);
    encrypt_with_key(&session_key, &sessions.context, fields)
}

/// Encrypts the fields and their watermark with this session key.
pub(crate) fn encrypt_with_key(
    session_key: &str,
    context: &Context,
    mut fields: Value,
) -> Result<WxArguments, WxFailure> {
    if let Some(fields) = fields.as_object_mut() {
        let watermark = json!({"timestamp": context.now() / SECOND, "appid": context.account().app_id});
        fields.insert("watermark".to_owned(), watermark);
    }
    let iv = random::bytes::<16>();
    let loose = context.take_fault(|fault| matches!(fault, Fault::LooseOpenData { .. })).is_some();
    let plaintext = if loose { as_loose_json(&fields) } else { fields.to_string() };
    let encrypted = open_data::encrypt(&plaintext, session_key, &iv)
        .ok_or_else(|| WxFailure::new("internal error: the session key is no key"))?;
    Ok(WxArguments::from_iter([
        ("encryptedData".to_owned(), Value::from(encrypted)),
        ("iv".to_owned(), Value::from(STANDARD.encode(iv))),
        ("cloudID".to_owned(), Value::from(random::cloud_id())),
    ]))
}

/// The JSON in the looser form that WeChat sometimes writes: raw control characters in the texts, a byte-order mark before them,
/// NULs behind.
fn as_loose_json(fields: &Value) -> String {
    format!("\u{feff}{}\0\0", with_raw_control_characters(&fields.to_string()))
}

/// Replaces the escapes of control characters by the characters themselves.
pub(crate) fn with_raw_control_characters(json: &str) -> String {
    (0..0x20_u8).map(char::from).fold(json.to_owned(), |json, c| {
        let escaped = Value::from(c.to_string()).to_string();
        json.replace(escaped.trim_matches('"'), &c.to_string())
    })
}
