//! `POST /api/soter/challenge`, `POST /api/verify-fingerprint`: proves that the user's finger or face was checked, now and for a
//! certain purpose.
//!
//! WeChat: 生物认证 (`wx.startSoterAuthentication`), 生物认证秘钥签名验证. This function issues a challenge for a purpose, the phone signs
//! it, and WeChat is asked whether the signature is right, because WeChat alone has the phone's key.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/soter/verifySignature.html>

mod challenge;
mod verify;

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::{PlatformClient, SessionTokens},
    store::{Challenges, Sessions, TokenName},
};

/// Issues challenges and verifies the signatures that phones made.
pub struct SoterVerifyFunction {
    challenges: Challenges,
    platform: PlatformClient,
    sessions: SessionTokens,
    session_rows: Sessions,
}

impl Function for SoterVerifyFunction {
    const NAME: &'static str = "soter-verify";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            challenges: Challenges::new(host)?,
            platform: PlatformClient::new(host, TokenName::MiniProgram)?,
            sessions: SessionTokens::new(host)?,
            session_rows: Sessions::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "POST /api/soter/challenge" => self.issue_challenge(&request).await,
            "POST /api/verify-fingerprint" => self.verify_fingerprint(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}
