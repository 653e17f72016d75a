//! `POST /wxa/media_check_async`: takes a picture or a sound to be judged.
//!
//! Documentation: "Audio and video content security" (音视频内容安全识别). The verdict is pushed later.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/sec-center/sec-check/mediaCheckAsync.html>

use serde::Deserialize;
use serde_json::{Value, json};

use super::errcodes::{check_author, with_own_method_errcode};
use super::media_check::{MediaCheck, MediaCheckState};
use super::service::ContentSecurityService;
use crate::base::access;
use crate::base::platform::{Errcode, INVALID_ARGUMENT, NOT_JSON, error_response, ok_response};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;

pub(super) fn handle_check(
    security: &ContentSecurityService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    access::read_body(&security.base.tokens, request, fault, TokenOwner::MiniProgram)
        .and_then(|body| check(security, body))
        .map_err(with_own_method_errcode)
        .map_or_else(|error| error_response(&security.base.context, error), ok_response)
}

#[derive(Deserialize)]
struct MediaBody {
    media_url: Option<String>,
    media_type: Option<i64>,
    version: Option<i64>,
    scene: Option<i64>,
    openid: Option<String>,
}

fn check(security: &ContentSecurityService, body: MediaBody) -> Result<Value, Errcode> {
    let media_url = body.media_url.filter(|url| !url.is_empty()).ok_or(NOT_JSON)?;
    if body.version != Some(2) {
        return Err(NOT_JSON);
    }
    let media_type = match body.media_type {
        Some(1) => 1,
        Some(2) => 2,
        _ => return Err(INVALID_ARGUMENT),
    };
    let openid = check_author(&security.base.users, body.scene, body.openid)?;
    let trace_id = random::rid(security.base.now());
    let state = MediaCheckState::Stalled;
    security.checks.add(MediaCheck { trace_id: trace_id.clone(), media_url, media_type, openid, state });
    Ok(json!({"trace_id": trace_id}))
}
