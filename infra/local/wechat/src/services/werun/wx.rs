//! `wx.getWeRunData`: the steps of the last 31 days, encrypted.
//!
//! Documentation: "wx.getWeRunData".
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/api/open-api/werun/wx.getWeRunData.html>

use serde_json::json;

use super::service::WeRunService;
use crate::base::encrypted_data;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure, user_denies};

pub(super) fn get_werun_data(
    werun: &WeRunService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    if user_denies(arguments)? {
        return Err(WxFailure::new("auth deny"));
    }
    let now = werun.base.now();
    let steps = werun.steps().recent_steps(&user.openid, now);
    encrypted_data::encrypt_for_user(&werun.base.sessions, user, json!({"stepInfoList": steps}))
}
