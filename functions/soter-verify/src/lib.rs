//! `POST /api/soter/challenge`, `POST /api/verify-fingerprint`: proof that the user's finger or face was there, now and for this.
//!
//! WeChat: 生物认证 (`wx.startSoterAuthentication`), 生物认证秘钥签名验证. A challenge is given out for a purpose; the phone signs
//! it; WeChat, which alone has the phone's key, says whether the signature is right.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/soter/verifySignature.html>

mod challenge;
mod verify;

use shared::{
    error::{ApiError, Code},
    host::{Host, HostError},
    http::extract,
    runtime::{Body, Function, Request, Response},
    session::Sessions,
    store::{Challenges, TokenName},
    wechat::Platform,
};

/// Gives out challenges and verifies what phones made of them.
pub struct SoterVerifyFunction {
    challenges: Challenges,
    platform: Platform,
    sessions: Sessions,
}

impl Function for SoterVerifyFunction {
    const NAME: &'static str = "soter-verify";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            challenges: Challenges::new(host)?,
            platform: Platform::new(host, TokenName::MiniProgram)?,
            sessions: Sessions::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match extract::route(&request) {
            "POST /api/soter/challenge" => self.challenge(&request).await,
            "POST /api/verify-fingerprint" => self.verify(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}
