//! Recognises pictures by their first bytes, because WeChat sends errors with a picture's content type and pictures with others.

/// The content type of the picture; `None` if the bytes are no picture.
pub(crate) fn content_type(bytes: &[u8]) -> Option<&'static str> {
    let known = [(JPEG, "image/jpeg"), (PNG, "image/png")];
    known.into_iter().find_map(|(magic, name)| bytes.starts_with(magic).then_some(name))
}

/// Whether the bytes are a picture.
pub(crate) fn is_picture(bytes: &[u8]) -> bool {
    content_type(bytes).is_some()
}

const JPEG: &[u8] = b"\xff\xd8\xff";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_recognised_by_its_first_bytes_only() {
        assert_eq!(content_type(b"\xff\xd8\xff\xe0\x00\x10JFIF"), Some("image/jpeg"));
        assert_eq!(content_type(b"\x89PNG\r\n\x1a\n\x00"), Some("image/png"));
        for bytes in [&b""[..], b"\xff\xd8", b"\x89PNG", b"{\"errcode\":0}", b"<html>", b" \xff\xd8\xff"] {
            assert!(!is_picture(bytes), "{bytes:?}");
        }
    }
}
