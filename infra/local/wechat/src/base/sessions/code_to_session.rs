//! `GET /sns/jscode2session`: exchanges a login code for an openid and a session key.
//!
//! Documentation: "Mini Program login" (小程序登录, code2Session).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html>

use http::Method;
use serde_json::json;

use super::service::SessionService;
use super::session_keys::CodeExchange;
use crate::base::platform::{
    APPID_MISSING, CODE_MISSING, Errcode, GET_REQUIRED, INVALID_APPID, INVALID_GRANT_TYPE, INVALID_SECRET,
    SECRET_MISSING, errcode_of_fault, error_response, json_response,
};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn code_to_session(
    sessions: &SessionService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    match exchange_code(sessions, request, fault) {
        Ok((CodeExchange { openid, session_key }, unionid)) => {
            let mut fields = json!({"session_key": session_key, "openid": openid});
            if let (Some(unionid), Some(fields)) = (unionid, fields.as_object_mut()) {
                fields.insert("unionid".to_owned(), unionid.into());
            }
            ApiResponse { content_type: CONTENT_TYPE, ..json_response(&fields) }
        }
        Err(error) => ApiResponse { content_type: CONTENT_TYPE, ..error_response(&sessions.context, error) },
    }
}

/// Checks the parameters and exchanges the code; also returns the user's unionid, if the user has one.
fn exchange_code(
    sessions: &SessionService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> Result<(CodeExchange, Option<String>), Errcode> {
    if request.method != Method::GET {
        return Err(GET_REQUIRED);
    }
    let account = sessions.context.account();
    if request.query("appid").ok_or(APPID_MISSING)? != account.app_id {
        return Err(INVALID_APPID);
    }
    if request.query("secret").ok_or(SECRET_MISSING)? != account.app_secret {
        return Err(INVALID_SECRET);
    }
    let code = request.query("js_code").ok_or(CODE_MISSING)?;
    if request.query("grant_type") != Some("authorization_code") {
        return Err(INVALID_GRANT_TYPE);
    }
    if let Some(error) = errcode_of_fault(fault) {
        return Err(error);
    }
    let now = sessions.context.now();
    let is_blocked = |openid: &str| {
        let blocks =
            |fault: &Fault| matches!(fault, Fault::LoginBlocked { openid: blocked } if blocked == openid);
        sessions.context.has_fault(blocks)
    };
    let exchange = sessions.sessions().exchange_code(code, &account.app_id, is_blocked, now)?;
    sessions.context.log().add_secret(&exchange.session_key);
    let unionid = sessions.users.get(&exchange.openid).and_then(|user| user.unionid);
    Ok((exchange, unionid))
}

/// WeChat sends JSON with this content type, so callers must not rely on the header.
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

    /// Sends a complete request with these changes; returns the errcode (0 for a success) and the body.
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
        let request = ApiRequest { query, ..ApiRequest::default() };
        let answer = code_to_session(sessions, &request, None);
        assert_eq!((answer.status.as_u16(), answer.content_type), (200, "text/plain"));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (body["errcode"].as_i64().unwrap_or(0), body)
    }

    fn world() -> (Arc<SessionService>, String) {
        let base = Base::new(Arc::new(Context::new(Account::default(), clock::system())));
        let user = NewUser { unionid: Some("u1".to_owned()), ..NewUser::default() };
        let openid = base.users.put_user(user).unwrap().openid;
        let code = base.sessions.sessions().create_code(&openid, &base.account().app_id, base.now());
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
        assert!(sessions.context.log().secrets().contains(&session_key));
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
