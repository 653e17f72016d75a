//! The error of all identifiers.

/// The text is not such an identifier. The error says which rule the text breaks, and does not quote the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {rule}")]
pub struct IdError {
    /// WeChat's name of the expected identifier.
    pub what: &'static str,
    /// The rule that was broken.
    pub rule: &'static str,
}
