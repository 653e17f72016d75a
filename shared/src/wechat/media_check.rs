//! Asking whether a picture or a sound may be shown: WeChat's 音视频内容安全识别, version 2.
//!
//! WeChat answers with a `trace_id` and pushes its verdict within 30 minutes (`wechat/push/media_verdict.rs`). Videos are not judged: WeChat
//! takes one as a picture and finds nothing in it.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/sec-center/sec-check/mediaCheckAsync.html>

use serde_json::{Map, Value, json};

use super::CheckScene;
use crate::types::{OpenId, TraceId, UploadKind};

/// What WeChat judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// A sound.
    Audio,
    /// A picture.
    Image,
}

impl MediaKind {
    /// What an upload of this kind is.
    #[must_use]
    pub fn of(upload: UploadKind) -> Self {
        match upload {
            UploadKind::Audio => Self::Audio,
            UploadKind::Avatar | UploadKind::Image => Self::Image,
        }
    }

    /// The kind with this name, `audio` or `image`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "audio" => Some(Self::Audio),
            "image" => Some(Self::Image),
            _ => None,
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Audio => 1,
            Self::Image => 2,
        }
    }
}

/// A picture or a sound to be judged.
pub struct MediaToCheck<'a> {
    /// Whose it is. WeChat checks only what comes from users who have opened the mini program within the last two hours.
    pub openid: &'a OpenId,
    /// Where it is to be shown.
    pub scene: CheckScene,
    /// Whether it is a picture or a sound.
    pub kind: MediaKind,
    /// Where WeChat downloads it, without cookies and without following redirects. 10 MB at most.
    pub media_url: &'a str,
}

impl MediaToCheck<'_> {
    /// The API.
    pub const PATH: &'static str = "/wxa/media_check_async";

    /// As WeChat reads it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "version": 2,
            "openid": self.openid.as_str(),
            "scene": self.scene.number(),
            "media_type": self.kind.number(),
            "media_url": self.media_url,
        })
    }

    /// The number under which WeChat pushes the verdict; `None` if the answer has none that can be read.
    #[must_use]
    pub fn trace_id(answer: &Map<String, Value>) -> Option<TraceId> {
        TraceId::parse(answer.get("trace_id")?.as_str()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_wechat_s_numbers_and_the_version() {
        let openid = OpenId::parse("o5wQws1FH2FD2uaNtxmrc1jiG4dc").unwrap();
        for (kind, number) in [(UploadKind::Audio, 1), (UploadKind::Image, 2), (UploadKind::Avatar, 2)] {
            let kind = MediaKind::of(kind);
            let media_url = "https://example.com/a.jpg";
            let body = MediaToCheck { openid: &openid, scene: CheckScene::Forum, kind, media_url }.to_json();
            let expected = json!({ "version": 2, "openid": openid.as_str(), "scene": 3, "media_type": number, "media_url": media_url });
            assert_eq!(body, expected);
        }
    }

    #[test]
    fn an_answer_without_a_trace_id_is_noticed() {
        for (answer, expected) in [
            (json!({ "trace_id": "60f96f1d-3845297a-1976a3ce" }), true),
            (json!({ "trace_id": "" }), false),
            (json!({ "trace_id": 7 }), false),
            (json!({ "errcode": 0 }), false),
        ] {
            assert_eq!(MediaToCheck::trace_id(answer.as_object().unwrap()).is_some(), expected, "{answer}");
        }
    }
}
