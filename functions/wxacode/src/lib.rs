//! `POST /api/wxacode/unlimited`, `POST /api/admin/wxacode`, `POST /api/admin/wxaqrcode`: mini program codes as pictures.
//!
//! WeChat: 获取不限制的小程序码, 获取小程序码, 获取小程序二维码. The codes with a path share 100 000 for ever, so they are
//! for operators alone; those with a scene are without number, and anybody who is logged in may have one.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/qrcode-link/qr-code/getUnlimitedQRCode.html>

mod body;
mod limit;
mod picture;
mod refusal;

use shared::{
    error::{ApiError, Code},
    host::{Host, HostError},
    http::{answer, extract},
    runtime::{Body, Function, Request, Response},
    session::Sessions,
    store::TokenName,
    wechat::Platform,
};

use crate::{body::Wanted, limit::Limit};

/// Has codes drawn.
pub struct WxacodeFunction {
    host: Host,
    limit: Limit,
    platform: Platform,
    sessions: Sessions,
}

impl Function for WxacodeFunction {
    const NAME: &'static str = "wxacode";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            limit: Limit::default(),
            platform: Platform::new(host, TokenName::MiniProgram)?,
            sessions: Sessions::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match extract::route(&request) {
            "POST /api/wxacode/unlimited" => self.unlimited(&request).await,
            // API Gateway has checked the operator.
            "POST /api/admin/wxacode" => self.draw(body::by_path(extract::json(&request)?)?).await,
            "POST /api/admin/wxaqrcode" => self.draw(body::qr_code(extract::json(&request)?)?).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl WxacodeFunction {
    async fn unlimited(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let wanted = body::by_scene(extract::json(request)?)?;
        self.limit.count(&caller.user_id, self.host.now())?;
        self.draw(wanted).await
    }

    async fn draw(&self, wanted: Wanted) -> Result<Response<Body>, ApiError> {
        let Wanted { api, body, repeat } = wanted;
        let drawn = self.platform.post_for_bytes(api.path(), &body, picture::is_one, repeat).await;
        let drawn = drawn.map_err(|error| refusal::of(api, error))?;
        let content_type = picture::content_type(&drawn).ok_or(Code::UpstreamBusy)?;
        Ok(answer::lasting(content_type, drawn))
    }
}
