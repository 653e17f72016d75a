//! `POST /api/user/profile`: stores what `wx.getUserInfo` gave the phone, as far as WeChat has signed or encrypted it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::Profile,
    types::UnionId,
    wechat::loose_json,
};

use crate::UserFunction;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProfileBody {
    raw_data: Option<String>,
    signature: Option<String>,
    encrypted_data: Option<String>,
    iv: Option<String>,
}

struct ProfileInput {
    raw_data: String,
    info: Map<String, Value>,
    signature: String,
    encrypted: Option<(String, String)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProfileAnswer {
    user_info: Map<String, Value>,
}

impl UserFunction {
    pub(crate) async fn update_profile(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let input = parse(request::json(request)?)?;
        let session = self.wechat_sessions.get(&caller, &self.users).await?;
        if !session.verifies_raw_data(&input.raw_data, &input.signature) {
            return Err(Code::SessionExpired.into());
        }
        let mut info = match &input.encrypted {
            None => input.info,
            Some((data, iv)) => session.decrypt(data, iv)?,
        };
        let unionid = info.get("unionId").and_then(Value::as_str).and_then(|text| UnionId::parse(text).ok());
        if let Some(unionid) = unionid.filter(|id| session.row.unionid.as_ref() != Some(id)) {
            self.users.learn_unionid(&session.row, &unionid, self.host.now()).await?;
        }
        let profile =
            Profile { nick_name: text(&info, "nickName", 64), avatar_url: text(&info, "avatarUrl", 1024) };
        let user = self.users.set_profile(&caller.user_id, &profile).await?.ok_or(Code::Unauthorized)?;
        self.show_in_groups(&user).await?;
        for name in ["openId", "unionId", "watermark"] {
            info.remove(name);
        }
        Ok(response::success(&ProfileAnswer { user_info: info }))
    }
}

fn parse(body: ProfileBody) -> Result<ProfileInput, ApiError> {
    let raw_data = request::required("rawData", body.raw_data)?;
    let signature = request::required("signature", body.signature)?;
    // The signature covers the text exactly as it came. It is checked on that text before `info` is used.
    let info = loose_json::read_object(raw_data.as_bytes());
    let info = info.ok_or_else(|| ApiError::invalid("rawData", "不是有效的用户信息"))?;
    if signature.len() != 40 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ApiError::invalid("signature", "不是有效的签名"));
    }
    let encrypted = match (body.encrypted_data, body.iv) {
        (None, None) => None,
        (Some(data), Some(iv)) => Some((data, iv)),
        (None, Some(_)) => return Err(ApiError::invalid("encryptedData", "不能为空")),
        (Some(_), None) => return Err(ApiError::invalid("iv", "不能为空")),
    };
    Ok(ProfileInput { raw_data, info, signature, encrypted })
}

/// The field `name` of the user's profile; `None` if it is empty or longer than `max_characters`.
fn text(info: &Map<String, Value>, name: &str, max_characters: usize) -> Option<String> {
    let text = info.get(name)?.as_str()?;
    (!text.is_empty() && text.chars().count() <= max_characters).then(|| text.to_owned())
}
