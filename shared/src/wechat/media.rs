//! Temporary media (临时素材): pictures that WeChat keeps for three days, for messages of customer service.
//!
//! WeChat: 新增图片素材 (`uploadTempMedia`), 获取客服消息内的临时素材 (`getTempMedia`).

use std::time::Duration;

use serde_json::{Map, Value};

use super::loose_json;
use crate::types::{MediaId, UnixSeconds};

/// `POST` of a picture, with `type=image` in the query.
pub const UPLOAD: &str = "/cgi-bin/media/upload";
/// `GET` of a picture, with `media_id` in the query.
pub const DOWNLOAD: &str = "/cgi-bin/media/get";

/// The content type of a picture by its first bytes; `None` if the bytes are no picture that WeChat takes.
#[must_use]
pub fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], _); 4] = [
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
    ];
    known.into_iter().find_map(|(magic, name)| bytes.starts_with(magic).then_some(name))
}

/// Whether the bytes are a picture.
#[must_use]
pub fn is_picture(bytes: &[u8]) -> bool {
    picture_type(bytes).is_some()
}

/// A picture that WeChat has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedMedia {
    /// What messages name it by.
    pub media_id: MediaId,
    /// When WeChat drops it.
    pub expires_at: UnixSeconds,
}

impl UploadedMedia {
    /// Reads WeChat's answer to an upload; `None` if it names no `media_id`. Without `created_at` the three days begin `now`.
    #[must_use]
    pub fn read(answer: &Map<String, Value>, now: UnixSeconds) -> Option<Self> {
        let media_id = MediaId::parse(answer.get("media_id")?.as_str()?).ok()?;
        let created_at =
            answer.get("created_at").and_then(loose_json::whole_number).map_or(now, UnixSeconds::new);
        Some(Self { media_id, expires_at: created_at.plus(LIFETIME) })
    }
}

/// How long WeChat keeps a picture.
const LIFETIME: Duration = Duration::from_secs(3 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_picture_is_recognised_by_its_first_bytes() {
        assert_eq!(picture_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(picture_type(b"\x89PNG\r\n\x1a\n"), Some("image/png"));
        for bytes in [&b""[..], b"\xff\xd8", b"{\"errcode\":40007}", b"RIFF"] {
            assert!(!is_picture(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn an_uploaded_picture_is_kept_for_three_days() {
        let now = UnixSeconds::new(1_700_000_000);
        let read = |answer: Value| UploadedMedia::read(answer.as_object().unwrap(), now);
        let media = read(json!({ "type": "image", "media_id": "m-1", "created_at": "1700000007" })).unwrap();
        assert_eq!((media.media_id.as_str(), media.expires_at.get()), ("m-1", 1_700_259_207));
        assert_eq!(read(json!({ "media_id": "m-1" })).unwrap().expires_at.get(), 1_700_259_200);
        assert_eq!(read(json!({ "created_at": 1 })), None);
        assert_eq!(read(json!({ "media_id": "" })), None);
    }
}
