//! `wx.getWeRunData`: the steps of the last 31 days, encrypted.
//!
//! Documentation: "wx.getWeRunData".
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/werun/wx.getWeRunData.html>

use serde_json::json;

use super::{Arguments, Failure, sealed, user_denies};
use crate::users::User;
use crate::wechat::WeChat;

pub(super) fn get_werun_data(
    wechat: &WeChat,
    user: &User,
    arguments: &Arguments,
) -> Result<Arguments, Failure> {
    if user_denies(arguments)? {
        return Err(Failure::new("auth deny"));
    }
    let now = wechat.now();
    let steps = wechat.state().steps.of(&user.openid, now);
    sealed::seal(wechat, user, json!({"stepInfoList": steps}))
}
