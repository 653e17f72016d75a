//! `POST /api/security/text`, `POST /api/security/media`, `GET /api/security/results/{traceId}`: WeChat judges what users write and upload
//! before others see it.
//!
//! WeChat: 文本内容安全识别, 音视频内容安全识别. The checks fail closed: `pass` is answered only if WeChat said so, and `review` for what WeChat
//! did not check. The verdict on a text is answered at once, and nothing is stored. The verdict on a picture or a sound is pushed, within
//! 30 minutes; `push-events` writes it to the row of the check, and asks WeChat once more when none comes.

mod media;
mod scene;
mod text;

use serde::Serialize;
use shared::{
    api::{ApiError, Code, RateLimit, request, response},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::{ContentChecker, MediaChecker, SessionTokens},
    store::{MediaCheckResult, Sessions},
    types::TraceId,
    wechat::Verdict,
};

use crate::{media::MediaBody, text::TextBody};

/// Has content checked.
pub struct ContentCheckFunction {
    checker: ContentChecker,
    host: Host,
    media_checker: MediaChecker,
    media_limit: RateLimit,
    sessions: SessionTokens,
    session_rows: Sessions,
    text_limit: RateLimit,
}

#[derive(Serialize)]
struct VerdictAnswer {
    suggest: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartedAnswer<'a> {
    trace_id: &'a TraceId,
    state: &'static str,
}

#[derive(Serialize)]
struct ResultAnswer {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<i64>,
}

impl Function for ContentCheckFunction {
    const NAME: &'static str = "content-check";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            checker: ContentChecker::new(host)?,
            host: host.clone(),
            media_checker: MediaChecker::new(host)?,
            media_limit: RateLimit::per_minute(MEDIA_PER_MINUTE),
            sessions: SessionTokens::new(host)?,
            session_rows: Sessions::new(host)?,
            text_limit: RateLimit::per_minute(TEXTS_PER_MINUTE),
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "POST /api/security/text" => self.check_text(&request).await,
            "POST /api/security/media" => self.check_media(&request).await,
            "GET /api/security/results/{traceId}" => self.read_result(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl ContentCheckFunction {
    async fn check_text(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let text = request::json::<TextBody>(request)?.validate()?;
        self.text_limit.count(&caller.user_id, self.host.now())?;
        let Verdict { suggestion, label } = self.checker.check_text(&text.check(&caller.openid)).await?;
        Ok(response::success(&VerdictAnswer { suggest: suggestion.as_str(), label }))
    }

    async fn check_media(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let upload = request::json::<MediaBody>(request)?.validate(&caller)?;
        self.media_limit.count(&caller.user_id, self.host.now())?;
        // First of all, because an erased user must leave neither a copy nor a check.
        self.session_rows.check(&caller).await?;
        let started = self.media_checker.begin(&caller, &upload.object_key, upload.scene).await?;
        let state = started.result.state.as_str();
        Ok(response::success(&StartedAnswer { trace_id: &started.trace_id, state }))
    }

    async fn read_result(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let trace_id = TraceId::parse(&request::path(request, "traceId")?).map_err(|_| Code::NotFound)?;
        let Some(check) = self.media_checker.find(&caller, &trace_id).await? else {
            // An erased user has none.
            self.session_rows.check(&caller).await?;
            return Err(Code::NotFound.into());
        };
        let MediaCheckResult { state, label } = check.result;
        Ok(response::success(&ResultAnswer { state: state.as_str(), label }))
    }
}

/// WeChat checks 4000 texts per minute for the whole mini program.
const TEXTS_PER_MINUTE: u32 = 30;
/// WeChat checks 2000 pictures and sounds per minute for the whole mini program.
const MEDIA_PER_MINUTE: u32 = 10;
