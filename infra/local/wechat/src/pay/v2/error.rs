//! The error of Pay v2's business level: `result_code` FAIL.

/// `result_code` FAIL: the `err_code` and its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct V2Error {
    pub(crate) err_code: String,
    pub(crate) description: String,
}

impl V2Error {
    pub(crate) fn new(err_code: &str, description: impl Into<String>) -> Self {
        Self { err_code: err_code.to_owned(), description: description.into() }
    }
}
