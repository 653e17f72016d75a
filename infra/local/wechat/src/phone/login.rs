//! `wx.login` and `wx.checkSession`.

use serde_json::Value;

use super::{Arguments, Failure};
use crate::users::User;
use crate::wechat::WeChat;

/// A code for the server. The argument `appId`, which real phones do not have, makes it another app's code.
pub(super) fn login(wechat: &WeChat, user: &User, arguments: &Arguments) -> Result<Arguments, Failure> {
    let own = &wechat.account().app_id;
    let app_id = arguments.get("appId").and_then(Value::as_str).unwrap_or(own);
    let now = wechat.now();
    let code = wechat.state().sessions.new_code(&user.openid, app_id, now);
    Ok(Arguments::from_iter([("code".to_owned(), Value::from(code))]))
}

/// Succeeds while the session key the server was given last is live.
pub(super) fn check_session(wechat: &WeChat, user: &User, _: &Arguments) -> Result<Arguments, Failure> {
    let now = wechat.now();
    if wechat.state().sessions.is_live(&user.openid, now) {
        Ok(Arguments::new())
    } else {
        Err(Failure::new("session time out"))
    }
}
