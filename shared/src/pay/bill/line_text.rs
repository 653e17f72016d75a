//! One line of a bill as text.

/// A line's text, and where it stands.
pub(super) struct LineText {
    pub(super) text: String,
    /// The first one is 1.
    pub(super) number: u64,
    /// Whether it is longer than any can be, and `text` is its beginning.
    pub(super) is_cut: bool,
}

impl LineText {
    /// Whether it has values: each of them has a back-tick before it, and names have none.
    pub(super) fn is_detail(&self) -> bool {
        self.text.starts_with('`')
    }

    pub(super) fn append(&mut self, next: &Self) {
        let room = usize::try_from(MAX_LINE_BYTES).unwrap_or(usize::MAX);
        if next.is_cut || self.text.len().saturating_add(next.text.len()) > room {
            self.is_cut = true;
        } else if !self.is_cut {
            self.text.push('\n');
            self.text.push_str(&next.text);
        }
    }
}

/// The longest line: 27 columns, of which the longest is free text of 128 characters.
pub(super) const MAX_LINE_BYTES: u64 = 16 * 1024;
