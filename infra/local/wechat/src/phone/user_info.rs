//! `wx.getUserInfo` and `wx.getUserProfile`, as anonymous as they are today.
//!
//! Documentation: "wx.getUserInfo" and "Signature, verification and encryption/decryption of open data".
//! `rawData` is signed and the full data encrypted with the session key that is live now, whether or not the
//! server knows it.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/user-info/wx.getUserInfo.html>

use serde_json::{Value, json};

use super::{Arguments, Failure, sealed};
use crate::open_data;
use crate::users::User;
use crate::wechat::WeChat;

pub(super) fn get_user_info(
    wechat: &WeChat,
    user: &User,
    arguments: &Arguments,
) -> Result<Arguments, Failure> {
    let user_info = json!({
        "nickName": user.nick_name,
        "gender": 0,
        "language": "zh_CN",
        "city": "",
        "province": "",
        "country": "",
        "avatarUrl": GREY_AVATAR,
    });
    // A nickname's control characters stand raw in what WeChat writes for the phone.
    let raw_data = sealed::with_raw_control_characters(&user_info.to_string());
    let mut answer = Arguments::new();
    if arguments.get("withCredentials") != Some(&Value::Bool(false)) {
        let session_key = sealed::live_key(wechat, &user.openid);
        answer = sealed::seal_under(&session_key, wechat, full(user, &user_info))?;
        answer.insert("signature".to_owned(), open_data::signature(&raw_data, &session_key).into());
    }
    answer.insert("rawData".to_owned(), raw_data.into());
    answer.insert("userInfo".to_owned(), user_info);
    Ok(answer)
}

/// What only the server may know.
fn full(user: &User, user_info: &Value) -> Value {
    let mut full = user_info.clone();
    if let Some(fields) = full.as_object_mut() {
        fields.insert("openId".to_owned(), user.openid.clone().into());
        if let Some(unionid) = &user.unionid {
            fields.insert("unionId".to_owned(), unionid.clone().into());
        }
    }
    full
}

/// Everybody's avatar since it was withdrawn.
const GREY_AVATAR: &str = "https://thirdwx.qlogo.cn/mmopen/vi_32/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132";
