//! `GET /api/user`, `DELETE /api/user`, `POST /api/user/profile`, `PUT /api/admin/users/{userId}/role`: reads, erases and updates the caller's record, and sets a user's role.

mod erase;
mod profile;
mod role;

use serde::Serialize;
use shared::{
    api::{ApiError, Code, request, response},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::{SessionTokens, WeChatSessions},
    store::{Erasures, Role, User, Users},
    types::UserId,
};

/// Answers requests about users.
pub struct UserFunction {
    erasures: Erasures,
    host: Host,
    wechat_sessions: WeChatSessions,
    sessions: SessionTokens,
    users: Users,
}

#[derive(Serialize)]
struct UserAnswer {
    user: UserView,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserView {
    user_id: UserId,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    nick_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
    /// The phone number with its middle digits masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            user_id: user.user_id,
            role: user.role,
            nick_name: user.nick_name,
            avatar_url: user.avatar_url,
            phone_number: user.phone.map(|phone| phone.pure_phone_number.masked()),
        }
    }
}

impl Function for UserFunction {
    const NAME: &'static str = "user";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            erasures: Erasures::new(host)?,
            host: host.clone(),
            wechat_sessions: WeChatSessions::new(host)?,
            sessions: SessionTokens::new(host)?,
            users: Users::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "GET /api/user" => self.read_user(&request).await,
            "DELETE /api/user" => self.erase_user(&request).await,
            "POST /api/user/profile" => self.update_profile(&request).await,
            "PUT /api/admin/users/{userId}/role" => self.set_role(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl UserFunction {
    async fn read_user(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let user = self.users.get(&caller.user_id).await?.ok_or(Code::Unauthorized)?;
        Ok(response::success(&UserAnswer { user: user.into() }))
    }
}
