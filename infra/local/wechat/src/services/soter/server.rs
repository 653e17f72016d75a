//! `POST /cgi-bin/soter/verify_signature`: whether a user's phone signed a challenge.
//!
//! Documentation: "Verify SOTER signature" (SOTER 生物认证秘钥签名验证).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/soter/verifySignature.html>

use serde::Deserialize;
use serde_json::json;

use super::devices;
use super::service::SoterService;
use crate::base::access;
use crate::base::platform::{INVALID_OPENID, NOT_JSON};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

pub(crate) fn verify_signature(
    soter: &SoterService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::handle_post(
        &soter.base.tokens,
        request,
        fault,
        TokenOwner::MiniProgram,
        |body: VerifySignatureBody| {
            let openid = body.openid.unwrap_or_default();
            if !soter.base.users.has_openid(&openid) {
                return Err(INVALID_OPENID);
            }
            let json = body.json_string.ok_or(NOT_JSON)?;
            let signature = body.json_signature.ok_or(NOT_JSON)?;
            Ok(json!({"is_ok": devices::verify(&openid, &json, &signature)}))
        },
    )
}

#[derive(Deserialize)]
struct VerifySignatureBody {
    openid: Option<String>,
    json_string: Option<String>,
    json_signature: Option<String>,
}
