//! Login: `GET /sns/jscode2session` (小程序登录 code2Session).

use serde::Deserialize;

use super::{Client, ErrcodeClass, WeChatCall, WeChatError};
use crate::{
    host::{Host, HostError, RetryPolicy},
    types::{AppId, OpenId, Secret, SessionKey, UnionId},
};

/// The result of a login.
pub struct Login {
    /// The user's id in this mini program.
    pub openid: OpenId,
    /// The key of the session that this login has begun.
    pub session_key: SessionKey,
    /// The user's id across the apps of one owner; `None` unless the mini program is bound to an Open Platform account.
    pub unionid: Option<UnionId>,
}

#[derive(Deserialize)]
struct Code2SessionResponse {
    openid: String,
    session_key: String,
    #[serde(default)]
    unionid: Option<String>,
}

/// Why the exchange of a code failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The code is malformed, expired, used or another app's. An earlier call whose answer was lost may have used it.
    #[error("the code is not valid (any more)")]
    Code(#[source] WeChatError),
    /// WeChat blocks the user as a high risk.
    #[error("WeChat blocks the user's login")]
    Blocked(#[source] WeChatError),
    /// Too many logins of this user, or of all users of the day.
    #[error("too many logins")]
    TooMany(#[source] WeChatError),
    /// WeChat is busy, can't be reached or gives no answer. The code may still be valid: send it again.
    #[error("WeChat is busy")]
    Busy(#[source] WeChatError),
    /// Our appid or AppSecret is wrong, or the answer can't be read.
    #[error("the login is not configured right")]
    Config(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Exchanges codes for sessions.
pub struct LoginClient {
    client: Client,
    app_id: AppId,
}

impl LoginClient {
    /// Reads `MINI_PROGRAM_APP_ID`; the client reads its own variable.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let app_id = host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?;
        Ok(Self { client: Client::new(host)?, app_id })
    }

    /// Exchanges `code` for a session. A code can be exchanged once.
    ///
    /// # Errors
    /// [`LoginError`]. After [`LoginError::Busy`] the same code may succeed; after any other the phone needs a new one.
    pub async fn exchange(&self, code: &str, app_secret: &Secret) -> Result<Login, LoginError> {
        let query = [
            ("appid", self.app_id.as_str()),
            ("secret", app_secret.expose()),
            ("js_code", code),
            ("grant_type", "authorization_code"),
        ];
        let call = WeChatCall { retry: RetryPolicy::OneTimeCode, ..WeChatCall::get(PATH, &query) };
        let answer = self.client.json(&call).await.map_err(failed)?;
        let answer: Code2SessionResponse = serde_json::from_value(answer.into())
            .map_err(|_| LoginError::Config(not_understood("its fields")))?;
        let openid = OpenId::parse(&answer.openid).map_err(|error| LoginError::Config(Box::new(error)))?;
        let session_key =
            SessionKey::parse(&answer.session_key).map_err(|error| LoginError::Config(Box::new(error)))?;
        // The unionid is optional, and the code is used up by now. So a malformed unionid is dropped and does not fail the login.
        let unionid = answer.unionid.and_then(|text| UnionId::parse(&text).ok());
        Ok(Login { openid, session_key, unionid })
    }
}

fn failed(error: WeChatError) -> LoginError {
    let WeChatError::Refused { errcode, .. } = &error else { return LoginError::Busy(error) };
    match errcode.0 {
        40029 | 40163 | 41008 => LoginError::Code(error),
        40226 => LoginError::Blocked(error),
        // Every other errcode is decided by its class.
        _ => match errcode.class() {
            ErrcodeClass::Busy => LoginError::Busy(error),
            ErrcodeClass::Quota => LoginError::TooMany(error),
            ErrcodeClass::Config | ErrcodeClass::Request | ErrcodeClass::Token => {
                LoginError::Config(Box::new(error))
            }
        },
    }
}

fn not_understood(what: &str) -> Box<dyn std::error::Error + Send + Sync> {
    format!("{PATH} answered what can't be understood: {what}").into()
}

const PATH: &str = "/sns/jscode2session";
