//! `GET /sns/jscode2session`: a login code for an openid and a session key.
//!
//! Documentation: "Mini Program login" (小程序登录, code2Session).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html>

use http::Method;
use serde_json::json;

use super::{
    APPID_MISSING, CODE_MISSING, Exchange, GET_REQUIRED, INVALID_APPID, INVALID_GRANT_TYPE, INVALID_SECRET,
    Refusal, SECRET_MISSING, failure, refusal_of, success,
};
use crate::faults::Fault;
use crate::upstream::{Answer, Received};
use crate::wechat::WeChat;

pub(crate) fn code_to_session(wechat: &WeChat, received: &Received, fault: Option<&Fault>) -> Answer {
    match judge(wechat, received, fault) {
        Ok((Exchange { openid, session_key }, unionid)) => {
            let mut fields = json!({"session_key": session_key, "openid": openid});
            if let (Some(unionid), Some(fields)) = (unionid, fields.as_object_mut()) {
                fields.insert("unionid".to_owned(), unionid.into());
            }
            Answer { content_type: CONTENT_TYPE, ..success(&fields) }
        }
        Err(refusal) => Answer { content_type: CONTENT_TYPE, ..failure(wechat, refusal) },
    }
}

/// The exchange and the user's unionid, if the user has one.
fn judge(
    wechat: &WeChat,
    received: &Received,
    fault: Option<&Fault>,
) -> Result<(Exchange, Option<String>), Refusal> {
    if received.method != Method::GET {
        return Err(GET_REQUIRED);
    }
    let account = wechat.account();
    if received.query("appid").ok_or(APPID_MISSING)? != account.app_id {
        return Err(INVALID_APPID);
    }
    if received.query("secret").ok_or(SECRET_MISSING)? != account.app_secret {
        return Err(INVALID_SECRET);
    }
    let code = received.query("js_code").ok_or(CODE_MISSING)?;
    if received.query("grant_type") != Some("authorization_code") {
        return Err(INVALID_GRANT_TYPE);
    }
    if let Some(refusal) = refusal_of(fault) {
        return Err(refusal);
    }
    let now = wechat.now();
    let state = &mut *wechat.state();
    let faults = state.faults.active();
    let is_blocked = |openid: &str| {
        faults
            .iter()
            .any(|fault| matches!(fault, Fault::LoginBlocked { openid: blocked } if blocked == openid))
    };
    let exchange = state.sessions.exchange(code, &account.app_id, is_blocked, now)?;
    state.log.remember(&exchange.session_key);
    let unionid = state.users.get(&exchange.openid).and_then(|user| user.unionid.clone());
    Ok((exchange, unionid))
}

/// JSON under this type: callers must not rely on the header.
const CONTENT_TYPE: &str = "text/plain";

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::users::NewUser;
    use crate::wechat::Options;

    /// A complete request, changed by the caller; the errcode (0 for success) and the answer.
    fn exchange(wechat: &WeChat, code: &str, changes: &[(&str, &str)]) -> (i64, Value) {
        let account = wechat.account();
        let mut query: Vec<(String, String)> = [
            ("appid", account.app_id.as_str()),
            ("secret", &account.app_secret),
            ("js_code", code),
            ("grant_type", "authorization_code"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        for (name, value) in changes {
            query.retain(|(given, _)| given != name);
            query.push(((*name).to_owned(), (*value).to_owned()));
        }
        let received = Received { query, ..Received::default() };
        let answer = code_to_session(wechat, &received, None);
        assert_eq!((answer.status.as_u16(), answer.content_type), (200, "text/plain"));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (body["errcode"].as_i64().unwrap_or(0), body)
    }

    fn world() -> (WeChat, String) {
        let wechat = WeChat::new(Options::default());
        let user = wechat.create_user(NewUser { unionid: Some("u1".to_owned()), ..NewUser::default() });
        let now = wechat.now();
        let app_id = wechat.account().app_id.clone();
        let code = wechat.state().sessions.new_code(&user.openid, &app_id, now);
        (wechat, code)
    }

    #[test]
    fn each_wrong_parameter_has_its_errcode_and_leaves_the_code_good() {
        let (wechat, code) = world();
        for (name, value, errcode) in [
            ("appid", "", 41002),
            ("appid", "wx0000000000000000", 40013),
            ("secret", "", 41004),
            ("secret", "00000000000000000000000000000000", 40125),
            ("js_code", "", 41008),
            ("grant_type", "", 40002),
            ("grant_type", "client_credential", 40002),
            ("js_code", "0nonsense", 40029),
        ] {
            assert_eq!(exchange(&wechat, &code, &[(name, value)]).0, errcode, "{name}={value}");
        }
        assert_eq!(exchange(&wechat, &code, &[]).0, 0);
        assert_eq!(exchange(&wechat, &code, &[]).0, 40163);
    }

    #[test]
    fn a_success_has_no_errcode_and_carries_the_unionid() {
        let (wechat, code) = world();
        let (_, body) = exchange(&wechat, &code, &[]);
        assert_eq!(body.get("errcode"), None);
        assert_eq!(body["unionid"], "u1");
        let session_key = body["session_key"].as_str().unwrap().to_owned();
        assert!(wechat.canaries().contains(&session_key));
    }

    #[test]
    fn an_error_names_its_request() {
        let (wechat, _) = world();
        let (_, body) = exchange(&wechat, "0nonsense", &[]);
        let errmsg = body["errmsg"].as_str().unwrap();
        let (_, rid) = errmsg.rsplit_once("rid: ").unwrap();
        assert_eq!(rid.split('-').map(str::len).collect::<Vec<_>>(), [8, 8, 8]);
    }
}
