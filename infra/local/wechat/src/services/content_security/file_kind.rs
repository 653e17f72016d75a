//! The kinds of files that WeChat judges, by their first bytes.

/// Whether WeChat judges such a file as a picture (2) or as a sound (1). A video is taken as a picture, and nothing is found in it.
pub(super) fn is_judged(media_type: u8, bytes: &[u8]) -> bool {
    match media_type {
        2 => is_picture(bytes) || is_video(bytes),
        _ => is_sound(bytes),
    }
}

/// Whether the file is a video in the form MP4, which WeChat does not look into.
pub(super) fn is_video(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ftyp")
}

/// JPEG, PNG, BMP, GIF.
fn is_picture(bytes: &[u8]) -> bool {
    const HEADS: [&[u8]; 4] = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF8"];
    HEADS.iter().any(|head| bytes.starts_with(head))
}

/// MP3 with and without a tag, AAC, AC3, WMA, FLAC, Vorbis and Opus in Ogg, WAV; not M4A.
fn is_sound(bytes: &[u8]) -> bool {
    const HEADS: [&[u8]; 6] = [b"ID3", b"\x0b\x77", b"\x30\x26\xb2\x75", b"fLaC", b"OggS", b"RIFF"];
    let is_mpeg = matches!(bytes, [0xff, second, ..] if second & 0xe0 == 0xe0);
    is_mpeg || HEADS.iter().any(|head| bytes.starts_with(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_say_whether_a_file_is_judged() {
        for picture in
            [&b"\x89PNG\r\n\x1a\nx"[..], b"GIF89a", b"\xff\xd8\xff\xe0", b"BM6", b"\0\0\0\x18ftypmp42"]
        {
            assert!(is_judged(2, picture));
        }
        for sound in [&b"ID3x"[..], b"\xff\xfb\x90", b"\xff\xf1", b"fLaC", b"OggS", b"RIFFxxxxWAVE"] {
            assert!(is_judged(1, sound) && !is_judged(2, sound));
        }
        for other in [&b"\0\0\0\x18ftypM4A "[..], b"GIF89a", b"text", b""] {
            assert!(!is_judged(1, other));
        }
        assert!(!is_judged(2, b"text") && !is_judged(2, b""));
    }
}
