//! `wx.getWeRunData`: the steps of the last 31 days, encrypted.
//!
//! Documentation: "wx.getWeRunData".
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/werun/wx.getWeRunData.html>

use serde_json::json;

use super::WeRunService;
use crate::base::sealed;
use crate::core::user::User;
use crate::core::wx_api::{Arguments, WxFailure, user_denies};

pub(super) fn get_werun_data(
    werun: &WeRunService,
    user: &User,
    arguments: &Arguments,
) -> Result<Arguments, WxFailure> {
    if user_denies(arguments)? {
        return Err(WxFailure::new("auth deny"));
    }
    let now = werun.base.now();
    let steps = werun.steps().of(&user.openid, now);
    sealed::seal(&werun.base.sessions, user, json!({"stepInfoList": steps}))
}
