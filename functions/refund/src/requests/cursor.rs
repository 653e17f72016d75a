//! The cursor of the next page, as a text that is opaque to the caller.

use shared::{
    store::RefundRequestCursor,
    types::{OrderId, UnixSeconds},
};

pub(super) fn encode(cursor: &RefundRequestCursor) -> String {
    format!("{}-{}", cursor.order_id, cursor.requested_at.get())
}

/// Parses a cursor; `None` if the text was not made by [`encode`].
pub(super) fn parse(text: &str) -> Option<RefundRequestCursor> {
    let (order_id, requested_at) = text.split_once('-')?;
    let requested_at = UnixSeconds::new(requested_at.parse().ok()?);
    let cursor = RefundRequestCursor { order_id: OrderId::parse(order_id).ok()?, requested_at };
    (encode(&cursor) == text).then_some(cursor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_and_no_other_text_is_one(at: u64, text in ".{0,50}") {
            let order_id = OrderId::new(UnixSeconds::new(1_700_000_000), [7; 10]);
            let cursor = RefundRequestCursor { order_id, requested_at: UnixSeconds::new(at) };
            prop_assert_eq!(parse(&encode(&cursor)), Some(cursor));
            prop_assert!(parse(&text).is_none());
        }
    }
}
