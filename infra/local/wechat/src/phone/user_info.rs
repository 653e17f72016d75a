//! `wx.getUserInfo` and `wx.getUserProfile`, as anonymous as they are today.
//!
//! Documentation: "wx.getUserInfo" and "Signature, verification and encryption/decryption of open data".
//! `rawData` is signed and the full data encrypted with the session key that is live now, whether or not the
//! server knows it.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/user-info/wx.getUserInfo.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Arguments, Failure};
use crate::clock::SECOND;
use crate::users::User;
use crate::wechat::WeChat;
use crate::{open_data, random};

pub(super) fn get_user_info(
    wechat: &WeChat,
    user: &User,
    arguments: &Arguments,
) -> Result<Arguments, Failure> {
    let user_info = json!({
        "nickName": user.nick_name,
        "gender": 0,
        "language": "",
        "city": "",
        "province": "",
        "country": "",
        "avatarUrl": GREY_AVATAR,
    });
    let raw_data = user_info.to_string();
    let mut answer = Arguments::new();
    if arguments.get("withCredentials") != Some(&Value::Bool(false)) {
        let session_key = live_key(wechat, &user.openid);
        let iv = random::bytes::<16>();
        let plaintext = plaintext(wechat, user, &user_info);
        let encrypted = open_data::encrypt(&plaintext, &session_key, &iv)
            .ok_or_else(|| Failure::new("internal error: the session key is no key"))?;
        answer.insert("signature".to_owned(), open_data::signature(&raw_data, &session_key).into());
        answer.insert("encryptedData".to_owned(), encrypted.into());
        answer.insert("iv".to_owned(), STANDARD.encode(iv).into());
    }
    answer.insert("rawData".to_owned(), raw_data.into());
    answer.insert("userInfo".to_owned(), user_info);
    Ok(answer)
}

/// The live session key, which is a secret from now on even if no server was given it.
fn live_key(wechat: &WeChat, openid: &str) -> String {
    let now = wechat.now();
    let state = &mut *wechat.state();
    let session_key = state.sessions.live_key(openid, now);
    state.log.remember_session_key(&session_key);
    session_key
}

fn plaintext(wechat: &WeChat, user: &User, user_info: &Value) -> String {
    let mut full = user_info.clone();
    if let Some(fields) = full.as_object_mut() {
        fields.insert("openId".to_owned(), user.openid.clone().into());
        if let Some(unionid) = &user.unionid {
            fields.insert("unionId".to_owned(), unionid.clone().into());
        }
        let watermark = json!({"timestamp": wechat.now() / SECOND, "appid": wechat.account().app_id});
        fields.insert("watermark".to_owned(), watermark);
    }
    full.to_string()
}

/// Everybody's avatar since it was withdrawn.
const GREY_AVATAR: &str = "https://thirdwx.qlogo.cn/mmopen/vi_32/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132";
