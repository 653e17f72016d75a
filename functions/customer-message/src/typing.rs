//! `POST /api/admin/messages/typing`: shows a user that customer service is typing, or no more.

use serde::Deserialize;
use serde_json::Map;
use shared::{
    api::{ApiError, Code, request, response},
    host::RetryPolicy,
    runtime::{Body, Request, Response},
    service::PlatformError,
    wechat::customer_message::{self, TypingCommand},
};

use crate::{CustomerMessageFunction, send};

#[derive(Deserialize)]
struct TypingBody {
    openid: Option<String>,
    command: Option<TypingCommand>,
}

impl CustomerMessageFunction {
    pub(crate) async fn show_typing(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let body: TypingBody = request::json(request)?;
        let openid = send::openid(body.openid)?;
        let command = request::required("command", body.command)?;
        let body = command.to_json(&openid);
        let answer = self
            .sender
            .platform()
            .post(customer_message::TYPING, &body, RetryPolicy::UnlessOutcomeUnknown)
            .await;
        match answer {
            // 45081 says that the user sees it already, which is what was asked for.
            Err(error) if error.errcode() != Some(45081) => Err(map_typing_error(error)),
            _ => Ok(response::success(&Map::new())),
        }
    }
}

fn map_typing_error(error: PlatformError) -> ApiError {
    let answer = match error.errcode() {
        Some(40003) => ApiError::invalid("openid", "未被微信接受"),
        Some(45072) => ApiError::invalid("command", "未被微信接受"),
        Some(45080) => ApiError::new(Code::WindowClosed).with_message("用户 30 秒内没有发来消息"),
        _ => return error.for_operator(),
    };
    answer.with_cause(error)
}
