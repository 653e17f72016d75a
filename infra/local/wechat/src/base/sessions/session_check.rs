//! `GET /wxa/checksession` and `GET /wxa/resetusersessionkey`: the server checks or replaces a session key without sending it.
//!
//! Documentation: "Check login session" (检验登录态) and "Reset login session" (重置登录态). The signature is the
//! HMAC-SHA256 of the empty string under the session key's text.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/checkSessionKey.html>

use serde_json::json;

use super::service::SessionService;
use crate::base::access;
use crate::base::open_data;
use crate::base::platform::{Errcode, INVALID_OPENID, MINUTE_QUOTA};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn check_session(
    sessions: &SessionService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_get(&sessions.tokens, request, fault, TokenOwner::MiniProgram, || {
        let now = sessions.context.now();
        check_signature(sessions, request, now)?;
        Ok(json!({}))
    })
}

pub(crate) fn reset_session_key(
    sessions: &SessionService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_get(&sessions.tokens, request, fault, TokenOwner::MiniProgram, || {
        let now = sessions.context.now();
        let openid = check_signature(sessions, request, now)?;
        let session_key = sessions.sessions().reset_key(openid, now).ok_or(MINUTE_QUOTA)?;
        sessions.context.log().add_secret(&session_key);
        Ok(json!({"openid": openid, "session_key": session_key}))
    })
}

/// Verifies that the caller has the user's live session key; returns the openid.
fn check_signature<'a>(
    sessions: &SessionService,
    request: &'a ApiRequest,
    now: u64,
) -> Result<&'a str, Errcode> {
    let openid = request.query("openid").ok_or(INVALID_OPENID)?;
    if !sessions.users.has_openid(openid) {
        return Err(INVALID_OPENID);
    }
    if request.query("sig_method") != Some("hmac_sha256") {
        return Err(INVALID_SIG_METHOD);
    }
    let right =
        sessions.sessions().exchanged_key(openid, now).map(|key| open_data::session_signature("", key));
    if right.is_some() && right.as_deref() == request.query("signature") {
        Ok(openid)
    } else {
        Err(INVALID_SIGNATURE)
    }
}

const INVALID_SIG_METHOD: Errcode = Errcode::new(87008, "invalid sig_method");
const INVALID_SIGNATURE: Errcode = Errcode::new(87009, "invalid signature");
