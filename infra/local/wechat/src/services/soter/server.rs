//! `POST /cgi-bin/soter/verify_signature`: whether a user's phone signed a challenge.
//!
//! Documentation: "Verify SOTER signature" (SOTER 生物认证秘钥签名验证).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/soter/verifySignature.html>

use serde::Deserialize;
use serde_json::json;

use super::SoterService;
use super::devices;
use crate::base::access;
use crate::base::platform::{INVALID_OPENID, NOT_JSON};
use crate::base::tokens::Owner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn verify_signature(
    soter: &SoterService,
    received: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::post(&soter.base.tokens, received, fault, Owner::MiniProgram, |body: Body| {
        let openid = body.openid.unwrap_or_default();
        if !soter.base.users.has(&openid) {
            return Err(INVALID_OPENID);
        }
        let json = body.json_string.ok_or(NOT_JSON)?;
        let signature = body.json_signature.ok_or(NOT_JSON)?;
        Ok(json!({"is_ok": devices::is_signed(&openid, &json, &signature)}))
    })
}

#[derive(Deserialize)]
struct Body {
    openid: Option<String>,
    json_string: Option<String>,
    json_signature: Option<String>,
}
