//! The cursor of the next page, as a text that is opaque to the caller.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{
    store::{CaseCursor, CaseKind},
    types::UnixSeconds,
};

pub(crate) fn encode(cursor: &CaseCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {}", cursor.opened_at.get(), cursor.case_id))
}

/// Parses a cursor of the list of `kind`; `None` if the text was not made by [`encode`] for this list.
pub(crate) fn parse(text: &str, kind: CaseKind) -> Option<CaseCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (opened_at, case_id) = std::str::from_utf8(&bytes).ok()?.split_once(' ')?;
    let list_open = case_id.strip_prefix(kind.as_str()).is_some_and(|rest| rest.starts_with(['-', '#']));
    let opened_at = UnixSeconds::new(opened_at.parse().ok()?);
    let cursor = CaseCursor { case_id: case_id.to_owned(), opened_at };
    // Only the text that `encode` makes of the cursor is accepted, and no key longer than DynamoDB's limit.
    (list_open && case_id.len() <= MAX_KEY_BYTES && encode(&cursor) == text).then_some(cursor)
}

const MAX_KEY_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_of_another_kind_or_a_made_up_one_is_refused() {
        let encoded =
            encode(&CaseCursor { case_id: "OVERSOLD-1".to_owned(), opened_at: UnixSeconds::new(7) });
        assert_eq!(encoded, "NyBPVkVSU09MRC0x");
        assert!(parse("NyBPVkVSU09MRCMx", CaseKind::Oversold).is_some(), "OVERSOLD#1, of before");
        assert!(parse(&encoded, CaseKind::Oversold).is_some());
        assert!(parse(&encoded, CaseKind::RefundStuck).is_none());
        for made_up in ["7 OVERSOLD", "OVERSOLD-1", "-7 OVERSOLD-1", "+7 OVERSOLD-1", "07 OVERSOLD-1", "7 "] {
            assert!(parse(&URL_SAFE_NO_PAD.encode(made_up), CaseKind::Oversold).is_none(), "{made_up}");
        }
        let long = format!("7 OVERSOLD-{}", "1".repeat(1024));
        assert!(parse(&URL_SAFE_NO_PAD.encode(long), CaseKind::Oversold).is_none());
    }

    proptest! {
        #[test]
        fn every_cursor_is_parsed_back(opened_at: u64, about in ".{0,60}", kind in prop::sample::select(CaseKind::ALL.to_vec()), mark in "[-#]") {
            let case_id = format!("{}{mark}{about}", kind.as_str());
            let cursor = CaseCursor { case_id, opened_at: UnixSeconds::new(opened_at) };
            prop_assert_eq!(parse(&encode(&cursor), kind), Some(cursor));
        }

        #[test]
        fn parsing_any_text_never_panics(text in ".{0,60}") {
            let _ = parse(&text, CaseKind::Oversold);
        }
    }
}
