//! `POST /api/login`: exchanges a code of `wx.login` for a user and a session token.
//!
//! WeChat: 小程序登录 (`code2Session`). The exchange uses the code up: if a later step fails, the phone needs a new code. So everything
//! that can fail without the exchange's result is done before the exchange.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, request, response},
    host::{Host, HostError, RemoteService},
    runtime::{Body, Function, Request, Response},
    secrets::CachedSecret,
    service::SessionTokens,
    store::{NewLogin, SessionKeys, Users},
    types::{AppId, Caller, Secret, UnixSeconds, UserId},
    wechat::LoginClient,
};

/// Logs users in.
pub struct LoginFunction {
    host: Host,
    app_id: AppId,
    secret: CachedSecret<MiniProgramSecret>,
    sessions: SessionTokens,
    session_keys: SessionKeys,
    users: Users,
    wechat: LoginClient,
}

/// The secret that `MINI_PROGRAM_SECRET_ARN` names.
#[derive(Deserialize)]
struct MiniProgramSecret {
    app_secret: Secret,
}

#[derive(Deserialize)]
struct LoginBody {
    code: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoginAnswer {
    token: String,
    /// Seconds.
    expires_in: u64,
    user_id: UserId,
    is_new_user: bool,
}

impl Function for LoginFunction {
    const NAME: &'static str = "login";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
            secret: CachedSecret::new(host, "MINI_PROGRAM_SECRET_ARN")?,
            sessions: SessionTokens::new(host)?,
            session_keys: SessionKeys::new(host)?,
            users: Users::new(host)?,
            wechat: LoginClient::new(host)?,
        })
    }

    async fn warm_up(&self) {
        let connections = self.host.open_connections(&[RemoteService::OpenPlatform, RemoteService::Aws]);
        // One after the other, so that they share a connection. The one to WeChat takes longer to open.
        let _ = self.secret.get().await;
        let _ = self.session_keys.ready().await;
        let _ = self.sessions.ready().await;
        connections.ended().await;
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let code = parse(request::json(&request)?)?;
        // WeChat is asked once the secrets are read, and DynamoDB once WeChat has answered.
        self.host.open_connections(&[RemoteService::OpenPlatform, RemoteService::Aws]);
        let (secret, session_keys, sessions) =
            tokio::join!(self.secret.get(), self.session_keys.ready(), self.sessions.ready());
        let secret = secret?;
        session_keys?;
        sessions?;

        let login = self.wechat.exchange(&code, &secret.app_secret).await?;
        let at_millis = self.host.now_millis();
        let session_key = self.session_keys.seal(&login.openid, &login.session_key).await?;
        let user_id = UserId::of(&self.app_id, &login.openid);
        let openid = login.openid.clone();
        let new_login =
            NewLogin { openid: login.openid, user_id, unionid: login.unionid, session_key, at_millis };
        let user = self.users.log_in(&new_login).await?;

        let issued_at = UnixSeconds::new(at_millis / 1000);
        let caller = Caller { user_id: user.user_id.clone(), openid, issued_at };
        Ok(response::success(&LoginAnswer {
            token: self.sessions.issue(&caller).await?,
            expires_in: SessionTokens::LIFETIME.as_secs(),
            user_id: user.user_id,
            is_new_user: user.is_new,
        }))
    }
}

fn parse(body: LoginBody) -> Result<String, ApiError> {
    let code = request::required("code", body.code)?;
    if code.is_empty() || code.len() > 256 || !code.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid("code", "不是有效的登录凭证"));
    }
    Ok(code)
}
