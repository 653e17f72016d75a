//! The error of every identifier.

/// The text is not such an identifier; says which rule it breaks, never the text itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {rule}")]
pub struct IdError {
    /// Which identifier was expected, in WeChat's name for it.
    pub what: &'static str,
    /// The rule that was broken.
    pub rule: &'static str,
}
