//! `POST /cgi-bin/soter/verify_signature`: whether a user's phone signed a challenge.
//!
//! Documentation: "Verify SOTER signature" (SOTER 生物认证秘钥签名验证).
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/soter/verifySignature.html>

use serde::Deserialize;
use serde_json::json;

use super::{INVALID_OPENID, NOT_JSON, Owner, access};
use crate::faults::Fault;
use crate::soter;
use crate::upstream::{Answer, Received};
use crate::wechat::WeChat;

pub(crate) fn verify_signature(wechat: &WeChat, received: &Received, fault: Option<&Fault>) -> Answer {
    access::post(wechat, received, fault, Owner::MiniProgram, |body: Body| {
        let openid = body.openid.unwrap_or_default();
        if wechat.state().users.get(&openid).is_none() {
            return Err(INVALID_OPENID);
        }
        let json = body.json_string.ok_or(NOT_JSON)?;
        let signature = body.json_signature.ok_or(NOT_JSON)?;
        Ok(json!({"is_ok": soter::is_signed(&openid, &json, &signature)}))
    })
}

#[derive(Deserialize)]
struct Body {
    openid: Option<String>,
    json_string: Option<String>,
    json_signature: Option<String>,
}
