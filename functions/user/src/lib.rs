//! `GET /api/user`, `POST /api/user/profile`, `PUT /api/admin/users/{userId}/role`: the user's own record.

mod profile;
mod role;

use serde::Serialize;
use shared::{
    error::{ApiError, Code},
    host::{Host, HostError},
    http::{answer, extract},
    runtime::{Body, Function, Request, Response},
    session::Sessions,
    store::{Role, SessionKeys, User, Users},
    types::{AppId, UserId},
};

/// Answers about users.
pub struct UserFunction {
    host: Host,
    app_id: AppId,
    sessions: Sessions,
    session_keys: SessionKeys,
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
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            user_id: user.user_id,
            role: user.role,
            nick_name: user.nick_name,
            avatar_url: user.avatar_url,
        }
    }
}

impl Function for UserFunction {
    const NAME: &'static str = "user";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
            sessions: Sessions::new(host)?,
            session_keys: SessionKeys::new(host)?,
            users: Users::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match extract::route(&request) {
            "GET /api/user" => self.read(&request).await,
            "POST /api/user/profile" => self.profile(&request).await,
            "PUT /api/admin/users/{userId}/role" => self.set_role(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl UserFunction {
    async fn read(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let user = self.users.get(&caller.user_id).await?.ok_or(Code::Unauthorized)?;
        Ok(answer::success(&UserAnswer { user: user.into() }))
    }
}
