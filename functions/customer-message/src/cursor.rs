//! The cursors of the next page, as texts that are opaque to the caller.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{
    store::ConversationCursor,
    types::{OpenId, UnixSeconds},
};

pub(crate) fn encode_conversation(cursor: &ConversationCursor) -> String {
    let ConversationCursor { last_message_at, openid } = cursor;
    URL_SAFE_NO_PAD.encode(format!("{} {}", last_message_at.get(), openid.as_str()))
}

/// Parses a cursor of the list of conversations; `None` if the text was not made by [`encode_conversation`].
pub(crate) fn parse_conversation(text: &str) -> Option<ConversationCursor> {
    let decoded = decode(text)?;
    let (last_message_at, openid) = decoded.split_once(' ')?;
    let last_message_at = UnixSeconds::new(last_message_at.parse().ok()?);
    let cursor = ConversationCursor { last_message_at, openid: OpenId::parse(openid).ok()? };
    (encode_conversation(&cursor) == text).then_some(cursor)
}

pub(crate) fn encode_message(sort_key: &str) -> String {
    URL_SAFE_NO_PAD.encode(sort_key)
}

/// Parses a cursor of the messages of a conversation: twelve digits of the time, a hyphen and hexadecimal digits. `None` if the text was
/// not made by [`encode_message`].
pub(crate) fn parse_message(text: &str) -> Option<String> {
    let sort_key = decode(text)?;
    let (time, hash) = sort_key.split_once('-')?;
    let is_time = time.len() == 12 && time.bytes().all(|byte| byte.is_ascii_digit());
    let is_hash = hash.len() <= 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_time && is_hash && encode_message(&sort_key) == text).then_some(sort_key)
}

fn decode(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_made_up_cursor_is_refused() {
        for made_up in ["7", "7 ", " o1", "-7 o1", "+7 o1", "07 o1", "7 o 1"] {
            assert!(parse_conversation(&URL_SAFE_NO_PAD.encode(made_up)).is_none(), "{made_up}");
        }
        for made_up in ["#window", "000000000007", "7-aa", "000000000007-xyz", "00000000000a-aa"] {
            assert!(parse_message(&URL_SAFE_NO_PAD.encode(made_up)).is_none(), "{made_up}");
        }
        assert_eq!(parse_message(&encode_message("000000000007-ab")).as_deref(), Some("000000000007-ab"));
    }

    proptest! {
        #[test]
        fn every_cursor_is_parsed_back(time in 0_u64..999_999_999_999, openid in "[A-Za-z0-9_-]{1,64}") {
            let openid = OpenId::parse(&openid).unwrap();
            let cursor = ConversationCursor { last_message_at: UnixSeconds::new(time), openid };
            prop_assert_eq!(parse_conversation(&encode_conversation(&cursor)), Some(cursor));
        }

        #[test]
        fn parsing_any_text_never_panics(text in ".{0,60}") {
            let _ = parse_conversation(&text);
            let _ = parse_message(&text);
        }
    }
}
