//! Temporary media, which are kept for three days.

use std::collections::HashMap;

use axum::body::Bytes;

use crate::core::clock::DAY;
use crate::core::random;

/// The media of customer service, by `media_id`.
#[derive(Debug, Default)]
pub(super) struct MediaStore(HashMap<String, Media>);

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Media {
    pub(super) content_type: &'static str,
    pub(super) bytes: Bytes,
    /// Unix milliseconds.
    created_at: u64,
}

impl MediaStore {
    /// Keeps a picture; returns its `media_id`, or `None` if the bytes are no picture.
    pub(super) fn put(&mut self, bytes: Bytes, now: u64) -> Option<String> {
        let content_type = content_type_of(&bytes)?;
        let media_id = random::media_id();
        self.0.insert(media_id.clone(), Media { content_type, bytes, created_at: now });
        Some(media_id)
    }

    /// The picture, if it is kept still.
    pub(super) fn get(&self, media_id: &str, now: u64) -> Option<&Media> {
        self.0.get(media_id).filter(|media| now.saturating_sub(media.created_at) < 3 * DAY)
    }
}

/// The type of a picture by its first bytes.
fn content_type_of(bytes: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 4] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
    ];
    KNOWN.into_iter().find(|(head, _)| bytes.starts_with(head)).map(|(_, content_type)| content_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_kept_for_three_days() {
        let mut media = MediaStore::default();
        let picture = Bytes::from_static(b"GIF89a");
        let media_id = media.put(picture.clone(), 1000).unwrap();
        let kept = media.get(&media_id, 999 + 3 * DAY).unwrap();
        assert_eq!((&kept.bytes, kept.content_type), (&picture, "image/gif"));
        assert_eq!(media.get(&media_id, 1000 + 3 * DAY), None);
        assert_eq!(media.get("unknown", 1000), None);
        assert_eq!(media.put(Bytes::from_static(b"RIFF"), 1000), None);
    }
}
