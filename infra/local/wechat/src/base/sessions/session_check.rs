//! `GET /wxa/checksession` and `GET /wxa/resetusersessionkey`: the server asks about a session key, or has it
//! replaced, without telling it.
//!
//! Documentation: "Check login session" (检验登录态) and "Reset login session" (重置登录态). The signature is the
//! HMAC-SHA256 of the empty string under the session key's text.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/checkSessionKey.html>

use serde_json::json;

use super::SessionService;
use crate::base::access;
use crate::base::open_data;
use crate::base::platform::{INVALID_OPENID, MINUTE_QUOTA, Refusal};
use crate::base::tokens::Owner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn check_session(
    sessions: &SessionService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::get(&sessions.tokens, received, fault, Owner::MiniProgram, || {
        let now = sessions.context.now();
        check_signature(sessions, received, now)?;
        Ok(json!({}))
    })
}

pub(crate) fn reset_session_key(
    sessions: &SessionService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::get(&sessions.tokens, received, fault, Owner::MiniProgram, || {
        let now = sessions.context.now();
        let openid = check_signature(sessions, received, now)?;
        let session_key = sessions.sessions().reset(openid, now).ok_or(MINUTE_QUOTA)?;
        sessions.context.log().remember(&session_key);
        Ok(json!({"openid": openid, "session_key": session_key}))
    })
}

/// The openid, if the caller holds its live session key.
fn check_signature<'a>(
    sessions: &SessionService,
    received: &'a ApiRequest,
    now: u64,
) -> Result<&'a str, Refusal> {
    let openid = received.query("openid").ok_or(INVALID_OPENID)?;
    if !sessions.users.has(openid) {
        return Err(INVALID_OPENID);
    }
    if received.query("sig_method") != Some("hmac_sha256") {
        return Err(INVALID_SIG_METHOD);
    }
    let right = sessions.sessions().given_key(openid, now).map(|key| open_data::session_signature("", key));
    if right.is_some() && right.as_deref() == received.query("signature") {
        Ok(openid)
    } else {
        Err(INVALID_SIGNATURE)
    }
}

const INVALID_SIG_METHOD: Refusal = Refusal::new(87008, "invalid sig_method");
const INVALID_SIGNATURE: Refusal = Refusal::new(87009, "invalid signature");
