//! `wx.login` and `wx.checkSession`.

use serde_json::Value;

use super::service::SessionService;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure};

/// Returns a code for the server. The argument `appId`, which real phones do not have, makes it another app's code.
pub(super) fn login(
    sessions: &SessionService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let own = &sessions.context.account().app_id;
    let app_id = arguments.get("appId").and_then(Value::as_str).unwrap_or(own);
    let now = sessions.context.now();
    let code = sessions.sessions().create_code(&user.openid, app_id, now);
    Ok(WxArguments::from_iter([("code".to_owned(), Value::from(code))]))
}

/// Succeeds while the session key that the server got last is live.
pub(super) fn check_session(
    sessions: &SessionService,
    user: &User,
    _: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let now = sessions.context.now();
    if sessions.sessions().is_live(&user.openid, now) {
        Ok(WxArguments::new())
    } else {
        Err(WxFailure::new("session time out"))
    }
}
