//! `wx.getUserInfo` and `wx.getUserProfile`, as anonymous as they are today.
//!
//! Documentation: "wx.getUserInfo" and "Signature, verification and encryption/decryption of open data". The live session key
//! signs `rawData` and encrypts the full data, whether or not the server has got that key.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/user-info/wx.getUserInfo.html>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::Base;
use crate::base::encrypted_data;
use crate::base::open_data;
use crate::core::service::Service;
use crate::core::user::User;
use crate::core::wx_api::{WxApi, WxArguments, WxFailure};

/// Returns the user's public data.
pub(crate) struct UserInfoService {
    base: Arc<Base>,
}

impl UserInfoService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base) }
    }
}

impl Service for UserInfoService {
    fn wx_apis(self: Arc<Self>) -> Vec<WxApi> {
        vec![
            WxApi::new("getUserInfo", &self, get_user_info),
            WxApi::new("getUserProfile", &self, get_user_info),
        ]
    }
}

fn get_user_info(
    info: &UserInfoService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let user_info = json!({
        "nickName": user.nick_name,
        "gender": 0,
        "language": "zh_CN",
        "city": "",
        "province": "",
        "country": "",
        "avatarUrl": GREY_AVATAR,
    });
    // WeChat writes a nickname's control characters raw into `rawData`.
    let raw_data = encrypted_data::with_raw_control_characters(&user_info.to_string());
    let mut answer = WxArguments::new();
    if arguments.get("withCredentials") != Some(&Value::Bool(false)) {
        let session_key = info.base.sessions.use_live_key(&user.openid);
        answer = encrypted_data::encrypt_with_key(&session_key, &info.base.context, full(user, &user_info))?;
        answer.insert("signature".to_owned(), open_data::signature(&raw_data, &session_key).into());
    }
    answer.insert("rawData".to_owned(), raw_data.into());
    answer.insert("userInfo".to_owned(), user_info);
    Ok(answer)
}

/// The user's data with openid and unionid, which only the server may see.
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

/// The grey avatar, which WeChat returns for every user since it withdrew avatars.
const GREY_AVATAR: &str = "https://thirdwx.qlogo.cn/mmopen/vi_32/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132";
