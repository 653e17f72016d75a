//! One line of a bill as text.

/// A line's text and number.
pub(super) struct LineText {
    pub(super) text: String,
    /// The number of the line; the header line is 1.
    pub(super) number: u64,
    /// Whether the line is longer than [`MAX_LINE_BYTES`], so that `text` is only its beginning.
    pub(super) is_cut: bool,
}

impl LineText {
    /// Whether the line has values. Every value has a back-tick before it, and a column's name has none.
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

/// The longest possible line, in bytes: 27 columns, of which the longest is free text of 128 characters.
pub(super) const MAX_LINE_BYTES: u64 = 16 * 1024;
