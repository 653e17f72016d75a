//! `PUT /api/user/profile`: the name and the picture that the user chose, with `<input type="nickname">` and
//! `<button open-type="chooseAvatar">`.
//!
//! Others see a name only after WeChat let it pass, and a picture only after WeChat's verdict, which is pushed. A name that must not be
//! shown is refused. Nothing is stored while WeChat can't be asked.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/userProfile.html>

use serde::Deserialize;
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::{ChosenName, User},
    types::{BucketFolder, Caller, ObjectKey, UploadKind},
    wechat::{CheckScene, Suggestion, TextCheck},
};

use crate::UserFunction;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChosenBody {
    nick_name: Option<String>,
    avatar_key: Option<String>,
}

/// What the user chose: a name, a picture, or both.
struct ChosenProfile {
    name: Option<String>,
    avatar: Option<ObjectKey>,
}

impl UserFunction {
    pub(crate) async fn choose_profile(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let ChosenProfile { name, avatar } = parse(request::json(request)?, &caller)?;
        self.rate_limit.count(&caller.user_id, self.host.now())?;
        let (user, session) = self.users.get_with_session(&caller.user_id, &caller.openid).await?;
        let is_signed_in = session.is_some_and(|session| session.honours(&caller));
        let user = user.filter(|_| is_signed_in).ok_or(Code::Unauthorized)?;
        // The name first, because a refused name must leave the picture as it was.
        let name = match name {
            Some(name) => Some(self.judge_name(&caller, name).await?),
            None => None,
        };
        if let Some(upload) = &avatar {
            self.avatars.begin(&caller, upload).await?;
        }
        let user = match (name, avatar) {
            (Some(name), _) => {
                // The groups first: a consent that is withdrawn at the same time finds a record that changes, or copies that are there.
                if let ChosenName::Passed(name) = &name {
                    self.show_in_groups(&User { chosen_name: Some(name.clone()), ..user }).await?;
                }
                self.users.set_name(&caller.user_id, &name).await?.ok_or(Code::Unauthorized)?
            }
            (None, Some(_)) => self.users.get(&caller.user_id).await?.ok_or(Code::Unauthorized)?,
            (None, None) => user,
        };
        Ok(response::success(&self.own_answer(&user)))
    }

    /// The name with WeChat's verdict.
    async fn judge_name(&self, caller: &Caller, name: String) -> Result<ChosenName, ApiError> {
        let check = TextCheck {
            openid: &caller.openid,
            scene: CheckScene::Profile,
            content: &name,
            title: None,
            nickname: Some(&name),
            signature: None,
        };
        match self.checker.check_text(&check).await?.suggestion {
            Suggestion::Pass => Ok(ChosenName::Passed(name)),
            Suggestion::Review => Ok(ChosenName::Pending(name)),
            Suggestion::Risky => Err(ApiError::invalid("nickName", "不宜展示，请换一个")),
        }
    }
}

fn parse(body: ChosenBody, caller: &Caller) -> Result<ChosenProfile, ApiError> {
    if body.nick_name.is_none() && body.avatar_key.is_none() {
        return Err(ApiError::invalid("nickName", "和 avatarKey 不能都为空"));
    }
    let name = body.nick_name.map(|name| parse_name(&name)).transpose()?;
    let avatar = body.avatar_key.map(|key| parse_avatar(&key, caller)).transpose()?;
    Ok(ChosenProfile { name, avatar })
}

fn parse_name(text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(ApiError::invalid("nickName", "须为 1 至 32 个字符"));
    }
    if name.chars().any(char::is_control) {
        return Err(ApiError::invalid("nickName", "不能有换行等控制字符"));
    }
    Ok(name.to_owned())
}

fn parse_avatar(text: &str, caller: &Caller) -> Result<ObjectKey, ApiError> {
    let key = ObjectKey::parse(text).ok();
    let key = key.filter(|key| key.folder() == BucketFolder::Incoming && key.kind() == UploadKind::Avatar);
    let key = key.ok_or_else(|| ApiError::invalid("avatarKey", "须为上传头像时得到的 objectKey"))?;
    if *key.owner() != caller.user_id {
        return Err(Code::NotFound.into());
    }
    Ok(key)
}

/// WeChat's own limit of a name.
const MAX_NAME: usize = 32;
