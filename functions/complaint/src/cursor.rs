//! The cursor of the next page, as a text that is opaque to the caller.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{
    store::ComplaintCursor,
    types::{ComplaintId, UnixSeconds},
};

pub(crate) fn encode(cursor: &ComplaintCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {}", cursor.complained_at.get(), cursor.complaint_id))
}

/// Parses a cursor; `None` if the text was not made by [`encode`].
pub(crate) fn parse(text: &str) -> Option<ComplaintCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (complained_at, complaint_id) = std::str::from_utf8(&bytes).ok()?.split_once(' ')?;
    let cursor = ComplaintCursor {
        complaint_id: ComplaintId::parse(complaint_id).ok()?,
        complained_at: UnixSeconds::new(complained_at.parse().ok()?),
    };
    // Only the text that `encode` makes of the cursor is accepted.
    (encode(&cursor) == text).then_some(cursor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_cursor_is_parsed_back(at: u64, id in "[0-9]{1,30}") {
            let complaint_id = ComplaintId::parse(&id).unwrap();
            let cursor = ComplaintCursor { complaint_id, complained_at: UnixSeconds::new(at) };
            prop_assert_eq!(parse(&encode(&cursor)), Some(cursor));
        }

        #[test]
        fn parsing_any_text_never_panics(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
