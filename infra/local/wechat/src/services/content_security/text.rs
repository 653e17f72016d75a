//! `POST /wxa/msg_sec_check`: judges a text at once.
//!
//! Documentation: "Text content security" (文本内容安全识别). Version 2 answers errcode 0 also for a text that must not be published; version
//! 1, which is called without `version`, answers 87014.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/sec-center/sec-check/msgSecCheck.html>

use serde::Deserialize;
use serde_json::{Value, json};

use super::errcodes::{RISKY_CONTENT, check_author, with_own_method_errcode};
use super::service::ContentSecurityService;
use crate::base::access;
use crate::base::platform::{Errcode, NOT_JSON, error_response, ok_response};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::core::random;
use crate::core::verdict::{Suggest, Verdict};

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
struct TextBody {
    content: Option<String>,
    version: Option<i64>,
    scene: Option<i64>,
    openid: Option<String>,
    title: Option<String>,
    nickname: Option<String>,
    signature: Option<String>,
}

fn check(security: &ContentSecurityService, body: TextBody) -> Result<Value, Errcode> {
    let content = body.content.filter(|content| !content.is_empty()).ok_or(NOT_JSON)?;
    let Some(version) = body.version else {
        let verdict = security.checks.verdict_on(&content);
        return if verdict.suggest == Suggest::Risky { Err(RISKY_CONTENT) } else { Ok(json!({})) };
    };
    if version != 2 || content.chars().count() > MAX_CHARACTERS {
        return Err(NOT_JSON);
    }
    check_author(&security.base.users, body.scene, body.openid)?;
    let texts = [Some(content), body.title, body.nickname, body.signature];
    let verdict = security.checks.verdict_on(&texts.into_iter().flatten().collect::<Vec<_>>().join("\n"));
    Ok(answer(verdict, random::rid(security.base.now())))
}

/// A label is a number or a text in WeChat's answers: here a text if there is something wrong with the content.
fn answer(verdict: Verdict, trace_id: String) -> Value {
    let Verdict { suggest, label } = verdict;
    let mut detail = vec![json!({
        "strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90,
    })];
    let label = if suggest == Suggest::Pass { json!(label) } else { json!(label.to_string()) };
    if suggest == Suggest::Risky {
        detail.push(json!({
            "strategy": "keyword", "errcode": 0, "suggest": suggest, "label": label, "level": 20, "keyword": "***",
        }));
    }
    // An item with an errcode says nothing.
    detail.push(json!({"strategy": "keyword", "errcode": -1, "suggest": "risky", "label": 20_001}));
    json!({"trace_id": trace_id, "result": {"suggest": suggest, "label": label}, "detail": detail})
}

/// The longest text.
const MAX_CHARACTERS: usize = 2500;
