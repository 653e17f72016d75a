//! `POST /api/security/text`: WeChat judges a text before others see it.
//!
//! WeChat: 文本内容安全识别. The check fails closed: `suggest` is `pass` only if WeChat said so, and `review` for a text that WeChat did not
//! check. The verdict is for the mini program, which asks before it shows a text; nothing is stored.

mod text;

use serde::Serialize;
use shared::{
    api::{ApiError, Code, RateLimit, request, response},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::{ContentChecker, SessionTokens},
    wechat::Verdict,
};

use crate::text::TextBody;

/// Has content checked.
pub struct ContentCheckFunction {
    checker: ContentChecker,
    host: Host,
    rate_limit: RateLimit,
    sessions: SessionTokens,
}

#[derive(Serialize)]
struct VerdictAnswer {
    suggest: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<i64>,
}

impl Function for ContentCheckFunction {
    const NAME: &'static str = "content-check";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            checker: ContentChecker::new(host)?,
            host: host.clone(),
            rate_limit: RateLimit::per_minute(TEXTS_PER_MINUTE),
            sessions: SessionTokens::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "POST /api/security/text" => self.check_text(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl ContentCheckFunction {
    async fn check_text(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let text = request::json::<TextBody>(request)?.validate()?;
        self.rate_limit.count(&caller.user_id, self.host.now())?;
        let Verdict { suggestion, label } = self.checker.check_text(&text.check(&caller.openid)).await?;
        Ok(response::success(&VerdictAnswer { suggest: suggestion.as_str(), label }))
    }
}

/// WeChat checks 4000 texts per minute for the whole mini program.
const TEXTS_PER_MINUTE: u32 = 30;
