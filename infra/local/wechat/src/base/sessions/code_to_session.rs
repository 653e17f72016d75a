//! `GET /sns/jscode2session`: a login code for an openid and a session key.
//!
//! Documentation: "Mini Program login" (小程序登录, code2Session).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html>

use http::Method;
use serde_json::json;

use super::SessionService;
use super::session_keys::Exchange;
use crate::base::platform::{
    APPID_MISSING, CODE_MISSING, GET_REQUIRED, INVALID_APPID, INVALID_GRANT_TYPE, INVALID_SECRET, Refusal,
    SECRET_MISSING, failure, refusal_of, success,
};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn code_to_session(
    sessions: &SessionService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    match judge(sessions, received, fault) {
        Ok((Exchange { openid, session_key }, unionid)) => {
            let mut fields = json!({"session_key": session_key, "openid": openid});
            if let (Some(unionid), Some(fields)) = (unionid, fields.as_object_mut()) {
                fields.insert("unionid".to_owned(), unionid.into());
            }
            ApiResponse { content_type: CONTENT_TYPE, ..success(&fields) }
        }
        Err(refusal) => ApiResponse { content_type: CONTENT_TYPE, ..failure(&sessions.context, refusal) },
    }
}

/// The exchange and the user's unionid, if the user has one.
fn judge(
    sessions: &SessionService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> Result<(Exchange, Option<String>), Refusal> {
    if received.method != Method::GET {
        return Err(GET_REQUIRED);
    }
    let account = sessions.context.account();
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
    let now = sessions.context.now();
    let is_blocked = |openid: &str| {
        let blocks =
            |fault: &Fault| matches!(fault, Fault::LoginBlocked { openid: blocked } if blocked == openid);
        sessions.context.has_fault(blocks)
    };
    let exchange = sessions.sessions().exchange(code, &account.app_id, is_blocked, now)?;
    sessions.context.log().remember(&exchange.session_key);
    let unionid = sessions.users.get(&exchange.openid).and_then(|user| user.unionid);
    Ok((exchange, unionid))
}

/// JSON under this type: callers must not rely on the header.
const CONTENT_TYPE: &str = "text/plain";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::base::Base;
    use crate::core::account::Account;
    use crate::core::clock;
    use crate::core::context::Context;
    use crate::core::user::NewUser;

    /// A complete request, changed by the caller; the errcode (0 for success) and the answer.
    fn exchange(sessions: &SessionService, code: &str, changes: &[(&str, &str)]) -> (i64, Value) {
        let account = sessions.context.account();
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
        let received = ApiRequest { query, ..ApiRequest::default() };
        let answer = code_to_session(sessions, &received, None);
        assert_eq!((answer.status.as_u16(), answer.content_type), (200, "text/plain"));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (body["errcode"].as_i64().unwrap_or(0), body)
    }

    fn world() -> (Arc<SessionService>, String) {
        let base = Base::new(Arc::new(Context::new(Account::default(), clock::system())));
        let user = NewUser { unionid: Some("u1".to_owned()), ..NewUser::default() };
        let openid = base.users.put(user).unwrap().openid;
        let code = base.sessions.sessions().new_code(&openid, &base.account().app_id, base.now());
        (base.sessions, code)
    }

    #[test]
    fn each_wrong_parameter_has_its_errcode_and_leaves_the_code_good() {
        let (sessions, code) = world();
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
            assert_eq!(exchange(&sessions, &code, &[(name, value)]).0, errcode, "{name}={value}");
        }
        assert_eq!(exchange(&sessions, &code, &[]).0, 0);
        assert_eq!(exchange(&sessions, &code, &[]).0, 40163);
    }

    #[test]
    fn a_success_has_no_errcode_and_carries_the_unionid() {
        let (sessions, code) = world();
        let (_, body) = exchange(&sessions, &code, &[]);
        assert_eq!(body.get("errcode"), None);
        assert_eq!(body["unionid"], "u1");
        let session_key = body["session_key"].as_str().unwrap().to_owned();
        assert!(sessions.context.log().canaries().contains(&session_key));
    }

    #[test]
    fn an_error_names_its_request() {
        let (sessions, _) = world();
        let (_, body) = exchange(&sessions, "0nonsense", &[]);
        let errmsg = body["errmsg"].as_str().unwrap();
        let (_, rid) = errmsg.rsplit_once("rid: ").unwrap();
        assert_eq!(rid.split('-').map(str::len).collect::<Vec<_>>(), [8, 8, 8]);
    }
}
