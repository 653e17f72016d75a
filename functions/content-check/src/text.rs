//! The body of a text check, checked by WeChat's rules before WeChat is called.

use serde::Deserialize;
use shared::{
    api::{ApiError, request},
    types::OpenId,
    wechat::{CheckScene, TextCheck},
};

use crate::scene;

/// As the phone sends it.
#[derive(Deserialize)]
pub(crate) struct TextBody {
    content: Option<String>,
    scene: Option<u64>,
    title: Option<String>,
    nickname: Option<String>,
    signature: Option<String>,
}

/// A text that WeChat takes.
pub(crate) struct TextToCheck {
    content: String,
    scene: CheckScene,
    title: Option<String>,
    nickname: Option<String>,
    signature: Option<String>,
}

impl TextBody {
    /// # Errors
    /// `INVALID_INPUT` names the field that WeChat would not take.
    pub(crate) fn validate(self) -> Result<TextToCheck, ApiError> {
        let content = request::required("content", self.content)?;
        if content.trim().is_empty() || content.chars().count() > MAX_CONTENT {
            return Err(ApiError::invalid("content", "须为 1 至 2500 个字符"));
        }
        let scene = scene::parse(self.scene)?;
        for (name, value) in
            [("title", &self.title), ("nickname", &self.nickname), ("signature", &self.signature)]
        {
            if value.as_ref().is_some_and(|value| value.chars().count() > MAX_OTHER) {
                return Err(ApiError::invalid(name, "不能超过 500 个字符"));
            }
        }
        if self.signature.is_some() && scene != CheckScene::Profile {
            return Err(ApiError::invalid("signature", "只用于 scene 1"));
        }
        // An empty text says no more than an absent one.
        let [title, nickname, signature] = [self.title, self.nickname, self.signature]
            .map(|value| value.filter(|value| !value.trim().is_empty()));
        Ok(TextToCheck { content, scene, title, nickname, signature })
    }
}

impl TextToCheck {
    pub(crate) fn check<'a>(&'a self, openid: &'a OpenId) -> TextCheck<'a> {
        TextCheck {
            openid,
            scene: self.scene,
            content: &self.content,
            title: self.title.as_deref(),
            nickname: self.nickname.as_deref(),
            signature: self.signature.as_deref(),
        }
    }
}

/// WeChat's limit, in characters.
const MAX_CONTENT: usize = 2500;
/// WeChat documents no limit for the other texts; names, titles and signatures are shorter than this.
const MAX_OTHER: usize = 500;
