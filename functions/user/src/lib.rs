//! `/api/user` and `/api/admin/users`: reads and erases the caller's record, takes the name and the picture that a user chose, and sets a
//! user's role.

mod chosen_profile;
mod erase;
mod profile;
mod role;
mod view;

use shared::{
    api::{ApiError, Code, RateLimit, request, response},
    host::{Host, HostError, UploadsBucket},
    runtime::{Body, Function, Request, Response},
    service::{AvatarChecker, ContentChecker, SessionTokens, WeChatSessions},
    store::{Erasures, Groups, ShownUser, User, Users},
};

/// Answers requests about users.
pub struct UserFunction {
    erasures: Erasures,
    host: Host,
    avatars: AvatarChecker,
    bucket: UploadsBucket,
    checker: ContentChecker,
    groups: Groups,
    rate_limit: RateLimit,
    wechat_sessions: WeChatSessions,
    sessions: SessionTokens,
    users: Users,
}

impl Function for UserFunction {
    const NAME: &'static str = "user";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            erasures: Erasures::new(host)?,
            host: host.clone(),
            avatars: AvatarChecker::new(host)?,
            bucket: UploadsBucket::new(host)?,
            checker: ContentChecker::new(host)?,
            groups: Groups::new(host)?,
            rate_limit: RateLimit::per_minute(PROFILES_PER_MINUTE),
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
            "PUT /api/user/profile" => self.choose_profile(&request).await,
            "PUT /api/admin/users/{userId}/role" => self.set_role(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl UserFunction {
    async fn read_user(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let user = self.users.get(&caller.user_id).await?.ok_or(Code::Unauthorized)?;
        Ok(response::success(&self.own_answer(&user)))
    }

    /// Brings the user's name and picture to the groups of which the user is a member.
    async fn show_in_groups(&self, user: &User) -> Result<(), ApiError> {
        let shown = ShownUser::of(user);
        Ok(self.groups.change_profile(&user.user_id, None, |profile| profile.set_shown(&shown)).await?)
    }
}

/// WeChat checks the texts and pictures of all users together, a few thousand a minute.
const PROFILES_PER_MINUTE: u32 = 10;
