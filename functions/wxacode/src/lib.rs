//! `POST /api/wxacode/unlimited`, `POST /api/admin/wxacode`, `POST /api/admin/wxaqrcode`: draws mini program codes as pictures.
//!
//! WeChat: 获取不限制的小程序码, 获取小程序码, 获取小程序二维码. An account can have 100 000 codes with a path in
//! all, so only operators may draw them. Codes with a scene are unlimited, so every user may draw them.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/qrcode-link/qr-code/getUnlimitedQRCode.html>

mod body;
mod draw_error;
mod picture;

use shared::{
    api::{ApiError, Code, RateLimit, request, response},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::{PlatformClient, SessionTokens},
    store::TokenName,
};

use crate::{body::DrawRequest, draw_error::map_draw_error};

/// Draws mini program codes.
pub struct WxacodeFunction {
    host: Host,
    rate_limit: RateLimit,
    platform: PlatformClient,
    sessions: SessionTokens,
}

impl Function for WxacodeFunction {
    const NAME: &'static str = "wxacode";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            rate_limit: RateLimit::per_minute(CODES_PER_MINUTE),
            platform: PlatformClient::new(host, TokenName::MiniProgram)?,
            sessions: SessionTokens::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "POST /api/wxacode/unlimited" => self.draw_unlimited(&request).await,
            // API Gateway has authenticated the operator.
            "POST /api/admin/wxacode" => self.draw(body::by_path(request::json(&request)?)?).await,
            "POST /api/admin/wxaqrcode" => self.draw(body::qr_code(request::json(&request)?)?).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl WxacodeFunction {
    async fn draw_unlimited(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let draw = body::by_scene(request::json(request)?)?;
        self.rate_limit.count(&caller.user_id, self.host.now())?;
        self.draw(draw).await
    }

    async fn draw(&self, draw: DrawRequest) -> Result<Response<Body>, ApiError> {
        let DrawRequest { api, body, retry } = draw;
        let picture = self.platform.post_for_bytes(api.path(), &body, picture::is_picture, retry).await;
        let picture = picture.map_err(|error| map_draw_error(api, error))?;
        let content_type = picture::content_type(&picture).ok_or(Code::UpstreamBusy)?;
        Ok(response::cacheable(content_type, picture))
    }
}

/// WeChat draws 5000 codes with a scene per minute for the whole mini program.
const CODES_PER_MINUTE: u32 = 30;
