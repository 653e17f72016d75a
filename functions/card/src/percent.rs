//! Decodes percent-encoding once. `+` stays, because the texts are Base64.

/// The decoded text; the text itself if it is not well encoded.
pub(crate) fn decode(text: &str) -> String {
    decode_bytes(text.as_bytes())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_else(|| text.to_owned())
}

fn decode_bytes(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_decoded_once_and_keeps_its_plus_signs() {
        for (text, plain) in [
            ("MzA%3D%3D", "MzA=="),
            ("a%2Bb+c", "a+b+c"),
            ("%253D", "%3D"),
            ("%E5%8D%A1", "卡"),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%+1", "%+1"),
            ("%ff", "%ff"),
        ] {
            assert_eq!(decode(text), plain, "{text}");
        }
    }
}
